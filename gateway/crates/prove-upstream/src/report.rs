//! What was found: a table for people, JSON for programs.

use serde_json::json;

use super::attack::{Answer, Row};
use gateway_command::terminal::{BAD, GOOD, UNCLEAR, painted};

/// So many names of what arrived stand in a line.
const SHOWN_MAX: usize = 4;

pub(super) fn for_people(rows: &[Row]) {
    println!("{:<9} {:<32} {:>8}  result", "way", "attack", "requests");
    for row in rows {
        let result = match &row.answer {
            Answer::Held(None) => painted(GOOD, "held"),
            Answer::Held(Some(how)) => format!("{}: {how}", painted(GOOD, "held")),
            Answer::Arrived(what) => {
                let more = what.len().saturating_sub(SHOWN_MAX);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let shown: Vec<_> = what.iter().take(SHOWN_MAX).map(String::as_str).collect();
                format!("{}: {}{more}", painted(BAD, "ARRIVED"), shown.join(", "))
            }
            Answer::Unclear(why) => format!("{}: {why}", painted(UNCLEAR, "unclear")),
            Answer::NotTried(why) => format!("not tried: {why}"),
        };
        anstream::println!("{:<9} {:<32} {:>8}  {result}", row.way, row.attack, row.requests);
    }
}

/// For the end: what arrived by which attacks, and what to do, each once.
pub(super) fn findings(rows: &[Row]) -> Vec<String> {
    let mut findings: Vec<(&str, Vec<String>)> = Vec::new();
    for row in rows.iter().filter(|row| row.arrived()) {
        // One way has but one attack, which is named after it.
        let attack = match row.attack.starts_with(row.way) {
            true => row.attack.to_owned(),
            false => format!("{} {}", row.way, row.attack),
        };
        match findings.iter_mut().find(|(mend, _)| *mend == row.mend) {
            Some((_, attacks)) => attacks.push(attack),
            None => findings.push((row.mend, vec![attack])),
        }
    }
    findings.into_iter().map(|(mend, attacks)| format!("{mend} ({})", attacks.join("; "))).collect()
}

pub(super) fn for_programs(rows: &[Row]) {
    let any = |wanted: fn(&Answer) -> bool| rows.iter().any(|row| wanted(&row.answer));
    let verdict = if any(|answer| matches!(answer, Answer::Arrived(_))) {
        "arrived"
    } else if any(|answer| matches!(answer, Answer::Unclear(_))) {
        "unclear"
    } else {
        "held"
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let (result, arrived, why) = match &row.answer {
                Answer::Held(how) => ("held", None, how.as_ref()),
                Answer::Arrived(what) => ("arrived", Some(what), None),
                Answer::Unclear(why) => ("unclear", None, Some(why)),
                Answer::NotTried(why) => ("not_tried", None, Some(why)),
            };
            json!({
                "way": row.way, "attack": row.attack, "requests": row.requests,
                "result": result, "arrived": arrived, "why": why,
            })
        })
        .collect();
    println!("{}", json!({ "verdict": verdict, "rows": rows }));
}
