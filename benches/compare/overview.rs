//! The whole comparison in two tables: CPU time for each request, by level and by contestant; and every
//! target with its verdict.

use std::fmt::Write as _;

use crate::figures::{find, verdicts};
use crate::levels::{Level, Who};
use crate::load::Slice;
use crate::race::Row;
use crate::section::Section;
use crate::targets::listed;

/// One line for each level: what everybody used.
pub(crate) fn table(rows: &[Row], levels: &[Level]) -> String {
    let present = |who: &Who| rows.iter().any(|row| row.who == *who);
    let who: Vec<_> = Who::ALL.into_iter().filter(present).collect();
    let names: Vec<_> = who.iter().map(|who| who.name()).collect();
    let mut text = format!("| CPU µs a request | {} |\n", names.join(" | "));
    writeln!(text, "|---|{}", "---|".repeat(who.len())).ok();
    for level in levels {
        let cells: Vec<_> = who.iter().map(|who| cell(rows, *level, *who)).collect();
        writeln!(text, "| {} | {} |", level.title(), cells.join(" | ")).ok();
    }
    text
}

/// Empty for who does not take part; `–` for who should and could not.
fn cell(rows: &[Row], level: Level, who: Who) -> String {
    let Some(row) = find(rows, level, who) else { return String::new() };
    let cpu = row.spread(Slice::cpu_micros).map(|cpu| format!("{:.1}", cpu.median));
    let cpu = cpu.unwrap_or_else(|| "–".to_owned());
    if who == Who::Gateway { format!("**{cpu}**") } else { cpu }
}

/// One line for each level and each other part; empty where nothing is judged.
pub(crate) fn judged(rows: &[Row], levels: &[Level], sections: &[Section]) -> String {
    let levels = levels.iter().map(|level| (level.title(), verdicts(rows, *level)));
    let sections = sections.iter().map(|section| (&*section.title, section.verdicts.clone()));
    let mut text = String::new();
    for (title, verdicts) in levels.chain(sections).filter(|(_, verdicts)| !verdicts.is_empty()) {
        writeln!(text, "| {title} | {} |", listed(&verdicts)).ok();
    }
    if text.is_empty() { text } else { format!("| | targets |\n|---|---|\n{text}") }
}
