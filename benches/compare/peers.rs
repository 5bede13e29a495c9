//! The other contestants, each configured for the same job as its own documentation recommends. The
//! files of this folder are their configurations, with `@name@` where something is filled in.

mod asking;
mod envoy;
mod haproxy;
mod nginx_lua;
mod pingap;

use std::path::{Path, PathBuf};

use crate::contestants::{Contestant, Stage};
use crate::levels::Who;

/// Starts a peer; or says why it is not there.
pub(crate) fn start(who: Who, stage: &Stage<'_>) -> Result<Contestant, String> {
    match who {
        Who::NginxLua => nginx_lua::start(stage),
        Who::Haproxy => haproxy::start(stage),
        Who::Pingap => pingap::start(stage),
        Who::Envoy => envoy::start(stage, None),
        Who::EnvoyCache => envoy::start(stage, Some(envoy::CACHE_TOKENS)),
        Who::AuthRequest => asking::nginx(stage),
        Who::Traefik => asking::traefik(stage),
        Who::Caddy => asking::caddy(stage),
        Who::Bare | Who::SameBuilt | Who::Gateway | Who::LaneClosed | Who::Before => {
            Err("it is no peer".to_owned())
        }
    }
}

/// A configuration with its gaps filled.
fn filled(template: &str, gaps: &[(&str, &str)]) -> String {
    gaps.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

/// Writes a file of a peer's folder.
fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let file = folder.join(name);
    std::fs::write(&file, text).map_err(|fault| format!("{}: {fault}", file.display()))?;
    Ok(file)
}

/// The folders that Debian's nginx has where only the administrator may write.
fn nginx_folders(folder: &Path) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    kinds.map(|kind| format!("    {kind}_temp_path {};\n", folder.join(kind).display())).concat()
}

/// nginx with a configuration, in one process.
fn nginx(folder: &Path, configuration: &Path) -> std::process::Command {
    let globals = format!(
        "daemon off; master_process off; pid {}; error_log stderr error;",
        folder.join("pid").display()
    );
    let mut command = crate::programs::debian("nginx");
    command.arg("-c").arg(configuration).arg("-p").arg(folder).args(["-e", "stderr", "-g", &globals]);
    command
}
