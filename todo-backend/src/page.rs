//! Which page of a list is asked for (`page`, `per_page`, `completed`), and how the answer describes it.

use serde_json::{Value, json};

use crate::refusal::Refusal;

const PER_PAGE_DEFAULT: u64 = 20;

/// More is clamped, not refused: a client that asks for all gets as much as there may be.
const PER_PAGE_MAX: u64 = 100;

/// A page that somebody asked for; both numbers are at least 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    page: u64,
    per_page: u64,
    completed: Option<bool>,
}

impl Wanted {
    /// Unknown parameters are ignored; a known one that says nothing usable is a fault.
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut faults = Vec::new();
        let page = read(query, "page", "a positive integer", positive, &mut faults);
        let per_page = read(query, "per_page", "a positive integer", positive, &mut faults);
        let completed = read(query, "completed", "true or false", |text| text.parse().ok(), &mut faults);
        if !faults.is_empty() {
            return Err(Refusal::invalid(faults));
        }
        let per_page = per_page.unwrap_or(PER_PAGE_DEFAULT).min(PER_PAGE_MAX);
        Ok(Self { page: page.unwrap_or(1), per_page, completed })
    }

    /// Whether the list is about such todos.
    pub(crate) fn is_about(self, completed: bool) -> bool {
        self.completed.is_none_or(|wanted| wanted == completed)
    }

    /// Whether the todo with so many before it in the list is on the page.
    pub(crate) fn has(self, before: u64) -> bool {
        before / self.per_page == self.page - 1
    }

    /// The `pagination` of an answer.
    pub(crate) fn describe(self, total: u64) -> Value {
        let Self { page, per_page, .. } = self;
        json!({ "page": page, "per_page": per_page, "total": total, "pages": total.div_ceil(per_page) })
    }
}

fn read<T>(
    query: &str,
    name: &str,
    meaning: &str,
    parse: impl Fn(&str) -> Option<T>,
    faults: &mut Vec<String>,
) -> Option<T> {
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?;
    let parsed = parse(&value);
    if parsed.is_none() {
        faults.push(format!("{name} must be {meaning}"));
    }
    parsed
}

/// A number too large for us is a page past every end, or a size to be clamped; not a fault.
fn positive(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX)).filter(|number| *number > 0)
}
