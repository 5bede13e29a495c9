//! A part of the run with a table of its own.

use crate::targets::{Verdict, listed};

pub(crate) struct Section {
    pub(crate) title: String,
    /// In Markdown.
    pub(crate) table: String,
    pub(crate) verdicts: Vec<Verdict>,
    /// How it was measured, and what to think of it.
    pub(crate) remark: String,
}

impl Section {
    /// In place of one that broke off.
    pub(crate) fn not_measured(what: &str, why: &str) -> Self {
        let verdicts = vec![Verdict { met: Some(false), about: format!("{what}: not measured") }];
        Self { title: what.to_owned(), table: String::new(), verdicts, remark: cell(why) }
    }
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "### {}\n\n{}\n", self.title, self.table)?;
        if !self.verdicts.is_empty() {
            write!(f, "Targets: {}. ", listed(&self.verdicts))?;
        }
        write!(f, "{}\n\n", self.remark)
    }
}

/// Why there is no figure, so that it fits into a cell.
pub(crate) fn cell(why: &str) -> String {
    why.replace(['|', '\r', '\n'], " ")
}
