//! What is asked of Prometheus: by each panel, and, as Prometheus itself reads the files, by each rule.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::prometheus::Prometheus;
use crate::support::{files_below, project};

/// One question, and who asks it.
pub(super) struct Expression {
    pub(super) origin: String,
    pub(super) text: String,
}

/// Each dashboard, by its file.
pub(super) fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(project().join("grafana/dashboards")).unwrap();
    let mut all: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), serde_json::from_str(&text).unwrap())
        })
        .collect();
    all.sort_by(|(one, _), (other, _): &(String, Value)| one.cmp(other));
    assert!(all.len() >= 5, "{}", all.len());
    all
}

/// The panels of a dashboard, those in rows included; a row is none.
pub(super) fn panels(dashboard: &Value) -> Vec<&Value> {
    let outer = dashboard["panels"].as_array().unwrap().iter();
    let inner = |panel: &'_ Value| panel["panels"].as_array().map_or(&[][..], Vec::as_slice).to_vec();
    assert!(outer.clone().all(|panel| inner(panel).is_empty()), "rows are open");
    outer.filter(|panel| panel["type"] != "row").collect()
}

/// `Dashboard: panel` of each panel there is.
pub(super) fn titles() -> BTreeSet<String> {
    let mut titles = BTreeSet::new();
    for (_, dashboard) in dashboards() {
        let page = dashboard["title"].as_str().unwrap().trim_start_matches("Gateway: ").to_owned();
        titles.extend(
            panels(&dashboard).iter().map(|panel| format!("{page}: {}", panel["title"].as_str().unwrap())),
        );
    }
    titles
}

/// What a Grafana would ask that shows everything of the last ten minutes.
fn filled_in(expression: &str) -> String {
    let mut text = expression.replace("$__rate_interval", "5m").replace("$__range", "10m");
    for variable in ["$job", "$instance", "$route", "$upstream"] {
        text = text.replace(variable, ".*");
    }
    assert!(!text.contains('$'), "a variable that nobody knows: {text}");
    text
}

pub(super) fn of_dashboards() -> Vec<Expression> {
    let mut all = Vec::new();
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            for target in panel["targets"].as_array().unwrap() {
                let (id, text) = (target["refId"].as_str().unwrap(), target["expr"].as_str().unwrap());
                all.push(Expression { origin: format!("{file}: {title}: {id}"), text: filled_in(text) });
            }
        }
        for annotation in dashboard["annotations"]["list"].as_array().into_iter().flatten() {
            if let Some(text) = annotation["expr"].as_str() {
                let name = annotation["name"].as_str().unwrap();
                all.push(Expression { origin: format!("{file}: mark: {name}"), text: filled_in(text) });
            }
        }
    }
    all
}

/// What the runbooks have one ask.
pub(super) fn of_runbooks() -> Vec<Expression> {
    let pages = files_below(&project().join("docs/runbooks")).into_iter();
    let asked = pages.flat_map(|page| {
        let text = std::fs::read_to_string(&page).unwrap();
        let questions = text.split("ask '").skip(1).map(|rest| rest.split('\'').next().unwrap().to_owned());
        let origin = page.file_stem().unwrap().to_str().unwrap().to_owned();
        questions.map(move |text| Expression { origin: origin.clone(), text }).collect::<Vec<_>>()
    });
    asked.collect()
}

/// All rules: those that alert, and those that record.
pub(super) fn of_rules(prometheus: &Prometheus) -> (Vec<Expression>, Vec<Expression>) {
    let rules = prometheus.rules();
    let of = |kind: &str| {
        let ours = rules.iter().filter(|rule| rule["type"] == kind);
        let question = |rule: &Value| Expression {
            origin: format!("{kind}: {}", rule["name"].as_str().unwrap()),
            text: rule["query"].as_str().unwrap().to_owned(),
        };
        ours.map(question).collect::<Vec<_>>()
    };
    (of("alerting"), of("recording"))
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The metrics that a text names; those that rules record are none.
pub(super) fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !is_of_a_name(c));
    let ours = |word: &&str| word.starts_with("gateway_") || word.starts_with("process_");
    words.filter(ours).filter(|word| !word.contains(':')).map(str::to_owned).collect()
}

/// Each metric of an expression with its braces: what it asks for before anything is done with it.
pub(super) fn selectors(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expression;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        rest = &rest[at..];
        let end = rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        if name.starts_with("gateway") || name.starts_with("process_") || name.starts_with("job:") {
            let braces = if after.starts_with('{') { after.find('}').unwrap() + 1 } else { 0 };
            found.insert(format!("{name}{}", &after[..braces]));
            rest = &after[braces..];
        } else if after.starts_with('{') {
            // A metric of somebody else's.
            rest = &after[after.find('}').unwrap() + 1..];
        } else if after.starts_with('"') || after.starts_with("=\"") {
            // A label's value is no metric.
            rest = after.splitn(3, '"').nth(2).unwrap_or("");
        }
    }
    found
}

#[test]
fn a_selector_is_a_name_with_its_braces() {
    let found = selectors(
        r#"sum by (job) (rate(gateway_a_total{x="gateway_b"}[5m])) / on (job) job:gateway_c:ratio > 0 and up{job="gateway_d"}"#,
    );
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [r#"gateway_a_total{x="gateway_b"}"#, "job:gateway_c:ratio"]
    );
}
