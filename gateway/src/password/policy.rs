//! Which passwords may be chosen: the contract's rules, in the contract's order.

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
}

/// The first thing that is wrong, if any. The password is taken as it is: never trimmed, never cut.
pub fn assess(password: &str) -> Option<Weakness> {
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
}
