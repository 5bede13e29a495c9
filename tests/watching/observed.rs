//! Dashboards and rules tell the truth: a real Prometheus that scraped a real gateway has an answer to
//! each question, and every name is one that the gateway exports.

use std::collections::BTreeSet;

use gateway_edge::outcomes;
use gateway_telemetry::Metrics;

use super::everything::Everything;
use super::expressions::{self, Expression, metrics, selectors};
use crate::support::prometheus::Prometheus;
use crate::support::redis::Redis;
use crate::support::{files_below, project};

/// What is rightly empty in a run in which nothing of it happened, and why.
const RIGHTLY_EMPTY: [(&str, &str); 7] = [
    ("gateway_streams_ended_total", "a series begins with its first event, and no stream was ended"),
    (">= 1000", "it is shown from so many requests a second on, and a test has fewer"),
    ("ALERTS", "there are alerts only while something is wrong"),
    ("[6h:5m]", "it looks at each whole five minutes, and the run may be over before there was one"),
    ("[3d:5m]", "the same"),
    (":increase6h", "the same, where such a rule is asked for what it recorded"),
    (":increase3d", "the same"),
];

fn is_rightly_empty(expression: &str) -> bool {
    RIGHTLY_EMPTY.iter().any(|(name, _)| expression.contains(name))
}

/// Standard names that every program exports, and that tell nobody what to do.
const UNWATCHED: [&str; 2] = ["process_threads", "process_virtual_memory_bytes"];

/// The metrics that the code has.
fn exported() -> BTreeSet<String> {
    let metrics = Metrics::new(outcomes()).unwrap();
    metrics.entries().iter().map(|entry| entry.name.to_owned()).collect()
}

/// Without what a histogram puts behind its name.
fn families(names: BTreeSet<String>) -> BTreeSet<String> {
    let metrics = Metrics::new(outcomes()).unwrap();
    let histograms: Vec<_> =
        metrics.entries().iter().filter(|entry| entry.kind == "histogram").map(|entry| entry.name).collect();
    let family = |name: String| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        base.filter(|base| histograms.contains(base)).map(str::to_owned).unwrap_or(name)
    };
    names.into_iter().map(family).collect()
}

#[test]
fn each_question_of_a_panel_or_a_rule_has_an_answer_from_a_gateway_to_which_everything_happens() {
    let on_redis = Everything::start(Some(Redis::start()));
    let embedded = Everything::start(None);
    let prometheus = Prometheus::scraping(&[
        ("gateway-on-redis", on_redis.gateway.operations),
        ("gateway-embedded", embedded.gateway.operations),
    ]);
    prometheus.has_scraped(2);
    for round in 1..=2 {
        on_redis.happen();
        embedded.happen();
        prometheus.has_scraped(2 + 2 * round);
    }
    let (alerting, recording) = expressions::of_rules(&prometheus);
    let (panels, pages) = (expressions::of_dashboards(), expressions::of_runbooks());
    assert!(alerting.len() > 15 && recording.len() > 10 && panels.len() > 60 && pages.len() > 40);
    let mut unanswered = Vec::new();
    let mut ask = |expression: &Expression, text: &str| {
        if prometheus.query(text).is_empty() && !is_rightly_empty(text) {
            unanswered.push(format!("{}: {text}", expression.origin));
        }
    };
    for expression in panels.iter().chain(&recording) {
        ask(expression, &expression.text);
    }
    // A healthy gateway alerts of nothing; but what an alert is made of must be there, and what its page
    // has one ask.
    for expression in alerting.iter().chain(&pages) {
        prometheus.query(&expression.text);
        selectors(&expression.text).iter().for_each(|selector| ask(expression, selector));
    }
    assert!(unanswered.is_empty(), "{} without an answer:\n{}", unanswered.len(), unanswered.join("\n"));
}

#[test]
fn dashboards_rules_reference_and_code_have_the_same_metrics() {
    let exported = exported();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for (_, dashboard) in expressions::dashboards() {
        for panel in expressions::panels(&dashboard) {
            for target in panel["targets"].as_array().unwrap() {
                asked.extend(metrics(target["expr"].as_str().unwrap()));
            }
        }
    }
    for file in crate::support::prometheus::rule_files() {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        asked.extend(code.flat_map(metrics));
    }
    let asked = families(asked);
    let lacking: Vec<_> = asked.difference(&exported).collect();
    assert!(lacking.is_empty(), "asked for, and exported by no gateway: {lacking:?}");
    let unwatched: Vec<_> =
        exported.difference(&asked).filter(|name| !UNWATCHED.contains(&name.as_str())).collect();
    assert!(unwatched.is_empty(), "exported, and watched by no panel and no rule: {unwatched:?}");
    let reference = std::fs::read_to_string(project().join("docs/metrics.md")).unwrap();
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.map(str::to_owned).collect::<BTreeSet<_>>(), exported);
}

#[test]
fn no_page_names_a_metric_that_there_is_not() {
    let exported = exported();
    let pages = ["docs", "grafana", "prometheus"].map(|folder| files_below(&project().join(folder))).concat();
    let pages = pages.into_iter().chain([project().join("README.md"), project().join("ARCHITECTURE.md")]);
    for page in pages.filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        let known = |name: &String| exported.contains(name) || name.ends_with('_') || is_no_metric(name);
        let unknown: Vec<_> = families(metrics(&text)).into_iter().filter(|name| !known(name)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", page.display());
    }
}

/// Words that begin like a metric and are none.
fn is_no_metric(name: &str) -> bool {
    ["process_new_http", "gateway_access", "gateway_refresh", "gateway_csrf"].contains(&name)
}

#[test]
fn each_panel_says_what_it_shows_and_what_to_do() {
    for (file, dashboard) in expressions::dashboards() {
        for panel in expressions::panels(&dashboard) {
            let (title, text) = (panel["title"].as_str().unwrap(), panel["description"].as_str().unwrap());
            assert!(text.contains("**When it is bad:**") && text.len() > 60, "{file}: {title}: {text}");
        }
    }
}
