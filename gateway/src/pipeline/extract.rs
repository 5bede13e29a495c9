//! The access token, from exactly one place (RFC 6750 §2).

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::offer;
use super::refusal::Refusal;
use super::route::{Access, Route};
use crate::token::RawToken;

/// The bearer token of a request, where the route looks for one.
///
/// As in the contract: two parts, the scheme in any case; anything else counts as no token.
pub(super) fn bearer<'a>(headers: &'a HeaderMap, access: &Access) -> Result<Option<RawToken<'a>>, Refusal> {
    either(headers, access, None)
}

/// The same, where a WebSocket may bring it another way.
pub(super) fn of_route<'a>(headers: &'a HeaderMap, route: &Route) -> Result<Option<RawToken<'a>>, Refusal> {
    let offered = route.websocket_token.then(|| offer::token(headers)).flatten();
    if offered.is_some() && offer::has_two(headers) {
        return Err(Refusal::TwoTokens);
    }
    either(headers, route.access(), offered)
}

fn either<'a>(
    headers: &'a HeaderMap,
    access: &Access,
    offered: Option<RawToken<'a>>,
) -> Result<Option<RawToken<'a>>, Refusal> {
    if *access == Access::Public {
        return Ok(None);
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() || (first.is_some() && offered.is_some()) {
        return Err(Refusal::TwoTokens);
    }
    let token = offered.or_else(|| first.and_then(|value| credentials(text(value)?)));
    match (token, access) {
        (None, Access::Required(_)) => Err(Refusal::NoToken),
        (token, _) => Ok(token),
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
    use super::*;
    use crate::pipeline::Requires;

    fn extract(values: &[&str], access: &Access) -> Result<bool, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        bearer(&headers, access).map(|token| token.is_some())
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
