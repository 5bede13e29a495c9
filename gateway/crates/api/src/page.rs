//! Pages of lists.

use super::schema::Pagination;
use gateway_clock::Timestamp;
use gateway_problem::{Code, Problem};

/// The pairs of a query (WHATWG URL §5.1), decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or("").as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The last one of the name that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().rev().find(|(one, value)| one == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let read = |text| {
            Timestamp::parse_bound(text).ok_or_else(|| {
                let message = format!("{name} must be a time, such as 2026-01-31T00:00:00Z");
                Problem::new(Code::ValidationFailed).with_message(message)
            })
        };
        self.text(name).map(read).transpose()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.text(name).map(|text| positive(name, text)).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => {
                let message = format!("{name} must be true or false");
                Err(Problem::new(Code::ValidationFailed).with_message(message))
            }
        }
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) page: u64,
    pub(super) per_page: u64,
}

impl Page {
    /// `page` from 1, `per_page` from 1; more than `most` is clamped.
    pub(super) fn parse(query: Option<&str>, usual: u64, most: u64) -> Result<Self, Problem> {
        let mut page = Self { page: 1, per_page: usual };
        for pair in query.unwrap_or("").split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "page" => page.page = positive(name, value)?,
                "per_page" => page.per_page = positive(name, value)?.min(most),
                _ => {}
            }
        }
        Ok(page)
    }

    pub(super) fn offset(self) -> u64 {
        (self.page - 1).saturating_mul(self.per_page)
    }

    pub(super) fn describe(self, total: u64) -> Pagination {
        let pages = total.div_ceil(self.per_page);
        Pagination { page: self.page, per_page: self.per_page, total, pages }
    }
}

fn positive(name: &str, value: &str) -> Result<u64, Problem> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or_else(|| {
        let message = format!("{name} must be a positive integer");
        Problem::new(Code::ValidationFailed).with_message(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_start_at_one_and_their_size_is_clamped() {
        assert_eq!(Page::parse(None, 100, 500).unwrap(), Page { page: 1, per_page: 100 });
        let asked = Page::parse(Some("x=1&page=3&per_page=900"), 100, 500).unwrap();
        assert_eq!((asked.page, asked.per_page, asked.offset()), (3, 500, 1_000));
        for wrong in [
            "page=0",
            "page=-1",
            "page=",
            "page=a",
            "per_page=0",
            "per_page=1.5",
            "page=99999999999999999999",
        ] {
            assert!(Page::parse(Some(wrong), 100, 500).is_err(), "{wrong}");
        }
    }
}
