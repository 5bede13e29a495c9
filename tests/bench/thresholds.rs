//! What programs read: thresholds, exit codes, and the document.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{measure, three_routes};
use crate::support::upstream::Upstream;

#[test]
fn a_threshold_that_is_missed_is_named_and_ends_with_3() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let measured = measure(&gateway, &["--max-p99", "1ns"]);
    assert_eq!(measured.status, 3, "{}", measured.stderr);
    for level in ["public", "verified", "limited"] {
        let words = format!("no: {level}: the 99th percentile is ");
        assert!(measured.stderr.contains(&words), "{}", measured.stderr);
    }
    assert!(!measured.stderr.contains("no: direct"), "the service is not on trial: {}", measured.stderr);
    assert_eq!(
        (&measured.told["verdict"], measured.told["missed"].as_array().unwrap().len()),
        (&"missed".into(), 3)
    );
}

#[test]
fn thresholds_that_are_kept_end_with_0() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let measured = measure(&gateway, &["--max-p99", "60s", "--rate", "100", "--max-price", "60s"]);
    assert_eq!((measured.status, &measured.told["verdict"]), (0, &"met".into()), "{}", measured.stderr);
}

#[test]
fn a_price_needs_a_rate_and_something_to_be_held_against() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let measured = measure(&gateway, &["--max-price", "1ms"]);
    assert_eq!(measured.status, 2, "at saturation a latency is that of a queue: {}", measured.stderr);
    let measured = measure(&gateway, &["--rate", "100", "--max-price", "1ms", "--path", "/free"]);
    assert_eq!(measured.status, 3);
    assert!(measured.stderr.contains("nothing to be held against"), "{}", measured.stderr);
}

#[test]
fn what_cannot_be_measured_is_said_before_it_begins() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let long = measure(&gateway, &["--duration", "2h"]);
    assert_eq!(long.status, 1);
    assert!(long.stderr.contains("tokens.access_lifetime_seconds = 3600"), "{}", long.stderr);
    let short = measure(&gateway, &["--duration", "50ms"]);
    assert_eq!(short.status, 1);
    assert!(short.stderr.contains("--duration is too short"), "{}", short.stderr);
    assert_eq!(upstream.arrived().len(), 0);
}

#[test]
fn each_member_of_the_document_is_explained() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let measured = measure(&gateway, &["--users", "3"]);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/bench.md");
    let reference = std::fs::read_to_string(path).unwrap();
    let names = names(&measured.told);
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        let known = [format!("`{name}`"), format!("`{name}[]`"), format!(".{name}`"), format!(".{name}[]`")];
        assert!(known.iter().any(|known| reference.contains(known)), "docs/bench.md does not explain {name}");
    }
}

/// Of all members, at any depth; statuses name themselves.
fn names(told: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match told {
        Value::Object(members) => {
            for (name, value) in members {
                if name != "200" {
                    names.insert(name.clone());
                }
                names.extend(self::names(value));
            }
        }
        Value::Array(values) => names.extend(values.iter().flat_map(self::names)),
        _ => {}
    }
    names
}
