//! The reference is the code's own.

use gateway_edge::outcomes;
use gateway_telemetry::Metrics;

use crate::support::project;

#[test]
fn the_reference_of_metrics_is_made_from_the_code() {
    let path = project().join("docs/metrics.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let introduction = written.split("\n## ").next().unwrap().trim_end();
    let wanted = format!("{introduction}\n{}", Metrics::new(outcomes()).unwrap().reference());
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == wanted,
        "docs/metrics.md is not what the code says; its first lines tell how to write it"
    );
}
