//! Our cookies in requests and answers (RFC 6265): found, taken out, and written. What cannot be
//! read as a cookie is none.

#[cfg(test)]
mod fuzz;

use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use serde::{Deserialize, Serialize};
use token_source::Outgoing;

use super::Refusal;
use gateway_framing::HeaderSection;
use gateway_token::RawToken;

// `__Host-`: browsers take these only over TLS and from this very host, so that no sibling domain can
// plant one (RFC 6265bis §4.1.3.2).
const ACCESS: &str = "__Host-gateway_access";
const REFRESH: &str = "__Host-gateway_refresh";
const CSRF: &str = "__Host-gateway_csrf";

/// Whether a link on another site brings the cookies along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// With a navigation, and with nothing else.
    #[default]
    Lax,
    Strict,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}

/// The tokens that a browser carries in its cookies; at least one.
#[derive(Clone, Copy)]
pub struct CookieTokens<'a> {
    pub access: Option<RawToken<'a>>,
    pub refresh: Option<&'a str>,
}

impl<'a> CookieTokens<'a> {
    /// Refused where one occurs twice: whoever could plant the other one would choose who it is.
    pub(super) fn read(headers: HeaderSection<'a>) -> Result<Option<Self>, Refusal> {
        let (access, refresh) = (only(headers, ACCESS)?, only(headers, REFRESH)?);
        let carried = Self { access: access.map(RawToken::new), refresh };
        Ok((carried.access.is_some() || carried.refresh.is_some()).then_some(carried))
    }
}

/// The value of the one cookie of this name, if it is one that a token can have.
fn only<'a>(headers: HeaderSection<'a>, wanted: &str) -> Result<Option<&'a str>, Refusal> {
    let all = headers.get_all(&COOKIE).flat_map(pieces).filter_map(pair);
    let mut values = all.filter(|(name, _)| *name == wanted.as_bytes()).map(|(_, value)| value);
    let first = values.next();
    if values.next().is_some() {
        return Err(Refusal::TwoTokens);
    }
    let text = first.and_then(|value| std::str::from_utf8(value).ok());
    Ok(text.filter(|text| text.is_ascii() && !text.is_empty()))
}

/// Takes ours out of what goes to an upstream, whatever their number; all others stay as they are.
pub(super) fn take_out(head: &mut impl Outgoing) {
    if !fields(head).flat_map(pieces).any(is_ours) {
        return;
    }
    let others: Vec<_> = fields(head).filter_map(without_ours).collect();
    head.take_out(&COOKIE);
    for field in others {
        head.put(COOKIE, field);
    }
}

/// Takes cookies of our names out of what an upstream answers: they are ours to set.
pub fn drop_set(head: &mut impl Outgoing) {
    // A browser may keep one without a name by its value alone.
    let is_ours = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'=')).unwrap_or(bytes.len());
        pieces(bytes.get(start..).unwrap_or_default()).next().is_some_and(is_ours)
    };
    if !head.values(&SET_COOKIE).any(is_ours) {
        return;
    }
    let others = head.values(&SET_COOKIE).filter(|value| !is_ours(value));
    let others: Vec<_> = others.filter_map(|value| HeaderValue::from_bytes(value).ok()).collect();
    head.take_out(&SET_COOKIE);
    for value in others {
        head.put(SET_COOKIE, value);
    }
}

/// What a browser is to keep of one session, and for how long.
pub(super) struct Written<'a> {
    pub(super) access: &'a str,
    pub(super) refresh: &'a str,
    pub(super) csrf: &'a str,
    pub(super) seconds: u64,
    pub(super) same_site: SameSite,
}

impl Written<'_> {
    /// Over HTTP/2 the values are never put into the table of what may come again (RFC 7541 §7.1.3).
    pub(super) fn fields(&self) -> impl Iterator<Item = HeaderValue> {
        let (seconds, same_site) = (self.seconds, self.same_site.as_str());
        let all = [
            (ACCESS, self.access, "; HttpOnly"),
            (REFRESH, self.refresh, "; HttpOnly"),
            // For the page to read: it proves that the page is of this origin, and lets nobody in.
            (CSRF, self.csrf, ""),
        ];
        let texts = all.map(|(name, value, hidden)| {
            format!("{name}={value}; Path=/; Max-Age={seconds}; Secure{hidden}; SameSite={same_site}")
        });
        texts.into_iter().filter_map(|text| {
            let mut value = HeaderValue::try_from(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        })
    }

    /// All three, empty and over at once.
    pub(super) fn none(same_site: SameSite) -> Self {
        Self { access: "", refresh: "", csrf: "", seconds: 0, same_site }
    }
}

