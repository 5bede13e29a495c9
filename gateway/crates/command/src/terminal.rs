//! What a terminal gets and a file does not: colours, and tables that are no wider than it is.

use std::io::IsTerminal as _;

use clap::builder::styling::{AnsiColor, Style};

pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const UNCLEAR: Style = AnsiColor::Yellow.on_default();

/// What is printed by tables for everybody is at most so wide.
pub const COLUMNS: usize = 80;

/// Text in a colour, to be printed by the macros of `anstream`: they leave the colour out where
/// there is no terminal, or where `NO_COLOR` says so.
pub fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Rows under their heading, or, on a terminal that is narrower than that, row by row.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    laid_out(heading, rows, columns())
}

/// Of the terminal, where the output goes to one.
fn columns() -> Option<usize> {
    let output = std::io::stdout();
    let size = output.is_terminal().then(|| rustix::termios::tcgetwinsize(&output))?.ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

fn laid_out(heading: &[&str], rows: &[Vec<String>], columns: Option<usize>) -> String {
    let table = side_by_side(heading, rows);
    match columns {
        Some(columns) if table.lines().any(|line| line.chars().count() > columns) => {
            row_by_row(heading, rows, columns)
        }
        _ => table,
    }
}

/// Each column as wide as it needs to be.
fn side_by_side(heading: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heading.get(column).map(|cell| cell.len())).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..heading.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(heading.to_vec());
    rows.iter().for_each(|row| text.push_str(&line(row.iter().map(String::as_str).collect())));
    text
}

/// Each cell in a line of its own, under its heading's name; what is empty is left out.
fn row_by_row(heading: &[&str], rows: &[Vec<String>], columns: usize) -> String {
    let width = heading.iter().map(|name| name.len()).max().unwrap_or(0);
    let block = |row: &Vec<String>| -> String {
        let cells = heading.iter().zip(row).filter(|(_, cell)| !cell.is_empty() && *cell != "-");
        cells.map(|(name, cell)| wrapped(&format!("{name:<width$}  "), cell, columns)).collect()
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// Text behind its beginning, broken between words, and each further line below the first word.
pub fn wrapped(beginning: &str, text: &str, columns: usize) -> String {
    let indent = beginning.chars().count();
    let (mut lines, mut line, mut is_new) = (String::new(), beginning.to_owned(), true);
    for word in text.split(' ') {
        if !is_new && line.chars().count() + 1 + word.chars().count() > columns {
            lines += line.trim_end();
            lines.push('\n');
            (line, is_new) = (" ".repeat(indent), true);
        }
        if !is_new {
            line.push(' ');
        }
        line += word;
        is_new = false;
    }
    lines + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_shown_row_by_row_only_where_it_does_not_fit() {
        let rows = [vec!["1".to_owned(), "-".to_owned(), "one two three".to_owned()]];
        let heading = ["ID", "WHO", "DETAILS"];
        let table = "ID  WHO  DETAILS\n1   -    one two three\n";
        assert_eq!(laid_out(&heading, &rows, None), table);
        assert_eq!(laid_out(&heading, &rows, Some(22)), table);
        let narrow = "ID       1\nDETAILS  one two\n         three\n";
        assert_eq!(laid_out(&heading, &rows, Some(16)), narrow);
    }

    #[test]
    fn a_word_that_is_too_long_stands_alone() {
        assert_eq!(wrapped("a  ", "one /a/long/path two", 8), "a  one\n   /a/long/path\n   two\n");
        assert_eq!(wrapped("a  ", "", 8), "a\n");
    }
}
