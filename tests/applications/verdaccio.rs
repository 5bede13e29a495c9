//! Verdaccio, published to and installed from by npm.

use std::fs::{create_dir, read_to_string, write};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::stage::{Stage, answers, failed, succeeded};
use crate::support::application::Application;
use crate::support::tools::{node, node_modules};

/// Who may publish is the gateway's to say.
const CONFIG: &str = "
storage: ./storage
url_prefix: /npm/
auth: {}
packages:
  '**': { access: $all, publish: $all, unpublish: $all }
log: { type: stdout, format: json, level: warn }
";

fn served() -> Application {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("config.yaml"), CONFIG).unwrap();
    let command = |folder: &Path, port: u16| {
        let mut command = node();
        command.arg(node_modules().join("verdaccio/bin/verdaccio")).env("HOME", folder);
        command.arg("--config").arg(folder.join("config.yaml"));
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        command
    };
    Application::start(folder, command, |address| answers(address, "/-/ping"))
}

/// npm in a folder below its home.
fn npm(stage: &Stage, home: &Path, folder: &str, arguments: &[&str]) -> Output {
    let mut command = stage.finds_it(Command::new("npm"));
    command
        .env("HOME", home)
        .env("npm_config_registry", stage.url("/npm/"))
        .env("npm_config_cafile", stage.authority_file())
        .env("npm_config_fetch_retries", "0")
        .env("npm_config_update_notifier", "false");
    command.args(arguments).args(["--no-audit", "--no-fund"]).current_dir(home.join(folder)).output().unwrap()
}

/// A package to publish, in a folder of its own.
fn package(home: &Path, folder: &str, name: &str) {
    create_dir(home.join(folder)).unwrap();
    let described = json!({"name": name, "version": "1.2.3", "main": "index.js"});
    write(home.join(folder).join("package.json"), described.to_string()).unwrap();
    write(home.join(folder).join("index.js"), format!("module.exports = '{name}';\n")).unwrap();
}

#[test]
fn npm_publishes_and_installs_packages_with_and_without_a_scope() {
    let service = served();
    let stage = Stage::before("verdaccio", service.address);
    let (ada, home) = (stage.gateway.user(), tempfile::tempdir().unwrap());
    let token = format!("//{}/npm/:_authToken={}\n", stage.place(), ada.access);
    write(home.path().join(".npmrc"), token).unwrap();
    let run = |folder: &str, arguments: &[&str]| succeeded(npm(&stage, home.path(), folder, arguments));
    let names = [("plain", "widget"), ("scoped", "@team/widget")];
    for (folder, name) in names {
        package(home.path(), folder, name);
        run(folder, &["publish"]);
        assert_eq!(run(folder, &["view", name, "version"]).trim(), "1.2.3");
    }
    package(home.path(), "user", "user");
    run("user", &["install", "widget", "@team/widget@^1.0.0"]);
    for (_, name) in names {
        let installed = home.path().join("user/node_modules").join(name).join("index.js");
        assert_eq!(read_to_string(installed).unwrap(), format!("module.exports = '{name}';\n"));
    }
}

#[test]
fn npm_without_a_token_is_refused() {
    let service = served();
    let stage = Stage::before("verdaccio", service.address);
    let home = tempfile::tempdir().unwrap();
    package(home.path(), "user", "user");
    let said = failed(npm(&stage, home.path(), "user", &["view", "@team/widget", "version"]));
    assert!(said.contains("E401"), "{said}");
    stage.refuses_strangers("/npm/widget");
}
