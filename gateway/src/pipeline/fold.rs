//! How services read a path more loosely than we do: without regard to case, to blanks, dots and
//! slashes at ends, to what stands behind `;`, and with escapes undone more than once.

use std::borrow::Cow;

use super::path::unescaped;

/// A segment as the loosest reader has it. Two that are the same so can be the same to a service.
pub(super) fn folded(segment: &str) -> Cow<'_, str> {
    if !segment.is_empty() && is_plain(segment) {
        return Cow::Borrowed(segment);
    }
    let mut text = Cow::Borrowed(segment);
    // A proxy behind us may undo escapes once more, and its service again. Each time it is shorter.
    loop {
        let undone = unescaped(&text, |_| true).into_owned();
        if undone == *text {
            break;
        }
        text = Cow::Owned(undone);
    }
    let text = text.split(';').next().unwrap_or_default();
    let text = text.trim_start_matches(is_blank).trim_end_matches(|c| c == '.' || is_blank(c));
    // To upper case first: `ı` and `ſ` are lower-case letters that have plain ones as capitals.
    Cow::Owned(text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect())
}

/// Whether the whole path is as every reader has it. It holds no `;` and nothing but ASCII: the
/// canonical form escapes the rest.
pub(super) fn is_plain(path: &str) -> bool {
    let mut before = b'x';
    for byte in path.bytes() {
        let ends_oddly = byte == b'/' && matches!(before, b'/' | b'.');
        if ends_oddly || byte.is_ascii_uppercase() || byte == b'%' {
            return false;
        }
        before = byte;
    }
    !matches!(before, b'/' | b'.')
}

/// What is cut off at ends, or not seen at all.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_could_take_for_one_segment_is_folded_into_one() {
        for spelling in [
            "admin",
            "ADMIN",
            "admin.",
            "admin..",
            "admin%20",
            "%20admin",
            "admin%C2%A0",
            "admin.%20.",
            "%61dmin",
            "%2561dmin",
            "admin%3Bx",
            "admin%253Bx=y",
            "adm%C4%B1n",
            "admin%E2%80%8B",
            "admin%2500",
        ] {
            assert_eq!(folded(spelling), "admin", "{spelling}");
        }
        for other in ["administrator", "admin.json", "-admin", "a.dmin", "%"] {
            assert_ne!(folded(other), "admin", "{other}");
        }
        assert_eq!([folded("%20"), folded("."), folded(""), folded("%3Bx")], [""; 4]);
    }

    #[test]
    fn a_plain_path_is_its_own_only_reading() {
        for plain in ["/a", "/a.b/c-d_e~f", "/.well-known/x", "/a,b;c@d"] {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in ["/A", "/a/", "/a./b", "/a.", "/a%20", "/"] {
            assert!(!is_plain(odd), "{odd}");
        }
    }
}
