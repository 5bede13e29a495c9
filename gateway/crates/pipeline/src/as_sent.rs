//! Paths that are not canonical and could pass as they were sent: with an encoded slash, a doubled one
//! or a parameter. What they hold, and everything that a service could read in them.

use super::fold::has_dot_segment;
use super::path::{hex, is_left_raw, is_path_byte, parts, push_escaped, unescaped};

/// What a path may hold below a route's own, where the route allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    EncodedSlash,
    DoubledSlash,
    Semicolon,
}

/// Longest path of this kind, in bytes: each of its readings is looked up.
const PATH_BYTES_MAX: usize = 8 * 1_024;
/// More readings than there can be of one path.
const READINGS_MAX: usize = 32;

impl Oddity {
    pub const ALL: [Self; 3] = [Self::EncodedSlash, Self::DoubledSlash, Self::Semicolon];

    /// As it is written in `path_allows`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EncodedSlash => "%2F",
            Self::DoubledSlash => "//",
            Self::Semicolon => ";",
        }
    }

    /// What a client is told, who is told of no route.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::EncodedSlash => {
                "The path holds an encoded slash (`%2F`); it passes only below a route whose `path_allows` has \"%2F\", which is the operator's choice"
            }
            Self::DoubledSlash => {
                "The path holds a doubled slash (`//`); it passes only below a route whose `path_allows` has \"//\", which is the operator's choice"
            }
            Self::Semicolon => {
                "The path holds a semicolon (`;` or `%3B`); it passes only below a route whose `path_allows` has \";\", which is the operator's choice"
            }
        }
    }

    fn is_in(self, path: &str) -> bool {
        match self {
            Self::EncodedSlash => path.contains("%2F") || path.contains("%2f"),
            Self::DoubledSlash => path.contains("//"),
            Self::Semicolon => path.contains(';') || path.contains("%3B") || path.contains("%3b"),
        }
    }
}

/// A target whose path has one reading but for its oddities.
#[derive(Debug)]
pub(super) struct AsSent<'a> {
    /// Byte for byte, with escapes for what was left raw.
    pub(super) path: String,
    pub(super) query: Option<&'a str>,
    /// At least one.
    pub(super) odd: Vec<Oddity>,
}

impl<'a> AsSent<'a> {
    /// `None` for what is ambiguous in another way: nobody can allow that.
    pub(super) fn read(target: &'a str) -> Option<Self> {
        let (path, query) = parts(target);
        if path.len() > PATH_BYTES_MAX || !path.starts_with('/') || path.contains("%25252525") {
            return None;
        }
        let path = kept(path)?;
        let odd: Vec<_> = Oddity::ALL.into_iter().filter(|odd| odd.is_in(&path)).collect();
        (!odd.is_empty() && !has_dot_segment(&path)).then_some(Self { path, query, odd })
    }

    /// Whether nothing odd is in the first segments, so many of them, and something lies below.
    pub(super) fn is_plain_up_to(&self, segments: usize) -> bool {
        let slash = self.path.match_indices('/').nth(segments);
        slash
            .and_then(|(end, _)| self.path.get(..end))
            .is_some_and(|own| !own.ends_with('/') && !Oddity::ALL.iter().any(|odd| odd.is_in(own)))
    }

    /// The path as each service could have it that undoes the escapes of slashes, cuts off parameters
    /// (of each segment, or with all that follows) or takes several slashes for one, in any order; as
    /// paths are matched. The first one is that of who does nothing of it.
    pub(super) fn readings(&self) -> Vec<String> {
        let decoded = |path: &str| path.replace("%2F", "/").replace("%2f", "/");
        let cut = |path: &str| {
            let names = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
            names.collect::<Vec<_>>().join("/")
        };
        let cut_off = |path: &str| path.split(';').next().unwrap_or_default().to_owned();
        let merged = |path: &str| {
            let mut out = path.to_owned();
            while out.contains("//") {
                out = out.replace("//", "/");
            }
            out
        };
        let steps: [&dyn Fn(&str) -> String; 4] = [&decoded, &cut, &cut_off, &merged];
        let mut readings = vec![self.path.replace("%3B", ";").replace("%3b", ";")];
        let mut next = 0;
        while let Some(path) = readings.get(next).cloned().filter(|_| readings.len() < READINGS_MAX) {
            for step in steps {
                let other = step(&path);
                if !readings.contains(&other) {
                    readings.push(other);
                }
            }
            next += 1;
        }
        let matched = |path: &String| unescaped(path, |byte| is_path_byte(byte) && byte != b'/').into_owned();
        readings.iter().map(matched).collect()
    }
}

