//! The paths of routes: literal segments, `{parameters}`, and whether what lies below is covered.

use thiserror::Error;

use super::canonical;
use super::path::as_matched;

/// A path as a route states it: `/api/todos`, `/users/{id}/orders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
    below: bool,
}

/// What one segment of a path has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Box<str>),
    /// Any segment that is not empty; its name is for readers only.
    Parameter,
}

/// Why a text is no path of a route.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PatternFault {
    #[error("must begin with a slash")]
    NoSlash,
    #[error("is not in canonical form (it has no `..`, `//`, `;`, query, or escapes of plain characters)")]
    NotCanonical,
    #[error(
        "has a parameter that is not a whole segment of the form `{{name}}`, which stands for any one segment"
    )]
    Parameter,
    #[error(
        "looks like a pattern of another program, and would be taken literally: a path covers all that lies below it already, and `{{name}}` stands for any one segment; what is meant literally is escaped (`%2A` is a star, `%3A` a colon)"
    )]
    Foreign,
}

impl PathPattern {
    /// This path and everything below it, by whole segments; a slash at its end changes nothing.
    pub fn prefix(text: &str) -> Result<Self, PatternFault> {
        let mut pattern = Self::parse(text)?;
        if pattern.segments.last().is_some_and(|last| *last == Segment::Literal("".into())) {
            pattern.segments.pop();
        }
        pattern.below = true;
        Ok(pattern)
    }

    /// This path alone.
    pub fn exact(text: &str) -> Result<Self, PatternFault> {
        Self::parse(text)
    }

    /// Whether it names this very path, as it stands.
    pub(super) fn is_literally(&self, path: &str) -> bool {
        let mut left = Some(path);
        let all = self.segments.iter().all(|segment| {
            let Segment::Literal(text) = segment else { return false };
            left = left.and_then(|left| left.strip_prefix('/')?.strip_prefix(&**text));
            left.is_some()
        });
        all && left == Some("")
    }

    fn parse(text: &str) -> Result<Self, PatternFault> {
        if is_foreign(text) {
            return Err(PatternFault::Foreign);
        }
        let mut plain = String::with_capacity(text.len());
        let mut segments = Vec::new();
        for segment in text.strip_prefix('/').ok_or(PatternFault::NoSlash)?.split('/') {
            plain.push('/');
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if is_name(name) => {
                    plain.push_str(name);
                    segments.push(Segment::Parameter);
                }
                None if !segment.contains(['{', '}']) => {
                    plain.push_str(segment);
                    segments.push(Segment::Literal(as_matched(segment).into()));
                }
                _ => return Err(PatternFault::Parameter),
            }
        }
        let canonical = canonical(&plain).is_ok_and(|target| target.path() == plain);
        canonical
            .then(|| Self { text: text.to_owned(), segments, below: false })
            .ok_or(PatternFault::NotCanonical)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn covers_below(&self) -> bool {
        self.below
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Cuts a path that this pattern matches into what the pattern names and what lies below.
    pub(super) fn split<'a>(&self, path: &'a str) -> (&'a str, &'a str) {
        let slash = path.match_indices('/').nth(self.segments.len()).map(|(index, _)| index);
        path.split_at(slash.unwrap_or(path.len()))
    }
}

/// Whether a text looks like what nginx, Express, Traefik, Caddy, Flask, Next.js and others take for
/// a pattern. A path can hold some of these characters; whoever means them escapes them.
pub fn is_foreign(text: &str) -> bool {
    let is_expression = text.starts_with(['^', '~', '=', '(']) || text.ends_with('$') || text.contains('`');
    let in_braces = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
    let is_wild = |segment: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        segment.strip_prefix(':').is_some_and(|name| name.starts_with(is_name))
            || segment.contains(['*', '<', '>', '[', ']', '^', '|', '\\'])
            || ["(?", "(.", ".+"].iter().any(|mark| segment.contains(mark))
    };
    is_expression || text.split('/').any(|segment| !in_braces(segment) && is_wild(segment))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_whole_segments() {
        assert!(PathPattern::exact("/users/{id}/orders").is_ok());
        for wrong in ["/a{id}", "/{id}b", "/{}", "/{a}{b}", "/{a-b}", "/{*rest}", "/{", "/}"] {
            assert_eq!(PathPattern::exact(wrong).unwrap_err(), PatternFault::Parameter, "{wrong}");
        }
    }

    #[test]
    fn a_path_has_the_form_in_which_requests_are_matched() {
        for wrong in ["", "x", "x/"] {
            assert_eq!(PathPattern::prefix(wrong).unwrap_err(), PatternFault::NoSlash, "{wrong}");
        }
        for wrong in ["/a/../b", "//", "/a//b", "/%61", "/a;b", "/a%3Bb", "/a b", "/a?b"] {
            assert_eq!(PathPattern::prefix(wrong).unwrap_err(), PatternFault::NotCanonical, "{wrong}");
        }
    }

    #[test]
    fn what_other_programs_take_for_a_pattern_is_no_path() {
        for wrong in [
            "/a/*",
            "/a/**",
            "/*.php",
            "/:id",
            "/a/:id/b",
            "^/a",
            "~ /a",
            "= /a",
            "/a$",
            "/<id>",
            "/[id]",
            "/(a|b)",
            r"/\d",
            "/(.*)",
            "/.+",
            "Path(`/a`)",
        ] {
            assert_eq!(PathPattern::exact(wrong).unwrap_err(), PatternFault::Foreign, "{wrong}");
        }
        for right in ["/a:b", "/c++", "/$count", "/a_(b)", "/~ada", "/@ada", "/%2A", "/%3Aid", "/a/:", "/a=b"]
        {
            assert!(PathPattern::exact(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn a_path_is_cut_behind_the_segments_of_the_pattern() {
        let split = |pattern: &str, path: &str| {
            let (head, rest) = PathPattern::prefix(pattern).unwrap().split(path);
            format!("{head}|{rest}")
        };
        assert_eq!(split("/a", "/a/b/c"), "/a|/b/c");
        assert_eq!(split("/a/", "/a/"), "/a|/");
        assert_eq!(split("/a", "/a"), "/a|");
        assert_eq!(split("/", "/x/y"), "|/x/y");
        assert_eq!(split("/{tenant}/app", "/acme/app/x"), "/acme/app|/x");
    }
}
