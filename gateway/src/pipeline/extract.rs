//! The access token, from exactly one place (RFC 6750 §2); or a client certificate in its stead.

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::cookies::Carried;
use super::refusal::Refusal;
use super::route::{Access, Credentials, Route};
use super::{Cookies, Head, offer};
use crate::token::{PeerCertificate, RawToken};

/// <https://www.w3.org/TR/fetch-metadata/>: what a browser will make of the answer.
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// How a request says who it is.
pub(super) enum Presented<'a> {
    /// A token that the client put there on purpose.
    Token(RawToken<'a>),
    /// Cookies, which a browser adds by itself.
    Cookies(&'a Cookies, Carried<'a>),
    /// What the client showed in its handshake.
    Certificate(&'a Arc<PeerCertificate>),
}

impl Presented<'_> {
    /// For whoever asks why.
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Token(_) => "one was sent",
            Self::Cookies(..) => "a browser's cookies have one",
            Self::Certificate(_) => "a client certificate was shown",
        }
    }
}

/// What a request presents to an endpoint of ours.
///
/// As in the contract: two parts, the scheme in any case; anything else counts as no token.
pub(super) fn of_own<'a>(head: &Head<'a>, access: &Access) -> Result<Option<Presented<'a>>, Refusal> {
    either(head, access, Credentials::ALL, None)
}

/// The same on a route, where a WebSocket may bring its token another way.
pub(super) fn of_route<'a>(head: &Head<'a>, route: &Route) -> Result<Option<Presented<'a>>, Refusal> {
    let offered = route.websocket_token.then(|| offer::token(head.headers)).flatten();
    if offered.is_some() && offer::has_two(head.headers) {
        return Err(Refusal::TwoTokens);
    }
    let found = either(head, route.access(), route.credentials, offered);
    let certificate = head.certificate.filter(|_| route.takes_certificates());
    match (certificate, found) {
        (None, found) => found,
        // The two may be two people, and neither says for whom it was sent.
        (Some(_), Ok(Some(_))) => Err(Refusal::CertificateAndToken),
        (Some(certificate), Ok(None)) => Ok(Some(Presented::Certificate(certificate))),
        (Some(certificate), Err(nothing)) if nothing.says_that_nothing_came() => {
            Ok(Some(Presented::Certificate(certificate)))
        }
        (Some(_), Err(refusal)) => Err(refusal),
    }
}

fn either<'a>(
    head: &Head<'a>,
    access: &Access,
    looks_at: Credentials,
    offered: Option<RawToken<'a>>,
) -> Result<Option<Presented<'a>>, Refusal> {
    if *access == Access::Public {
        return Ok(None);
    }
    let headers = head.headers;
    let mut first = None;
    if looks_at.header {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        first = values.next();
        if values.next().is_some() || (first.is_some() && offered.is_some()) {
            return Err(Refusal::TwoTokens);
        }
    }
    let token = offered.or_else(|| first.and_then(|value| credentials(text(value)?)));
    let carried = match head.cookies.filter(|_| looks_at.cookie) {
        None => None,
        Some(cookies) => Carried::read(headers)?.map(|carried| Presented::Cookies(cookies, carried)),
    };
    match (token, carried, access) {
        (Some(_), Some(_), _) => Err(Refusal::TwoTokens),
        (Some(token), None, _) => Ok(Some(Presented::Token(token))),
        (None, None, Access::Required(_)) if first.is_some() => Err(Refusal::NotBearer),
        (None, None, Access::Required(_)) => Err(nothing(head, looks_at)),
        (None, carried, _) => Ok(carried),
    }
}

/// What is to be known where nothing came that is looked at.
fn nothing(head: &Head<'_>, looks_at: Credentials) -> Refusal {
    let is_manifest = || head.headers.get(SEC_FETCH_DEST).is_some_and(|kind| kind == "manifest");
    match (looks_at, head.cookies) {
        (Credentials { cookie: true, .. }, Some(_)) if is_manifest() => Refusal::ManifestWithoutCookies,
        (Credentials { header: false, cookie: false, .. }, _) => Refusal::NoCertificate,
        (Credentials { header: false, .. }, _) => Refusal::NoCookies,
        _ => Refusal::NoToken,
    }
}

/// As `HeaderValue::to_str`, and not byte by byte: of what is no text, a value has only what is not ASCII.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}

/// The token in the value of an `Authorization` header, if it is a bearer token.
pub fn credentials(value: &str) -> Option<RawToken<'_>> {
    // As everybody writes it; a header has no other white space than these two.
    if let Some(token) = value.strip_prefix("Bearer ")
        && !token.is_empty()
        && memchr::memchr2(b' ', b'\t', token.as_bytes()).is_none()
    {
        return Some(RawToken::new(token));
    }
    let mut parts = value.split_ascii_whitespace();
    let (scheme, token) = (parts.next()?, parts.next()?);
    let two = parts.next().is_none();
    (two && scheme.eq_ignore_ascii_case("Bearer")).then(|| RawToken::new(token))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::pipeline::{RequestTarget, Requires};

    fn extract(values: &[&str], access: &Access) -> Result<bool, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let client = std::net::Ipv4Addr::LOCALHOST.into();
        let head = Head::of(&http::Method::GET, "", RequestTarget::AsSent("/"), &headers, client);
        of_own(&head, access).map(|presented| presented.is_some())
    }

    #[test]
    fn a_token_has_two_parts_and_the_scheme_in_any_case() {
        let required = Access::Required(Requires::default());
        for right in ["Bearer abc", "bearer abc", "BEARER abc"] {
            assert_eq!(extract(&[right], &required), Ok(true), "{right}");
        }
        for wrong in ["", "Bearer", "abc", "Basic abc", "Bearer a b", "Bearerabc"] {
            assert_eq!(extract(&[wrong], &required), Err(Refusal::NoToken), "{wrong}");
        }
    }

    #[test]
    fn two_headers_are_refused_even_when_they_agree() {
        let twice = ["Bearer abc", "Bearer abc"];
        assert_eq!(extract(&twice, &Access::Required(Requires::default())), Err(Refusal::TwoTokens));
        assert_eq!(extract(&twice, &Access::Optional), Err(Refusal::TwoTokens));
    }

    #[test]
    fn a_public_route_does_not_look_and_an_optional_one_does_not_insist() {
        assert_eq!(extract(&["Bearer abc"], &Access::Public), Ok(false));
        assert_eq!(extract(&[], &Access::Optional), Ok(false));
        assert_eq!(extract(&["Bearer abc"], &Access::Optional), Ok(true));
    }
}
