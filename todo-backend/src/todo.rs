//! The nouns: a todo, its parts, and whose it is. Each is parsed once and cannot be wrong afterwards.

use std::num::NonZeroU64;

use jiff::Timestamp;

/// A user as the gateway names one: a positive integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UserId(NonZeroU64);

/// A todo's number: positive, unique in the whole store, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TodoId(NonZeroU64);

impl UserId {
    pub(crate) fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Decimal digits without sign or leading zeros: the one spelling that the gateway writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.starts_with('0') { None } else { digits(text).and_then(Self::new) }
    }

    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }
}

impl TodoId {
    pub(crate) fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        digits(text).and_then(Self::new)
    }

    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }
}

/// `str::parse` would also take a leading `+`.
fn digits(text: &str) -> Option<u64> {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if only_digits { text.parse().ok() } else { None }
}

/// What a todo is about: trimmed, 1 to 255 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Title(String);

impl Title {
    pub(crate) const CHARACTERS_MAX: usize = 255;

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("Title is required");
        }
        if longer_than(text, Self::CHARACTERS_MAX) {
            return Err("Title must be at most 255 characters");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Free text beside the title, kept as it came, and empty where none was given: at most 10,000 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Description(String);

impl Description {
    pub(crate) const CHARACTERS_MAX: usize = 10_000;

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if longer_than(text, Self::CHARACTERS_MAX) {
            return Err("Description must be at most 10000 characters");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn longer_than(text: &str, characters_max: usize) -> bool {
    text.chars().nth(characters_max).is_some()
}

/// A todo as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Todo {
    pub(crate) id: TodoId,
    pub(crate) title: Title,
    pub(crate) description: Description,
    pub(crate) completed: bool,
    pub(crate) created_at: Timestamp,
}

/// What it takes to make a todo.
#[derive(Clone, Debug)]
pub(crate) struct NewTodo {
    pub(crate) title: Title,
    pub(crate) description: Description,
}

/// What to change of a todo; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) title: Option<Title>,
    pub(crate) description: Option<Description>,
    pub(crate) completed: Option<bool>,
}

impl Change {
    pub(crate) fn is_nothing(&self) -> bool {
        self.title.is_none() && self.description.is_none() && self.completed.is_none()
    }
}

/// Which of a user's todos a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    Open,
    Completed,
}

/// One stretch of a list, and how long the whole list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) todos: Vec<Todo>,
    pub(crate) total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_trimmed_and_counted_in_characters() {
        assert_eq!(Title::parse("  Milk \n").map(|title| title.0), Ok("Milk".to_owned()));
        assert!(Title::parse(&"ü".repeat(255)).is_ok());
        assert_eq!(Title::parse(&"ü".repeat(256)), Err("Title must be at most 255 characters"));
        assert_eq!(Title::parse(" \t"), Err("Title is required"));
    }

    #[test]
    fn a_user_id_has_one_spelling() {
        assert_eq!(UserId::parse("42").map(UserId::get), Some(42));
        for wrong in ["", "0", "042", "+42", "-42", "4 2", "42,42", "٤٢", "18446744073709551616"] {
            assert_eq!(UserId::parse(wrong), None, "{wrong}");
        }
    }
}
