//! Which passwords may be chosen: the contract's rules in the contract's order, then what anybody
//! would guess, then what is known from breaches. Never asked at a login.

mod breached;
mod guessable;

use std::sync::Arc;

pub use breached::{BreachedList, ListFault};

/// Fewest characters (Unicode scalar values).
pub const PASSWORD_CHARACTERS_MIN: usize = 8;

/// Most bytes: a bound on what one request can make us hash.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// What is wrong with a chosen password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    TooShort,
    TooLong,
    /// Long enough, and lacks an upper-case letter, a lower-case letter or a digit.
    TooPlain,
    /// Among the first that anybody tries, or made of what is known of its owner.
    Guessable,
    /// In the list of passwords that were found in data breaches.
    Breached,
}

/// Whose password it is to be: what a guesser tries first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner<'a> {
    pub email: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
}

/// What is asked of a chosen password beside the contract's rules.
#[derive(Clone, Debug)]
pub struct Policy {
    /// A password must withstand ten to the power of this many guesses; 0 is not asked.
    pub guesses_log10_min: u8,
    pub breached: Option<Arc<BreachedList>>,
}

impl Policy {
    /// The contract's rules alone.
    pub const CONTRACT: Self = Self { guesses_log10_min: 0, breached: None };

    /// The first thing that is wrong, if any. The password is taken as it is: never trimmed, never
    /// cut. It may take milliseconds and read a file, and so must not run on a proxy thread:
    /// `HashPool::assess` is for these.
    pub fn assess(&self, password: &str, owner: &Owner<'_>) -> Option<Weakness> {
        breaks_a_rule(password)
            .or_else(|| guessable::is_guessable(password, owner, self.guesses_log10_min))
            .or_else(|| self.breached.as_ref()?.holds(password).then_some(Weakness::Breached))
    }
}

/// What the contract's rules have against it. Costs nothing to ask.
pub fn breaks_a_rule(password: &str) -> Option<Weakness> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Some(Weakness::TooLong);
    }
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Some(Weakness::TooShort);
    }
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    let mixed = has(char::is_uppercase) && has(char::is_lowercase) && has(char::is_numeric);
    (!mixed).then_some(Weakness::TooPlain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assess(password: &str) -> Option<Weakness> {
        let policy = Policy { guesses_log10_min: 4, breached: None };
        assert_eq!(breaks_a_rule(password), Policy::CONTRACT.assess(password, &Owner::default()));
        policy.assess(password, &Owner::default())
    }

    #[test]
    fn a_password_needs_eight_characters_of_three_kinds() {
        assert_eq!(assess("Abcdef1"), Some(Weakness::TooShort));
        assert_eq!(assess("abcdefg1"), Some(Weakness::TooPlain));
        assert_eq!(assess("ABCDEFG1"), Some(Weakness::TooPlain));
        assert_eq!(assess("Abcdefgh"), Some(Weakness::TooPlain));
        assert_eq!(assess("Abcdefg1"), None);
        assert_eq!(assess("Пароль12"), None);
    }

    #[test]
    fn length_is_counted_in_characters_below_and_in_bytes_above() {
        assert_eq!(assess("Éé1Éé1É"), Some(Weakness::TooShort));
        assert_eq!(assess(&format!("Aa1{}", "x".repeat(1_021))), None);
        assert_eq!(assess(&format!("Aa1{}", "x".repeat(1_022))), Some(Weakness::TooLong));
    }

    #[test]
    fn the_contracts_rules_come_first() {
        assert_eq!(assess("Passw0r"), Some(Weakness::TooShort));
        assert_eq!(assess("password1"), Some(Weakness::TooPlain));
        assert_eq!(assess("Password1"), Some(Weakness::Guessable));
    }
}
