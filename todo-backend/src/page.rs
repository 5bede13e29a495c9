//! Which page of a list is asked for (`page`, `per_page`, `completed`), and how the answer describes it.

use std::borrow::Cow;

use serde::Serialize;

use crate::refusal::Refusal;
use crate::todo::Selection;

const PER_PAGE_DEFAULT: u64 = 20;

/// More is clamped, not refused: a client that asks for all gets as much as there may be.
const PER_PAGE_MAX: u64 = 100;

/// A page that somebody asked for; both numbers are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    page: u64,
    per_page: u64,
    selection: Selection,
}

impl Wanted {
    /// Unknown parameters are ignored; a known one that says nothing usable is a fault.
    pub(crate) fn parse(pairs: &[(String, String)]) -> Result<Self, Refusal> {
        let mut query = Query { pairs, faults: Vec::new() };
        let page = query.read("page", "a positive integer", positive);
        let per_page = query.read("per_page", "a positive integer", positive);
        let completed = query.read("completed", "true or false", |text| text.parse().ok());
        if !query.faults.is_empty() {
            return Err(Refusal::invalid(query.faults));
        }
        Ok(Self {
            page: page.unwrap_or(1),
            per_page: per_page.unwrap_or(PER_PAGE_DEFAULT).min(PER_PAGE_MAX),
            selection: match completed {
                None => Selection::All,
                Some(false) => Selection::Open,
                Some(true) => Selection::Completed,
            },
        })
    }

    pub(crate) fn selection(self) -> Selection {
        self.selection
    }

    /// How many todos come before this page.
    pub(crate) fn offset(self) -> u64 {
        (self.page - 1).saturating_mul(self.per_page)
    }

    /// How many todos fit on this page: 1 to 100.
    pub(crate) fn limit(self) -> usize {
        usize::try_from(self.per_page).unwrap_or(usize::MAX)
    }

    pub(crate) fn describe(self, total: u64) -> Pagination {
        let Self { page, per_page, .. } = self;
        Pagination { page, per_page, total, pages: total.div_ceil(per_page) }
    }
}

/// The `pagination` of an answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pagination {
    page: u64,
    per_page: u64,
    total: u64,
    pages: u64,
}

struct Query<'a> {
    pairs: &'a [(String, String)],
    faults: Vec<Cow<'static, str>>,
}

impl Query<'_> {
    fn read<T>(&mut self, name: &str, meaning: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut values = self.pairs.iter().filter(|(key, _)| key == name);
        let (_, text) = values.next()?;
        if values.next().is_some() {
            self.faults.push(format!("{name} must be given only once").into());
            return None;
        }
        let parsed = parse(text);
        if parsed.is_none() {
            self.faults.push(format!("{name} must be {meaning}").into());
        }
        parsed
    }
}

/// A number too large for us is a page past every end, or a size to be clamped; not a fault.
fn positive(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX)).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Wanted, Refusal> {
        let owned: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Wanted::parse(&owned)
    }

    #[test]
    fn a_page_has_twenty_todos_unless_asked_otherwise_and_never_more_than_a_hundred() {
        assert_eq!(parse(&[]).unwrap().limit(), 20);
        assert_eq!(parse(&[("per_page", "7")]).unwrap().limit(), 7);
        for huge in ["101", "99999999999999999999999"] {
            assert_eq!(parse(&[("per_page", huge)]).unwrap().limit(), 100);
        }
    }

    #[test]
    fn a_page_number_beyond_all_numbers_is_past_the_end() {
        let wanted = parse(&[("page", "99999999999999999999999")]).unwrap();

        assert_eq!(wanted.offset(), u64::MAX);
    }

    #[test]
    fn every_unusable_parameter_is_named() {
        let wrong = [("page", "0"), ("per_page", "-1"), ("completed", "yes"), ("colour", "red")];

        assert_eq!(
            parse(&wrong).unwrap_err().messages(),
            [
                "page must be a positive integer",
                "per_page must be a positive integer",
                "completed must be true or false",
            ]
        );
        assert_eq!(
            parse(&[("page", "1"), ("page", "2")]).unwrap_err().messages(),
            ["page must be given only once"]
        );
        assert!(parse(&[("page", "")]).is_err() && parse(&[("page", "1.5")]).is_err());
    }

    #[test]
    fn the_number_of_pages_is_rounded_up() {
        let pages = |total| parse(&[]).unwrap().describe(total).pages;

        assert_eq!((pages(0), pages(1), pages(20), pages(21)), (0, 1, 1, 2));
    }
}
