//! A person's name, as it is kept: by whichever door it comes in.

/// Longest name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 100;

/// The name without the blanks around it. A fault says what is wrong, for a sentence that begins with
/// the field.
pub fn person_name(text: &str) -> Result<&str, String> {
    let text = text.trim();
    if text.chars().count() > NAME_CHARACTERS_MAX {
        return Err(format!("must be at most {NAME_CHARACTERS_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_bounded_and_has_no_control_characters() {
        assert_eq!(person_name(" Ada \u{e4} \n"), Ok("Ada \u{e4}"));
        assert!(person_name(&"\u{1f600}".repeat(NAME_CHARACTERS_MAX)).is_ok());
        for wrong in [&"a".repeat(NAME_CHARACTERS_MAX + 1), "a\tb", "a\u{7f}b", "a\0"] {
            assert!(person_name(wrong).is_err(), "{wrong:?}");
        }
    }
}
