//! What the field's linters say of the document: nothing. Who makes a client runs them first.

use std::process::Command;

use serde_json::Value;

use crate::support::project;
use crate::support::tools::{node, node_modules};

/// A linter of the installed packages, which asks nobody on the network.
fn linter(program: &str) -> Command {
    let mut command = node();
    command.arg(node_modules().join(".bin").join(program)).arg("lint").current_dir(project().join("docs"));
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    command
}

#[test]
fn redocly_has_nothing_against_it() {
    let mut command = linter("redocly");
    command.args(["--extends", "recommended", "--format", "json", "openapi.json"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let found: Value = serde_json::from_str(&said[said.find('{').expect(&said)..]).expect(&said);
    assert_eq!(
        (&found["totals"]["errors"], &found["totals"]["warnings"]),
        (&0.into(), &0.into()),
        "{found:#}"
    );
}

#[test]
fn spectral_has_nothing_against_it() {
    let mut command = linter("spectral");
    let rules = project().join("tests/openapi/spectral.yaml");
    command.args(["--fail-severity", "hint", "--ruleset"]).arg(rules).arg("openapi.json");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
