//! git over HTTP: `git http-backend` in Apache, cloned from and pushed to by git itself.

use std::fs::{read, write};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output};

use super::stage::{HOST, Stage, failed, succeeded};
use crate::support::apache;
use crate::support::application::Application;

const MODULES: [&str; 4] = ["alias", "cgi", "env", "setenvif"];
const DIRECTIVES: &str = r#"
SetEnv GIT_PROJECT_ROOT "$folder/repositories"
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnvIf Remote-User "^(.+)$" REMOTE_USER=$1
ScriptAlias "/git/" "$backend/"
"#;
/// More than git sends with a length.
const LARGE: u64 = 12 << 20;

fn served() -> Application {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("repositories/team/project.git");
    let mut init = Command::new("git");
    init.args(["-c", "init.defaultBranch=main", "init", "--quiet", "--bare"]).arg(&repository);
    succeeded(init.output().unwrap());
    write(repository.join("config"), "[core]\n\tbare = true\n\tlogAllRefUpdates = true\n").unwrap();
    let place = succeeded(Command::new("git").arg("--exec-path").output().unwrap());
    let backend = Path::new(place.trim()).join("git-http-backend");
    apache::start(folder, &MODULES, &DIRECTIVES.replace("$backend", backend.to_str().unwrap()))
}

/// git in a folder that is its home, with or without a token.
fn git(stage: &Stage, home: &Path, token: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_SSL_CAINFO", stage.authority_file());
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]);
    command.args(["-c", &format!("http.curloptResolve={HOST}:{}:127.0.0.1", stage.port())]);
    if let Some(token) = token {
        command.args(["-c", &format!("http.extraHeader=Authorization: Bearer {token}")]);
    }
    command.args(arguments).current_dir(home).output().unwrap()
}

#[test]
fn git_clones_and_pushes_with_a_token_and_the_service_knows_who() {
    let service = served();
    let stage = Stage::before("git", service.address);
    let (ada, home) = (stage.gateway.user(), tempfile::tempdir().unwrap());
    let run = |arguments: &[&str]| succeeded(git(&stage, home.path(), Some(&ada.access), arguments));
    let url = stage.url("/git/team/project.git");
    run(&["clone", "--quiet", &url, "work"]);
    let mut noise = Vec::new();
    std::fs::File::open("/dev/urandom").unwrap().take(LARGE).read_to_end(&mut noise).unwrap();
    write(home.path().join("work/noise"), &noise).unwrap();
    run(&["-C", "work", "add", "noise"]);
    run(&["-C", "work", "commit", "--quiet", "-m", "Add noise"]);
    run(&["-C", "work", "push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    run(&["clone", "--quiet", "--branch", "main", &url, "again"]);
    assert!(read(home.path().join("again/noise")).unwrap() == noise, "what was pushed is what is cloned");
    let log = service.folder().join("repositories/team/project.git/logs/refs/heads/main");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains(&ada.email), "{log}");
}

#[test]
fn git_without_a_token_is_refused() {
    let service = served();
    let stage = Stage::before("git", service.address);
    let home = tempfile::tempdir().unwrap();
    let url = stage.url("/git/team/project.git");
    let said = failed(git(&stage, home.path(), None, &["clone", &url, "work"]));
    assert!(said.contains("could not read Username"), "{said}");
    stage.refuses_strangers("/git/team/project.git/info/refs?service=git-receive-pack");
}
