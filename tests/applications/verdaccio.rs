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

/// npm in a folder below a home, whose token it is given.
fn npm(stage: &Stage, home: &Path, token: &str, folder: &str, arguments: &[&str]) -> Output {
    write(home.join(".npmrc"), format!("//{}/npm/:_authToken={token}\n", stage.place())).unwrap();
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
fn administrators_publish_and_users_install_packages_with_and_without_a_scope() {
    let service = served();
    let stage = Stage::before("verdaccio", service.address);
    let (admin, ada, home) = (stage.gateway.admin(), stage.gateway.user(), tempfile::tempdir().unwrap());
    let run =
        |token: &str, folder: &str, arguments: &[&str]| npm(&stage, home.path(), token, folder, arguments);
    let names = [("plain", "widget"), ("scoped", "@team/widget")];
    for (folder, name) in names {
        package(home.path(), folder, name);
        let said = failed(run(&ada.access, folder, &["publish"]));
        assert!(said.contains("E403"), "{said}");
        succeeded(run(&admin.access, folder, &["publish"]));
        assert_eq!(succeeded(run(&ada.access, folder, &["view", name, "version"])).trim(), "1.2.3");
    }
    package(home.path(), "user", "user");
    succeeded(run(&ada.access, "user", &["install", "widget", "@team/widget@^1.0.0"]));
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
    let said = failed(npm(&stage, home.path(), "", "user", &["view", "@team/widget", "version"]));
    assert!(said.contains("E401"), "{said}");
    stage.refuses_strangers("/npm/widget");
}
