//! Dashboards tell the truth: each metric that a panel asks for is one that a gateway exports.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::gateway::Setup;

fn dashboard() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../grafana/dashboards/overview.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The metric names in an expression.
fn metrics(expression: &str) -> impl Iterator<Item = String> + '_ {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("gateway_") || word.starts_with("process_")).map(str::to_owned)
}

#[test]
fn each_metric_of_the_dashboard_is_exported_by_a_running_gateway() {
    let gateway = Setup::demo().start();
    // A login and a refusal: some series begin with their first event.
    gateway.user();
    assert_eq!(gateway.client().get("/api/todos").send().status, 401);
    let exported = gateway.metrics();
    let mut asked = BTreeSet::new();
    for panel in dashboard()["panels"].as_array().unwrap() {
        assert!(!panel["description"].as_str().unwrap().is_empty(), "a panel says what to do: {panel}");
        for target in panel["targets"].as_array().unwrap() {
            asked.extend(metrics(target["expr"].as_str().unwrap()));
        }
    }
    assert!(asked.len() > 10, "{asked:?}");
    for metric in asked {
        let known = exported
            .lines()
            .any(|line| line.starts_with(&format!("{metric}{{")) || line.starts_with(&format!("{metric} ")));
        assert!(known, "no gateway exports {metric}");
    }
}
