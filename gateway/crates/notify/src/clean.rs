//! What people wrote about themselves, made harmless: a name is put into mails to addresses that
//! their writer may not own, and must not become a header, a link or a sentence of its own.

use gateway_identity::{Email, NAME_CHARACTERS_MAX};

/// Longest subject, and longest of the other fields.
const LINE_CHARACTERS_MAX: usize = 255;

/// A name without anything that a reader or their mail program takes for a link or for mark-up.
/// What is left out becomes a space.
pub(super) fn name(text: &str) -> String {
    let mut clean = String::new();
    for notification in text.chars() {
        match notification {
            // A dot inside a word makes a link of it: "J.R.R. Tolkien" becomes "J. R. R. Tolkien".
            // The other three are dots to whoever looks up a host (RFC 3490 §3.1).
            '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => clean.push_str(". "),
            _ if notification.is_ascii()
                && !notification.is_ascii_alphanumeric()
                && !"'-,".contains(notification) =>
            {
                clean.push(' ');
            }
            _ if is_invisible(notification) => clean.push(' '),
            _ => clean.push(notification),
        }
    }
    shorten(&clean, NAME_CHARACTERS_MAX)
}

/// The inviter, by address or by name.
pub(super) fn inviter(text: &str) -> String {
    Email::parse(text).map_or_else(|_| name(text), |email| email.to_string())
}

/// One line, fit for a header.
pub(super) fn line(text: &str) -> String {
    let visible = |notification| {
        if is_invisible(notification) || "<>".contains(notification) { ' ' } else { notification }
    };
    shorten(&text.chars().map(visible).collect::<String>(), LINE_CHARACTERS_MAX)
}

/// Controls, line and paragraph separators, and what turns the direction of writing around. The
/// joiners stay: Persian and Indic names need them.
fn is_invisible(notification: char) -> bool {
    let unseen = matches!(notification,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    notification.is_control() || unseen
}

/// Single spaces, none at the ends, and not longer than that.
fn shorten(text: &str, characters_max: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.chars().take(characters_max).collect();
    short.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_people_stay_as_they_are() {
        for kept in [
            "Ada",
            "Ada Lovelace",
            "Anne-Marie O'Neil, Jr.",
            "Zoë Ångström",
            "张伟",
            "محمد",
            "सुनीता",
            "Ñuñez",
        ] {
            assert_eq!(name(kept), kept);
        }
        assert_eq!(name("  Ada\u{a0}  Lovelace "), "Ada Lovelace");
        assert_eq!(name("J.R.R. Tolkien"), "J. R. R. Tolkien");
        assert_eq!(name(&"x".repeat(300)).len(), 100);
    }

    #[test]
    fn a_name_cannot_be_a_link_a_header_or_mark_up() {
        for (wrong, left) in [
            ("win at https://evil.example/x?a=b", "win at https evil. example x a b"),
            ("evil.example", "evil. example"),
            ("evil\u{3002}example", "evil. example"),
            ("Ada\r\nBcc: all@example.org", "Ada Bcc all example. org"),
            ("<script>alert(1)</script>", "script alert 1 script"),
            ("{{ token }}", "token"),
            ("a\u{202e}cod\u{2028}b\0c", "a cod b c"),
            ("\r\n", ""),
        ] {
            assert_eq!(name(wrong), left, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_one_line_without_controls(text in any::<String>()) {
            for clean in [name(&text), line(&text)] {
                prop_assert!(!clean.chars().any(|notification| is_invisible(notification) || "<>".contains(notification)));
                prop_assert!(clean.chars().count() <= LINE_CHARACTERS_MAX);
                prop_assert_eq!(clean.trim(), clean.as_str());
            }
            prop_assert!(!name(&text).contains([':', '/', '@', '"', '\\', '&', '=']));
        }
    }
}
