//! The text format of Prometheus, read strictly:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details>.

use std::collections::{BTreeMap, HashSet};

/// One family of metrics.
#[derive(Debug, Default)]
pub struct Family {
    pub help: String,
    pub kind: String,
    pub samples: Vec<Sample>,
}

#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Panics at whatever a Prometheus would refuse or `promtool check metrics` complain of.
pub fn read(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line has no end");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut seen = HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            assert!(is_name(name), "{line}");
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.help.is_empty() && !help.is_empty(), "two helps, or none: {line}");
            help.clone_into(&mut family.help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            let family = families.get_mut(name).unwrap_or_else(|| panic!("no help before {line}"));
            assert!(family.kind.is_empty() && family.samples.is_empty(), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            kind.clone_into(&mut family.kind);
        } else {
            let sample = sample(line);
            assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "twice: {line}");
            let family = families.iter_mut().find(|(name, family)| has(name, family, &sample.name));
            let (_, family) = family.unwrap_or_else(|| panic!("no family: {line}"));
            assert!(family.kind != "counter" || sample.value >= 0.0, "{line}");
            family.samples.push(sample);
        }
    }
    for (name, family) in families.iter().filter(|(_, family)| family.kind == "histogram") {
        check_histogram(name, family);
    }
    families
}

fn has(family: &str, of: &Family, sample: &str) -> bool {
    let parts = ["_bucket", "_sum", "_count"];
    let is_part = |rest| of.kind == "histogram" && parts.contains(&rest);
    sample.strip_prefix(family).is_some_and(|rest| match of.kind.as_str() {
        "histogram" => is_part(rest),
        _ => rest.is_empty(),
    })
}

fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let name = &line[..end];
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    let mut rest = &line[end..];
    if let Some(inside) = rest.strip_prefix('{') {
        let mut inside = inside;
        while !inside.starts_with('}') {
            let (label, after) = inside.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(label), "{label} in {line}");
            let close = closing_quote(after).unwrap_or_else(|| panic!("no quote: {line}"));
            assert!(labels.insert(label.to_owned(), after[..close].to_owned()).is_none(), "{line}");
            inside = after[close + 1..].trim_start_matches(',');
        }
        rest = &inside[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no space: {line}"));
    Sample { name: name.to_owned(), labels, value: value.parse().unwrap_or_else(|_| panic!("{line}")) }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(index, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(index)
    })
}

/// Buckets rise, and the last one is the count.
fn check_histogram(name: &str, family: &Family) {
    for count in family.samples.iter().filter(|sample| sample.name == format!("{name}_count")) {
        let mine = |sample: &&Sample| {
            let mut labels = sample.labels.clone();
            sample.name.ends_with("_bucket") && labels.remove("le").is_some() && labels == count.labels
        };
        let buckets: Vec<_> = family.samples.iter().filter(mine).collect();
        assert!(buckets.windows(2).all(|pair| pair[0].value <= pair[1].value), "{name} falls");
        let last = buckets.last().expect("a histogram has buckets");
        assert_eq!((last.labels["le"].as_str(), last.value), ("+Inf", count.value), "{name}");
    }
}
