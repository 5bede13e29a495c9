//! Dashboards are what their generator makes, and what Grafana's own schema takes.

use std::process::Command;

use crate::support::project;
use crate::support::tools;

#[test]
fn the_dashboards_are_those_that_the_generator_makes() {
    let output = tools::python("python")
        .args(["grafana/generate", "--check"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(project())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn grafanas_own_schema_takes_each_dashboard_and_refuses_a_wrong_one() {
    let check = |folder: &std::path::Path| {
        Command::new("node")
            .arg("grafana/check/schema.mjs")
            .arg(tools::node_modules())
            .arg(folder)
            .current_dir(project())
            .output()
            .unwrap()
    };
    let folder = project().join("grafana/dashboards");
    let output = check(&folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let wrong = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(folder.join("overview.json")).unwrap();
    let changed = text.replacen("\"colorMode\": \"background\"", "\"colorMode\": \"backgroundd\"", 1);
    assert_ne!(text, changed);
    std::fs::write(wrong.path().join("wrong.json"), changed).unwrap();
    let output = check(wrong.path());
    assert_eq!(output.status.code(), Some(1));
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("backgroundd"), "{said}");
}
