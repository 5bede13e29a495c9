//! How services read a path more loosely than we do: without regard to case, to blanks, dots and
//! slashes at ends, to what stands behind `;`, and with escapes undone more than once.

use std::borrow::Cow;

use super::path::unescaped;

/// A segment as the loosest reader has it. Two that are the same so can be the same to a service.
pub(super) fn folded(segment: &str) -> Cow<'_, str> {
    if !segment.is_empty() && is_plain(segment) {
        return Cow::Borrowed(segment);
    }
    Cow::Owned(loosened(&undone(segment)))
}

/// What is left of a segment without escapes.
fn loosened(text: &str) -> String {
    let text = text.split(';').next().unwrap_or_default();
    // What stands behind is a stream of the same file, on Windows.
    let text = ["::", ":$"].iter().fold(text, |text, mark| text.split(mark).next().unwrap_or_default());
    let text = text.trim_start_matches(is_blank).trim_end_matches(|c| c == '.' || is_blank(c));
    // To upper case first: `ı` and `ſ` are lower-case letters that have plain ones as capitals. What `İ`
    // becomes is an `i` with a mark.
    let text = text.chars().map(narrowed).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    text.filter(|c| !is_unseen(*c)).collect()
}

/// A path as who undoes its escapes more than once, and cleans it after that, has it: each segment
/// folded. `None` where there is no escape.
pub(super) fn cleaned(path: &str) -> Option<Vec<String>> {
    if !path.contains('%') {
        return None;
    }
    let text = undone(path);
    let text = text.split(['?', '#', '\0']).next().unwrap_or_default();
    let mut segments = Vec::new();
    for segment in text.split(['/', '\\']) {
        let name = segment.split(';').next().unwrap_or_default().trim_matches(is_blank);
        if name == ".." {
            segments.pop();
            continue;
        }
        segments.push(loosened(segment));
        segments.pop_if(|folded| folded.is_empty());
    }
    Some(segments)
}

/// Whether somebody who undoes escapes, however often, cleans the path and cuts it anywhere could see a
/// dot segment in it.
pub(super) fn has_dot_segment(path: &str) -> bool {
    undone(path).split(['/', '\\']).any(|segment| {
        let name = segment.split([';', '?', '#', '\0']).next().unwrap_or_default();
        let name: String = name.chars().filter(|c| !is_blank(*c)).map(narrowed).collect();
        name == "." || name == ".."
    })
}

/// More passes than there are programs in a row that undo escapes.
const PASSES_MAX: usize = 8;

/// A proxy behind us may undo escapes once more, and its service again. What comes out of them is read as
/// plain letters at once: a slash, a dot and a percent sign have full-width forms, too.
fn undone(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..PASSES_MAX {
        let undone = unescaped(&text, |_| true).into_owned();
        let undone = match undone.is_ascii() {
            true => undone,
            false => undone.chars().filter(|c| !is_unseen(*c)).map(narrowed).collect(),
        };
        if undone == *text {
            break;
        }
        text = Cow::Owned(undone);
    }
    text
}

/// The letter that a full-width one stands for: some systems take the one for the other.
fn narrowed(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Whether the whole path is as every reader has it. It holds no `;` and nothing but ASCII: the
/// canonical form escapes the rest.
pub(super) fn is_plain(path: &str) -> bool {
    let mut before = b'x';
    for byte in path.bytes() {
        let ends_oddly = byte == b'/' && matches!(before, b'/' | b'.');
        let is_stream = before == b':' && matches!(byte, b':' | b'$');
        if ends_oddly || is_stream || byte.is_ascii_uppercase() || byte == b'%' {
            return false;
        }
        before = byte;
    }
    !matches!(before, b'/' | b'.')
}

/// What is cut off at ends, or not seen at all.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_unseen(c)
}

/// What has no width, and marks of letters: file systems and databases leave them out of account.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{300}'..='\u{36f}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
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
            "adm%C4%B0n",
            "ad%C2%ADmin",
            "adm%E2%80%8Bin",
            "admin%E3%85%A4",
            "%EF%BD%81dmin",
            "admin%CC%81",
            "admin::$DATA",
            "admin:$i30:$INDEX_ALLOCATION",
        ] {
            assert_eq!(folded(spelling), "admin", "{spelling}");
        }
        for other in ["administrator", "admin.json", "-admin", "a.dmin", "%"] {
            assert_ne!(folded(other), "admin", "{other}");
        }
        assert_eq!([folded("%20"), folded("."), folded(""), folded("%3Bx")], [""; 4]);
    }

    #[test]
    fn a_path_that_is_undone_and_cleaned_by_another_program_is_seen_as_that_has_it() {
        for path in [
            "/admin%252Fusers",
            "/x/%252e%252e/admin/users",
            "/x%252F..%252Fadmin%252Fusers",
            "/%252Fadmin/users%3Fx",
            "/admin%255Cusers%23x",
            "/admin/%20/users%2500.png",
            "/admin%EF%BC%8Fusers",
            "/x/%EF%BC%8E%EF%BC%8E/admin/users",
            "/x/.%E2%80%8B./admin/users",
            "/x/%EF%BC%852e./admin/users",
            "/admin%EF%BC%BCusers%EF%BC%9Fx",
        ] {
            assert_eq!(cleaned(path).unwrap(), ["admin", "users"], "{path}");
        }
        assert_eq!(cleaned("/admin/users"), None);
        assert_eq!(cleaned("/%252e%252e/%252e%252e"), Some(Vec::new()));
    }

    #[test]
    fn a_dot_segment_is_seen_behind_escapes_parameters_and_blanks() {
        for path in [
            "/a/..%2Fb",
            "/a%2F..",
            "/a/.//b",
            "/a;/../b",
            "/a/..;/b",
            "/a/.;x/b",
            "/a/%2e%2e//b",
            "/a/%252e%252e%252Fb",
            "/a/..%5Cb",
            "/a/..%253Fx",
            "/a/%20..%20/b",
            "/a/%EF%BC%8E%EF%BC%8E;x",
            "/a%EF%BC%8F..%EF%BC%8Fb",
            "/a/.%E2%80%8B.%EF%BC%9Bx",
        ] {
            assert!(has_dot_segment(path), "{path}");
        }
        for path in ["/a//b", "/a%2Fb", "/...;x", "/.a//b", "/a..%2Fb.", "/a/;../b"] {
            assert!(!has_dot_segment(path), "{path}");
        }
    }

    #[test]
    fn a_plain_path_is_its_own_only_reading() {
        for plain in ["/a", "/a.b/c-d_e~f", "/.well-known/x", "/a,b;c@d"] {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in ["/a::b", "/a:$b", "/A", "/a/", "/a./b", "/a.", "/a%20", "/"] {
            assert!(!is_plain(odd), "{odd}");
        }
    }
}
