//! The access token, from exactly one place (RFC 6750 §2); or a client certificate in its stead.

use std::sync::Arc;

use http::header::HeaderName;
use token_source::TokenSource as _;

use super::cookies::CookieTokens;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::token_source::{Found, Looked, Sources, TokenSource};
use super::{Cookies, Head};
use gateway_token::{PeerCertificate, RawToken};

/// <https://www.w3.org/TR/fetch-metadata/>: what a browser will make of the answer.
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// How a request says who it is.
pub(super) enum Credential<'a> {
    /// A token that the client put there on purpose.
    Token(RawToken<'a>),
    /// Cookies, which a browser adds by itself.
    Cookies(&'a Cookies, CookieTokens<'a>),
    /// What the client showed in its handshake.
    Certificate(&'a Arc<PeerCertificate>),
}

impl Credential<'_> {
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
pub(super) fn of_own<'a>(head: &Head<'a>, access: &Access) -> Result<Option<Credential<'a>>, Refusal> {
    either(head, access, &TokenSource::of_own())
}

/// The same on a route.
pub(super) fn of_route<'a>(head: &Head<'a>, route: &Route) -> Result<Option<Credential<'a>>, Refusal> {
    let found = either(head, route.access(), &route.sources);
    let certificate = head.certificate.filter(|_| route.takes_certificates());
    match (certificate, found) {
        (None, found) => found,
        // The two may be two people, and neither says for whom it was sent.
        (Some(_), Ok(Some(_))) => Err(Refusal::CertificateAndToken),
        (Some(certificate), Ok(None)) => Ok(Some(Credential::Certificate(certificate))),
        (Some(certificate), Err(nothing)) if nothing.says_that_nothing_came() => {
            Ok(Some(Credential::Certificate(certificate)))
        }
        (Some(_), Err(refusal)) => Err(refusal),
    }
}

/// From exactly one place. What is no bearer token is none beside cookies, but a second one beside a token.
fn either<'a>(
    head: &Head<'a>,
    access: &Access,
    sources: &Sources,
) -> Result<Option<Credential<'a>>, Refusal> {
    if *access == Access::Public {
        return Ok(None);
    }
    let request = Looked { headers: head.headers, cookies: head.cookies };
    let (mut credential, mut is_not_bearer) = (None, false);
    for source in TokenSource::ALL {
        let Some(found) = sources.read(*source, request)? else { continue };
        if credential.is_some() {
            return Err(Refusal::TwoTokens);
        }
        match found {
            Found::Token(token) => credential = Some(Credential::Token(token)),
            Found::Cookies(cookies, carried) => credential = Some(Credential::Cookies(cookies, carried)),
            Found::NotBearer => is_not_bearer = true,
        }
    }
    match (credential, access) {
        (None, Access::Required(_)) if is_not_bearer => Err(Refusal::NotBearer),
        (None, Access::Required(_)) => Err(nothing(head, sources)),
        (credential, _) => Ok(credential),
    }
}

/// What is to be known where nothing came that is looked at.
fn nothing(head: &Head<'_>, sources: &Sources) -> Refusal {
    let is_manifest = || head.headers.get(&SEC_FETCH_DEST).is_some_and(|kind| kind == b"manifest");
    match (sources.reads(TokenSource::Authorization), sources.reads(TokenSource::Cookie)) {
        (_, true) if head.cookies.is_some() && is_manifest() => Refusal::ManifestWithoutCookies,
        (false, false) => Refusal::NoCertificate,
        (false, true) => Refusal::NoCookies,
        (true, _) => Refusal::NoToken,
    }
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
    use http::header::{AUTHORIZATION, HeaderValue};

    use super::*;
    use crate::{RequestTarget, Requires};

    fn extract(values: &[&str], access: &Access) -> Result<bool, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let client = std::net::Ipv4Addr::LOCALHOST.into();
        let head = Head::new(&http::Method::GET, "", RequestTarget::AsSent("/"), &headers, client);
        of_own(&head, access).map(|credential| credential.is_some())
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
