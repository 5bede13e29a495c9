//! Proxies that ask the gateway about each request, and forward it themselves. What both of them
//! spend is counted.

use std::path::Path;
use std::process::Command;

use super::{filled, nginx as nginx_of, nginx_folders, write};
use crate::contestants::{Contestant, Stage};
use crate::gateways::{self, Settings};
use crate::levels::Level;
use crate::programs::{Program, Side, free_addresses, installed};

const VERIFIED: [Level; 2] = [Level::Hs, Level::BadSignature];

/// The gateway that a proxy asks.
fn asked(stage: &Stage<'_>, proxy: &'static str) -> Result<Program, String> {
    let settings = Settings { asked_by: Some(proxy), ..Settings::default() };
    gateways::gateway(stage, &format!("asked-by-{proxy}"), &settings)
}

pub(super) fn nginx(stage: &Stage<'_>) -> Result<Contestant, String> {
    let folder = stage.folder("nginx-auth-request")?;
    let gateway = asked(stage, "nginx")?;
    let [listen] = free_addresses();
    let gaps = [
        ("temporary", &*nginx_folders(&folder)),
        ("upstream", &stage.upstream.to_string()),
        ("gateway", &gateway.address.to_string()),
        ("listen", &listen.to_string()),
    ];
    let file = write(&folder, "nginx.conf", &filled(include_str!("nginx-auth-request.conf"), &gaps))?;
    let program = Program::told(stage.cores, Side::Proxy, &mut nginx_of(&folder, &file), &folder, listen)?;
    let pids = [program.pid(), gateway.pid()];
    Ok(Contestant::of(vec![program, gateway]).door(&VERIFIED, listen, &pids))
}

pub(super) fn traefik(stage: &Stage<'_>) -> Result<Contestant, String> {
    let folder = stage.folder("traefik")?;
    let gateway = asked(stage, "traefik")?;
    let [plain, verified] = free_addresses();
    let gaps = [
        ("folder", &*folder.display().to_string()),
        ("upstream", &stage.upstream.to_string()),
        ("gateway", &gateway.address.to_string()),
        ("plain", &plain.to_string()),
        ("verified", &verified.to_string()),
    ];
    write(&folder, "traefik-routes.yml", &filled(include_str!("traefik-routes.yml"), &gaps))?;
    let file = write(&folder, "traefik.yml", &filled(include_str!("traefik.yml"), &gaps))?;
    let mut command = in_go("test-tools/venv/bin/traefik", &folder)?;
    command.arg(format!("--configFile={}", file.display()));
    let program = Program::told(stage.cores, Side::Proxy, &mut command, &folder, verified)?;
    let (own, both) = ([program.pid()], [program.pid(), gateway.pid()]);
    Ok(Contestant::of(vec![program, gateway])
        .door(&[Level::Plain], plain, &own)
        .door(&VERIFIED, verified, &both))
}

pub(super) fn caddy(stage: &Stage<'_>) -> Result<Contestant, String> {
    let folder = stage.folder("caddy")?;
    let gateway = asked(stage, "caddy")?;
    let [plain, verified] = free_addresses();
    let gaps = [
        ("upstream", &*stage.upstream.to_string()),
        ("gateway", &gateway.address.to_string()),
        ("plain", &plain.port().to_string()),
        ("verified", &verified.port().to_string()),
    ];
    let file = write(&folder, "Caddyfile", &filled(include_str!("Caddyfile"), &gaps))?;
    let mut command = in_go("test-tools/venv/bin/caddy", &folder)?;
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    let program = Program::told(stage.cores, Side::Proxy, &mut command, &folder, verified)?;
    let (own, both) = ([program.pid()], [program.pid(), gateway.pid()]);
    Ok(Contestant::of(vec![program, gateway])
        .door(&[Level::Plain], plain, &own)
        .door(&VERIFIED, verified, &both))
}

/// A program in Go, with one thread for its own code, and what it keeps in its folder.
fn in_go(path: &str, folder: &Path) -> Result<Command, String> {
    let mut command = Command::new(installed(path)?);
    command.current_dir(folder).env("GOMAXPROCS", "1").env("HOME", folder);
    command.env("XDG_CONFIG_HOME", folder).env("XDG_DATA_HOME", folder);
    Ok(command)
}
