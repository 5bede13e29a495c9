//! What a service could read as a number in the subject of another issuer, and so as the id of an
//! account of ours. What counts is the most lenient reader, not ours.

/// Which subjects are refused for that. The order is from the strictest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Where people choose their subject: also what begins like a number, which `(int)` and
    /// `parseInt` read up to the first character that is none.
    RefusedAtStart,
    /// What is a number as a whole. A UUID begins with digits, and nobody chooses it.
    Refused,
    /// The ids that a service gave before, in the one spelling that it had for each.
    Canonical,
    /// As the operator asked for by name.
    Accepted,
}

impl Numbers {
    pub(super) fn admit(self, subject: &str) -> bool {
        match self {
            Self::RefusedAtStart => !begins_like_number(subject),
            Self::Refused => !is_number(subject),
            Self::Canonical => is_canonical(subject) || !is_number(subject),
            Self::Accepted => true,
        }
    }
}

/// Whether the name of a claim is that of something that people choose, as far as it can be told.
pub fn is_chosen(claim: &str) -> bool {
    let claim = claim.to_ascii_lowercase();
    ["name", "nick", "login", "mail", "upn", "alias", "handle"].iter().any(|word| claim.contains(word))
}

/// Whether a text begins like a number: behind a sign, a point, or what stands before digits of
/// another base.
pub fn begins_like_number(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || "+-.,#_\u{feff}".contains(c));
    text.starts_with(char::is_numeric)
}

fn is_canonical(text: &str) -> bool {
    text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether `int()`, `Atoi`, `parseLong`, `Number()`, `strtod` or one of their like takes the whole
/// text for a number: with a sign, zeros before it, a point, an exponent, another base, characters
/// between its digits, and blanks or a separator around it.
fn is_number(text: &str) -> bool {
    // JavaScript's `Number` takes a byte order mark for a blank.
    let around = |c: char| c.is_whitespace() || matches!(c, ';' | ',' | '\u{feff}');
    let text = text.trim_matches(around);
    let text = text.strip_prefix(['+', '-']).or_else(|| text.strip_suffix(['+', '-'])).unwrap_or(text);
    // Between digits Python, Rust, Java and others have `_`, C++ has `'`, and .NET has `,`.
    let text: String = text.chars().filter(|c| !matches!(c, '_' | ',' | '\'')).collect();
    let text = text.to_ascii_lowercase();
    match BASES.iter().find_map(|(mark, base)| Some((text.strip_prefix(mark)?, *base))) {
        Some((digits, 16)) => {
            let (digits, exponent) = digits.split_once('p').map_or((digits, None), |(d, e)| (d, Some(e)));
            is_digits(digits, 16) && exponent.is_none_or(is_exponent)
        }
        Some((digits, base)) => is_digits(digits, base),
        None => is_decimal(&text),
    }
}

/// `#` is hexadecimal for Java's `Long.decode`, and `0d` decimal for Ruby's `Integer`.
const BASES: [(&str, u32); 5] = [("0x", 16), ("#", 16), ("0o", 8), ("0b", 2), ("0d", 10)];

/// Digits of any script, with at most one point.
fn is_digits(text: &str, base: u32) -> bool {
    let is_digit = |c: char| c.is_digit(base) || (base == 10 && c.is_numeric());
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    !(whole.is_empty() && part.is_empty()) && whole.chars().chain(part.chars()).all(is_digit)
}

fn is_exponent(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    // Java's `Double.parseDouble`, JavaScript's `BigInt`, C# and others take a letter for the type.
    let text = text.strip_suffix(['f', 'd', 'l', 'n', 'm', 'u']).unwrap_or(text);
    match text.split_once('e') {
        None => is_digits(text, 10),
        // One that is beyond every number is read as none: hexadecimal ids look so now and then.
        Some((digits, exponent)) => {
            is_digits(digits, 10)
                && is_exponent(exponent)
                && text.parse::<f64>().is_ok_and(|value| value.is_finite())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_reader_takes_for_a_number_as_a_whole_is_one() {
        for number in
            ["7", "+07", "7-", " 7;", "7.", ".7", "7e0", "0x7", "#7", "0b1", "1_0", "1,000", "٧", "７"]
        {
            assert!(is_number(number), "{number}");
        }
        for other in
            ["", "+", ".", "e5", "1e", "0x", "0b2", "0o8", "7.0.1", "7abc", "507f1f77bcf86cd799439011"]
        {
            assert!(!is_number(other), "{other:?}");
        }
    }

    #[test]
    fn an_exponent_beyond_every_number_makes_none() {
        assert!(is_number("507e12") && is_number("1e308"));
        assert!(!is_number("5071277898617457e9943911") && !is_number("1e309"));
    }

    #[test]
    fn what_only_some_readers_take_for_a_number_is_one() {
        for number in ["0d7", "7L", "7n", "0D07", "\u{feff}7", "1'000", "7m"] {
            assert!(!Numbers::Refused.admit(number), "{number}");
        }
        for id in ["7lx", "l", "n", "d0", "507f1f77bcf86cd799439011"] {
            assert!(Numbers::Refused.admit(id), "{id}");
        }
    }

    #[test]
    fn what_begins_like_a_number_is_told_where_people_choose() {
        for chosen in ["7abc", "+7", ".7x", "#7", "7@example.org"] {
            assert!(!Numbers::RefusedAtStart.admit(chosen), "{chosen}");
            assert!(begins_like_number(chosen), "{chosen}");
        }
        assert!(Numbers::RefusedAtStart.admit("ada7") && Numbers::Refused.admit("7abc"));
        for name in ["preferred_username", "cognito:username", "name", "profile.nickname", "email", "upn"] {
            assert!(is_chosen(name), "{name}");
        }
        for id in ["sub", "oid", "user_id", "https://app.example.com/id"] {
            assert!(!is_chosen(id), "{id}");
        }
    }

    #[test]
    fn ids_of_the_service_before_have_one_spelling_each() {
        for id in ["0", "7", "163840776835432705", "ada", "7-ada"] {
            assert!(Numbers::Canonical.admit(id), "{id}");
        }
        for id in ["07", "+7", "7.0", "0x7", "7;"] {
            assert!(!Numbers::Canonical.admit(id), "{id}");
        }
    }
}
