//! A dashboard can be read: titles are whole, lines that matter can be told apart, and nothing that
//! calls nobody is painted over them.

use serde_json::Value;

use super::expressions::{dashboards, panels};

/// Characters of a title for which there is room, in columns of 1/24 of a page that is 1,600 wide, with
/// the icon of the description behind it.
fn title_max(columns: u64) -> u64 {
    9 * columns - 8
}

fn asked(panel: &Value) -> Vec<&str> {
    panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap()).collect()
}

/// Each panel, and how it is called.
fn each_panel(mut look: impl FnMut(&str, &Value)) {
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            look(&format!("{file}: {}", panel["title"].as_str().unwrap()), panel);
        }
    }
}

#[test]
fn each_title_fits_into_its_panel() {
    each_panel(|name, panel| {
        let (title, columns) = (panel["title"].as_str().unwrap(), panel["gridPos"]["w"].as_u64().unwrap());
        assert!(title.chars().count() as u64 <= title_max(columns), "{name} is cut in {columns} columns");
    });
}

#[test]
fn each_panel_lies_on_the_page_and_on_no_other_one() {
    for (file, dashboard) in dashboards() {
        let mut taken = std::collections::BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap_or(0));
            let title = panel["title"].as_str().unwrap();
            assert!(x + w <= 24, "{file}: {title} ends in column {}", x + w);
            for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
                assert!(taken.insert(cell), "{file}: {title} lies on another panel");
            }
        }
    }
}

#[test]
fn only_alerts_that_call_somebody_are_marked_and_by_a_line_where_each_began() {
    for (file, dashboard) in dashboards() {
        let marks = dashboard["annotations"]["list"].as_array().unwrap().iter();
        let of_alerts: Vec<_> =
            marks.filter(|mark| mark["expr"].as_str().is_some_and(|expr| expr.contains("ALERTS"))).collect();
        for (mark, severity) in of_alerts.iter().zip(["page", "ticket"]) {
            let expr = mark["expr"].as_str().unwrap();
            assert_eq!(expr.matches(&format!("severity=\"{severity}\"")).count(), 2, "{file}: {expr}");
            assert!(expr.contains("ALERTS_FOR_STATE") && mark["useValueForTime"] == true, "{file}: {expr}");
            assert_eq!(mark["titleFormat"], "{{alertname}}");
        }
        assert_eq!(of_alerts.len(), 2, "{file}");
    }
}

#[test]
fn percentiles_beside_each_other_are_drawn_by_their_magnitude() {
    let mut seen = 0;
    each_panel(|name, panel| {
        let several = asked(panel).iter().filter(|expr| expr.contains("histogram_quantile(")).count() > 1;
        if panel["type"] == "timeseries" && several {
            let scale = &panel["fieldConfig"]["defaults"]["custom"]["scaleDistribution"]["type"];
            assert_eq!(scale, "log", "{name}");
            seen += 1;
        }
    });
    assert!(seen > 5, "{seen}");
}

#[test]
fn staleness_is_the_highest_of_a_minute() {
    let metric = "gateway_revocation_staleness_seconds";
    let mut seen = 0;
    each_panel(|name, panel| {
        for expr in asked(panel).into_iter().filter(|expr| expr.contains(metric)) {
            let maximum = expr.contains(&format!("max_over_time({metric}")) && expr.contains("[1m]");
            assert!(maximum, "{name}: {expr}");
            seen += 1;
        }
    });
    assert_eq!(seen, 3);
}

#[test]
fn what_an_empty_table_says_is_not_said_in_each_empty_cell() {
    let (_, page) = dashboards().into_iter().find(|(file, _)| file == "overview").unwrap();
    let tables: Vec<_> = panels(&page).into_iter().filter(|panel| panel["type"] == "table").collect();
    let overrides = tables[0]["fieldConfig"]["overrides"].as_array().unwrap();
    for label in ["job", "instance", "upstream", "server", "window", "certificate", "issuer", "policy"] {
        let own = overrides.iter().find(|one| one["matcher"]["options"] == label);
        let properties = own.unwrap_or_else(|| panic!("{label}"))["properties"].as_array().unwrap();
        assert!(properties.iter().any(|one| one["id"] == "noValue" && one["value"] == ""), "{label}");
    }
}

#[test]
fn what_no_server_answered_is_on_the_page_of_upstreams() {
    let (_, page) = dashboards().into_iter().find(|(file, _)| file == "upstreams").unwrap();
    let shown = |panel: &&Value| asked(panel).iter().any(|expr| expr.contains("no_healthy_upstream"));
    let kinds: Vec<_> = panels(&page).into_iter().filter(shown).map(|panel| panel["type"].clone()).collect();
    assert_eq!(kinds, ["stat", "timeseries"], "a number, and when it was");
}

#[test]
fn each_panel_leads_to_its_runbook_by_the_address_that_the_rules_have() {
    for (file, dashboard) in dashboards() {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let base = variables.iter().find(|variable| variable["name"] == "runbooks").unwrap();
        assert_eq!(base["query"]["query"], "label_values(gateway:runbooks:url, base)", "{file}");
        assert_eq!(base["hide"], 2, "{file}: nobody chooses it");
    }
    each_panel(|name, panel| {
        let text = panel["description"].as_str().unwrap();
        assert!(!text.contains("docs/runbooks"), "{name}: {text}");
        if let Some((_, alerts)) = text.split_once("**Alert:** ") {
            assert!(alerts.contains(", see ${runbooks}/Gateway"), "{name}: {text}");
        }
    });
}
