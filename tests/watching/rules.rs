//! The rules by themselves: read by Prometheus' own tools, and tested with made-up series.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::support::prometheus::rule_files;
use crate::support::{copy_folder, project};

/// Runs a program in the folder of the rules, and shows what it says if it is not content.
#[track_caller]
fn is_content(program: &str, arguments: &[&str], files: &[PathBuf]) {
    let folder = project().join("prometheus");
    let output = Command::new(program).args(arguments).args(files).current_dir(folder).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

fn tests_of_rules() -> Vec<PathBuf> {
    let files = std::fs::read_dir(project().join("prometheus/tests")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn prometheus_and_alertmanager_take_the_files_as_they_are() {
    is_content("promtool", &["check", "rules", "--lint=all", "--lint-fatal"], &rule_files());
    is_content("promtool", &["check", "config"], &["prometheus.yml".into()]);
    is_content("amtool", &["check-config"], &["alertmanager.yml".into()]);
}

#[test]
fn each_alert_fires_for_what_it_is_meant_for_and_not_for_what_is_near_to_it() {
    is_content("promtool", &["test", "rules"], &tests_of_rules());
}

/// What stands behind one annotation in the rules.
fn annotations(name: &str) -> BTreeSet<String> {
    let texts = rule_files().into_iter().map(|file| std::fs::read_to_string(file).unwrap());
    let begin = format!("{name}: ");
    let values = texts.flat_map(|text| {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(&begin));
        lines.map(|value| value.trim_matches(['"', '\'']).to_owned()).collect::<Vec<_>>()
    });
    values.collect()
}

/// The names behind `alert:` in the rules.
fn alerts() -> BTreeSet<String> {
    let texts = rule_files().into_iter().map(|file| std::fs::read_to_string(file).unwrap());
    let names = texts.flat_map(|text| {
        text.lines()
            .filter_map(|line| Some(line.trim().strip_prefix("- alert: ")?.to_owned()))
            .collect::<Vec<_>>()
    });
    names.collect()
}

/// How an alert's `runbook_url` begins: with what `recording.yml` says.
const BASE: &str = "{{ range query \"gateway:runbooks:url\" }}{{ .Labels.base }}{{ end }}/";

#[test]
fn one_line_makes_each_runbook_url_an_address_that_can_be_clicked() {
    let copy = copy_folder(&project().join("prometheus"));
    let change = |file: &str, before: &str, after: &str| {
        let path = copy.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(before), "{file} has no {before}");
        std::fs::write(path, text.replace(before, after)).unwrap();
    };
    change("recording.yml", "base: docs/runbooks", "base: https://wiki.example.com/gateway");
    let expected = ["runbook_url: docs/runbooks/", "runbook_url: https://wiki.example.com/gateway/"];
    change("tests/messages.yml", expected[0], expected[1]);
    is_content("promtool", &["test", "rules"], &[copy.path().join("tests/messages.yml")]);
}

#[test]
fn each_alert_is_tested_and_has_its_page_and_its_panel() {
    let alerts = alerts();
    assert!(alerts.len() >= 12, "{alerts:?}");
    let tests: String = tests_of_rules().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let pages = project().join("docs/runbooks");
    for alert in &alerts {
        let fires = format!("alertname=\"{alert}\",alertstate=\"firing\"");
        assert!(tests.contains(&fires), "no test in which {alert} fires");
        let page = std::fs::read_to_string(pages.join(format!("{alert}.md"))).unwrap_or_default();
        assert!(page.len() > 500, "docs/runbooks/{alert}.md says too little");
    }
    let panels: BTreeSet<_> = super::expressions::titles();
    for annotation in annotations("dashboard") {
        assert!(panels.contains(&annotation), "{annotation} is no panel of {panels:?}");
    }
    for url in annotations("runbook_url") {
        let page = url.strip_prefix(BASE).unwrap_or_else(|| panic!("{url} does not begin with the base"));
        assert!(pages.join(page).is_file(), "{page} is no page");
    }
    for page in std::fs::read_dir(&pages).unwrap() {
        let path = page.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(name == "README" || alerts.contains(&name), "{name} is no alert");
    }
}
