//! The whole comparison in one table: CPU time for each request, by level and by contestant.

use std::fmt::Write as _;

use crate::figures::{find, verdicts};
use crate::levels::{Level, Who};
use crate::load::Slice;
use crate::race::Row;
use crate::targets::Verdict;

/// One line for each level: what everybody used, and which targets are met.
pub(crate) fn table(rows: &[Row], levels: &[Level]) -> String {
    let present = |who: &Who| rows.iter().any(|row| row.who == *who);
    let who: Vec<_> = Who::ALL.into_iter().filter(present).collect();
    let names: Vec<_> = who.iter().map(|who| who.name()).collect();
    let mut text = format!("| CPU µs a request | {} | targets |\n", names.join(" | "));
    writeln!(text, "|---|{}", "---|".repeat(who.len() + 1)).ok();
    for level in levels {
        let cells: Vec<_> = who.iter().map(|who| cell(rows, *level, *who)).collect();
        writeln!(text, "| {} | {} | {} |", level.title(), cells.join(" | "), judged(rows, *level)).ok();
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

/// What is red by name; all others by their number.
fn judged(rows: &[Row], level: Level) -> String {
    let verdicts = verdicts(rows, level);
    let red: Vec<_> =
        verdicts.iter().filter(|verdict| verdict.met == Some(false)).map(Verdict::to_string).collect();
    let met = verdicts.iter().filter(|verdict| verdict.met == Some(true)).count();
    match (red.is_empty(), met) {
        (_, 0) => red.join(" · "),
        (true, met) => format!("{met} of {} met", verdicts.len()),
        (false, met) => format!("{met} of {} met · {}", verdicts.len(), red.join(" · ")),
    }
}
