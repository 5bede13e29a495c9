//! The token of a browser's WebSocket. Its pages cannot set `Authorization`; what they can set is
//! which subprotocols they offer (RFC 6455 §4.1): `bearer`, and behind it the token.

use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use token_source::Outgoing;

use super::Refusal;
use super::handshake::asks_for_websocket;
use gateway_framing::HeaderSection;
use gateway_token::RawToken;

/// What announces the token, and is granted where the upstream grants nothing.
pub const BEARER: &str = "bearer";

/// By bytes: what is no text is an offer all the same, and its neighbours are read.
fn offered<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    let items = values.flat_map(|value| value.split(|byte| *byte == b','));
    items.map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

fn is_announcement(item: &[u8]) -> bool {
    item.eq_ignore_ascii_case(BEARER.as_bytes())
}

/// The token in an offer, if there is one. What is announced and no text is a token that is none.
pub fn token(headers: HeaderSection<'_>) -> Option<RawToken<'_>> {
    if !asks_for_websocket(headers) {
        return None;
    }
    let mut items = offered(headers.get_all(&SEC_WEBSOCKET_PROTOCOL));
    items.find(|item| is_announcement(item))?;
    items.next().map(|item| RawToken::new(std::str::from_utf8(item).unwrap_or_default()))
}

/// The same, refused where more than one is announced.
pub(super) fn only(headers: HeaderSection<'_>) -> Result<Option<RawToken<'_>>, Refusal> {
    let Some(token) = token(headers) else { return Ok(None) };
    let offered = offered(headers.get_all(&SEC_WEBSOCKET_PROTOCOL));
    let mut announced = offered.filter(|item| is_announcement(item));
    if announced.nth(1).is_some() { Err(Refusal::TwoTokens) } else { Ok(Some(token)) }
}

/// Leaves what the client offered beside the token.
pub(super) fn remove(head: &mut impl Outgoing) {
    let values = head.values(&SEC_WEBSOCKET_PROTOCOL);
    let mut items: Vec<_> = offered(values).collect();
    if !items.iter().any(|item| is_announcement(item)) {
        return;
    }
    while let Some(at) = items.iter().position(|item| is_announcement(item)) {
        items.drain(at..items.len().min(at + 2));
    }
    let rest = items.join(&b", "[..]);
    let rest = (!rest.is_empty()).then(|| HeaderValue::from_bytes(&rest).ok()).flatten();
    head.take_out(&SEC_WEBSOCKET_PROTOCOL);
    if let Some(rest) = rest {
        head.put(SEC_WEBSOCKET_PROTOCOL, rest);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::UPGRADE;

    use super::*;

    fn request(offers: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        for offer in offers {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_bytes(offer.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn the_token_stands_behind_its_announcement() {
        let has = |offers: &[&str]| token((&request(offers)).into()).is_some();
        assert!(has(&["bearer, a.b.c"]) && has(&["chat, Bearer, a.b.c"]) && has(&["bearer", "a.b.c"]));
        assert!(!has(&["bearer"]) && !has(&["a.b.c"]) && !has(&["chat"]) && !has(&[]));
        let mut plain = request(&["bearer, a.b.c"]);
        plain.remove(UPGRADE);
        assert!(token((&plain).into()).is_none());
    }

    #[test]
    fn a_neighbour_that_is_no_text_hides_no_token() {
        let mut offers = request(&["bearer, a.b.c, \u{e9}", "chat"]);
        assert!(only((&offers).into()).unwrap().is_some());
        remove(&mut offers);
        assert_eq!(offers[SEC_WEBSOCKET_PROTOCOL].as_bytes(), "\u{e9}, chat".as_bytes());
        let mut none = request(&["bearer, \u{e9}"]);
        assert!(token((&none).into()).is_some(), "it is refused, and not overlooked");
        remove(&mut none);
        assert!(none.get(SEC_WEBSOCKET_PROTOCOL).is_none());
    }
}
