//! The token of a browser's WebSocket. Its pages cannot set `Authorization`; what they can set is
//! which subprotocols they offer (RFC 6455 §4.1): `bearer`, and behind it the token.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};

use super::Refusal;
use super::handshake::asks_for_websocket;
use crate::token::RawToken;

/// What announces the token, and is granted where the upstream grants nothing.
pub const BEARER: &str = "bearer";

fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

/// The token in an offer, if there is one.
pub fn token(headers: &HeaderMap) -> Option<RawToken<'_>> {
    if !asks_for_websocket(headers) {
        return None;
    }
    let mut items = offered(headers);
    items.find(|item| item.eq_ignore_ascii_case(BEARER))?;
    items.next().map(RawToken::new)
}

/// The same, refused where more than one is announced.
pub(super) fn only(headers: &HeaderMap) -> Result<Option<RawToken<'_>>, Refusal> {
    let Some(token) = token(headers) else { return Ok(None) };
    let mut announced = offered(headers).filter(|item| item.eq_ignore_ascii_case(BEARER));
    if announced.nth(1).is_some() { Err(Refusal::TwoTokens) } else { Ok(Some(token)) }
}

/// Leaves what the client offered beside the token.
pub(super) fn remove(headers: &mut HeaderMap) {
    const NAME: HeaderName = SEC_WEBSOCKET_PROTOCOL;
    let mut items: Vec<_> = offered(headers).collect();
    let is_announcement = |item: &&str| item.eq_ignore_ascii_case(BEARER);
    if !items.iter().any(is_announcement) {
        return;
    }
    while let Some(at) = items.iter().position(is_announcement) {
        items.drain(at..items.len().min(at + 2));
    }
    let rest = (!items.is_empty()).then(|| HeaderValue::try_from(items.join(", ")).ok()).flatten();
    headers.remove(&NAME);
    if let Some(rest) = rest {
        headers.insert(NAME, rest);
    }
}

#[cfg(test)]
mod tests {
    use http::header::UPGRADE;

    use super::*;

    fn request(offers: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        for offer in offers {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(offer).unwrap());
        }
        headers
    }

    #[test]
    fn the_token_stands_behind_its_announcement() {
        let has = |offers: &[&str]| token(&request(offers)).is_some();
        assert!(has(&["bearer, a.b.c"]) && has(&["chat, Bearer, a.b.c"]) && has(&["bearer", "a.b.c"]));
        assert!(!has(&["bearer"]) && !has(&["a.b.c"]) && !has(&["chat"]) && !has(&[]));
        let mut plain = request(&["bearer, a.b.c"]);
        plain.remove(UPGRADE);
        assert!(token(&plain).is_none());
    }
}