fn fields(head: &impl Outgoing) -> impl Iterator<Item = &[u8]> {
    head.values(&COOKIE)
}

fn pieces(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b';')
}

/// Name and value, without the white space around them; of spaces there are these two only, as to a
/// browser any other is a part of the name, which its rules for `__Host-` then do not cover.
fn pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'=', piece)?;
    Some((trimmed(piece.get(..at)?), trimmed(piece.get(at + 1..)?)))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

fn is_ours(piece: &[u8]) -> bool {
    let name = pair(piece).map_or_else(|| trimmed(piece), |(name, _)| name);
    [ACCESS, REFRESH, CSRF].iter().any(|ours| name == ours.as_bytes())
}

/// `None` where nothing is left.
fn without_ours(field: &[u8]) -> Option<HeaderValue> {
    let others: Vec<_> = pieces(field).filter(|piece| !is_ours(piece)).collect();
    let joined = others.join(&b';');
    let rest = trimmed(&joined);
    (!rest.is_empty()).then(|| HeaderValue::from_bytes(rest).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn sent(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn left(values: &[&str]) -> Vec<String> {
        let mut headers = sent(values);
        take_out(&mut headers);
        fields(&headers).map(|field| String::from_utf8(field.to_vec()).unwrap()).collect()
    }

    /// Whether an access and a refresh token are found; `None` where the request is refused.
    fn read(values: &[&str]) -> Option<(bool, bool)> {
        let headers = sent(values);
        let carried = CookieTokens::read((&headers).into()).ok()?;
        Some(carried.map_or((false, false), |carried| (carried.access.is_some(), carried.refresh.is_some())))
    }

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        assert_eq!(read(&["__Host-gateway_access=a"]), Some((true, false)));
        assert_eq!(read(&["x=1; __Host-gateway_refresh=r; __Host-gateway_access=a;y=2"]), Some((true, true)));
        assert_eq!(read(&["x=1", "__Host-gateway_access=a", "__Host-gateway_refresh=r"]), Some((true, true)));
        for none in [
            "",
            ";;;",
            "=",
            "=;=",
            "__Host-gateway_access",
            "__Host-gateway_access=",
            "__host-gateway_access=a",
            "__Host-gateway_accessx=a",
            "gateway_access=a",
            "\u{2000}__Host-gateway_access=a",
            "x=__Host-gateway_access=a",
            "__Host-gateway_csrf=a",
            "__Host-gateway_access=\u{ff}",
        ] {
            assert_eq!(read(&[none]), Some((false, false)), "{none:?}");
        }
    }

    #[test]
    fn one_that_occurs_twice_is_refused_whatever_the_two_hold() {
        for twice in [
            &["__Host-gateway_access=a; __Host-gateway_access=a"][..],
            &["__Host-gateway_access=a", "__Host-gateway_access=b"],
            &["__Host-gateway_access=; __Host-gateway_access=b"],
            &["__Host-gateway_refresh=a;__Host-gateway_refresh=b"],
        ] {
            assert_eq!(read(twice), None, "{twice:?}");
        }
    }

    #[test]
    fn others_stay_byte_for_byte() {
        assert_eq!(left(&["a=1; __Host-gateway_access=x; b=\"2\""]), ["a=1; b=\"2\""]);
        assert_eq!(left(&["__Host-gateway_access=x;  a=1;b"]), ["a=1;b"]);
        assert_eq!(left(&["a;__Host-gateway_csrf=1;=;b==;"]), ["a;=;b==;"]);
        assert_eq!(left(&["__Host-gateway_access=x", "a=1", "__Host-gateway_refresh"]), ["a=1"]);
        assert!(
            left(&["__Host-gateway_access=x; __Host-gateway_refresh=y; __Host-gateway_csrf=z"]).is_empty()
        );
        for untouched in ["a=1;b=2", " ;; ", "__host-gateway_access=x", "a=__Host-gateway_access=x"] {
            assert_eq!(left(&[untouched]), [untouched]);
        }
    }

    #[test]
    fn an_upstream_sets_none_of_ours() {
        let mut headers = HeaderMap::new();
        for value in [
            "a=1; Path=/",
            "__Host-gateway_access=x; Path=/",
            " __Host-gateway_csrf =x",
            "=__Host-gateway_refresh=x",
            "b=__Host-gateway_access",
        ] {
            headers.append(SET_COOKIE, HeaderValue::from_static(value));
        }
        drop_set(&mut headers);
        let left: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(left, ["a=1; Path=/", "b=__Host-gateway_access"]);
    }
}