/// As it came, but for what was left raw. `None` for what is no path, or for what no choice lets pass.
fn kept(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (bytes.next()?, bytes.next()?);
                let escaped = hex(high)? << 4 | hex(low)?;
                if matches!(escaped, b'\\' | b'\x7f' | 0..=0x1f) {
                    return None;
                }
                decoded.push(escaped);
                out.extend(['%', char::from(high), char::from(low)]);
            }
            b';' => {
                decoded.push(byte);
                out.push(';');
            }
            _ if is_path_byte(byte) => {
                decoded.push(byte);
                out.push(char::from(byte));
            }
            _ if is_left_raw(byte) => {
                decoded.push(byte);
                push_escaped(&mut out, byte);
            }
            _ => return None,
        }
    }
    std::str::from_utf8(&decoded).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(path: &str) -> String {
        AsSent::read(path).map_or_else(
            || "-".to_owned(),
            |sent| sent.odd.iter().map(|odd| odd.as_str()).collect::<Vec<_>>().join(" "),
        )
    }

    #[test]
    fn what_a_path_holds_is_told_and_nothing_else_is_let_pass() {
        for (path, holds) in [
            ("/api/queues/%2F/x", "%2F"),
            ("/@scope%2fpkg", "%2F"),
            ("/a//b", "//"),
            ("/a;v=1/b", ";"),
            ("/a%3bx", ";"),
            ("/%2f;//", "%2F // ;"),
            ("/a/b", "-"),
            ("a//b", "-"),
            ("/a//../b", "-"),
            ("/a%2F..%2Fb", "-"),
            ("/a;x%5Cb", "-"),
            ("/a//\\b", "-"),
            ("/a//b%00", "-"),
            ("/a//%ff", "-"),
            ("/a//%2", "-"),
            ("/a//b c", "-"),
            ("/a//b#c", "-"),
        ] {
            assert_eq!(odd(path), holds, "{path}");
        }
        assert_eq!(odd(&format!("//{}", "x".repeat(PATH_BYTES_MAX))), "-");
    }

    #[test]
    fn a_path_goes_on_as_it_came_but_for_what_was_left_raw() {
        let kept = |path: &str| AsSent::read(path).unwrap().path;
        assert_eq!(kept("/a%2fb%2F%7e%C3%a9;x=%41"), "/a%2fb%2F%7e%C3%a9;x=%41");
        assert_eq!(kept("/a//[1]é"), "/a//%5B1%5D%C3%A9");
    }

    #[test]
    fn every_reading_is_among_the_readings() {
        let readings = |path: &str| AsSent::read(path).unwrap().readings();
        assert_eq!(readings("/a//b"), ["/a//b", "/a/b"]);
        assert_eq!(readings("/a%2Fb"), ["/a%2Fb", "/a/b"]);
        assert_eq!(readings("/a%3Bx/b"), ["/a;x/b", "/a/b", "/a"]);
        let all = readings("/a;x%2Fb//c");
        for reading in ["/a;x%2Fb//c", "/a//c", "/a/c", "/a;x/b//c", "/a/b//c", "/a/b/c", "/a"] {
            assert!(all.iter().any(|known| known == reading), "{reading} is not in {all:?}");
        }
        assert!(all.len() < READINGS_MAX);
        assert_eq!(readings("/%40a%2Fb")[0], "/@a%2Fb");
    }

    #[test]
    fn what_a_route_names_has_to_be_plain() {
        let is_plain = |path: &str, segments| AsSent::read(path).unwrap().is_plain_up_to(segments);
        assert!(is_plain("/api/queues/%2F/x", 2) && !is_plain("/api/queues/%2F/x", 3));
        assert!(is_plain("/a//b", 1) && is_plain("/a/;x", 1) && is_plain("/%2F", 0));
        for (path, segments) in [("/a;x/b", 1), ("/a%2Fb/c", 1), ("//a", 1), ("/a//b", 2), ("/a%2Fb", 1)] {
            assert!(!is_plain(path, segments), "{path}");
        }
    }
}
