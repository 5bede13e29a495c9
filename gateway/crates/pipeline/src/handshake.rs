//! The handshake of a WebSocket (RFC 6455 §4.2.1): what asks for one, and what is wrong with it.

use http::Method;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE,
};

use super::{Head, Refusal, Route};
use gateway_framing::HeaderSection;
use gateway_problem::Problem;

/// The one version that there is.
const WEBSOCKET_VERSION: &str = "13";

/// Why a request that asks for a WebSocket is no handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFlaw {
    Method,
    /// A server that agreed would take it for the first bytes of the other protocol.
    Body,
    Connection,
    Key,
    NoVersion,
    OtherVersion,
}

/// Whether a WebSocket is asked for, perhaps among others (RFC 9110 §7.8).
pub fn asks_for_websocket(headers: HeaderSection<'_>) -> bool {
    lists(headers, &UPGRADE, "websocket")
}

/// Refuses what asks for a WebSocket where the route has none; and what does so and is no handshake: what
/// follows it could be read as the other protocol by one side, and as HTTP by the other.
pub(super) fn check(head: &Head<'_>, route: &Route) -> Result<(), Refusal> {
    // Nearly all ask for nothing. What else is offered may be left, and is dropped on the way.
    if !head.offers_upgrade || !asks_for_websocket(head.headers) {
        return Ok(());
    }
    if !route.websocket {
        // Served as a plain request it would look well, and its client would wait for ever.
        return Err(Refusal::NoWebsocket);
    }
    handshake_flaw(head.method, head.headers).map_or(Ok(()), |flaw| Err(Refusal::Handshake(flaw)))
}

impl HandshakeFlaw {
    /// What the client is told.
    pub(super) fn told(self, problem: Problem) -> Problem {
        let why = match self {
            Self::OtherVersion => {
                let version = WEBSOCKET_VERSION.to_owned();
                return problem
                    .field("sec-websocket-version", version)
                    .field("upgrade", "websocket".to_owned());
            }
            Self::Method => "A WebSocket is opened by GET",
            Self::Body => "The handshake of a WebSocket has no body",
            Self::Connection => "The handshake of a WebSocket needs `Connection: Upgrade`",
            Self::Key => "The handshake of a WebSocket needs one Sec-WebSocket-Key: 16 bytes in base64",
            Self::NoVersion => "The handshake of a WebSocket needs `Sec-WebSocket-Version: 13`",
        };
        problem.with_message(why)
    }
}

/// What is wrong with a request that asks for one.
fn handshake_flaw(method: &Method, headers: HeaderSection<'_>) -> Option<HandshakeFlaw> {
    let length = headers.get(&CONTENT_LENGTH);
    if *method != Method::GET {
        Some(HandshakeFlaw::Method)
    } else if headers.has(&TRANSFER_ENCODING) || length.is_some_and(|length| length != b"0") {
        Some(HandshakeFlaw::Body)
    } else if !lists(headers, &CONNECTION, "upgrade") {
        Some(HandshakeFlaw::Connection)
    } else if !headers.only(&SEC_WEBSOCKET_KEY).is_some_and(is_key) {
        Some(HandshakeFlaw::Key)
    } else {
        match headers.only(&SEC_WEBSOCKET_VERSION) {
            None => Some(HandshakeFlaw::NoVersion),
            Some(version) => (version != WEBSOCKET_VERSION.as_bytes()).then_some(HandshakeFlaw::OtherVersion),
        }
    }
}

/// Whether a field, which is a list, has this member.
fn lists(headers: HeaderSection<'_>, name: &HeaderName, member: &str) -> bool {
    headers.get_all(name).any(|value| {
        let mut members = value.split(|byte| *byte == b',');
        members.any(|one| one.trim_ascii().eq_ignore_ascii_case(member.as_bytes()))
    })
}

/// Sixteen bytes in base64.
fn is_key(value: &[u8]) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    matches!(value, [digits @ .., b'=', b'='] if digits.len() == 22 && digits.iter().all(known))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn request(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        fields.collect()
    }

    #[test]
    fn a_websocket_may_be_asked_for_among_others() {
        let asks = |value| asks_for_websocket((&request(&[("upgrade", value)])).into());
        assert!(asks("websocket") && asks("WebSocket") && asks("h2c, websocket") && asks("websocket\t,h2c"));
        assert!(
            !asks("") && !asks("websockets") && !asks("h2c") && !asks("websocket/13") && !asks("web socket")
        );
        assert!(!asks_for_websocket((&HeaderMap::new()).into()));
    }

    #[test]
    fn a_handshake_has_all_of_it() {
        let whole = [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ];
        let flaw = |fields: &[_]| handshake_flaw(&Method::GET, (&request(fields)).into());
        assert_eq!(flaw(&whole), None);
        assert_eq!(flaw(&[&whole[..], &[("content-length", "0")]].concat()), None);
        assert_eq!(flaw(&[&whole[..], &[("content-length", "00")]].concat()), Some(HandshakeFlaw::Body));
        assert_eq!(flaw(&whole[..1]), Some(HandshakeFlaw::Connection));
        assert_eq!(flaw(&whole[..2]), Some(HandshakeFlaw::Key));
        assert_eq!(flaw(&whole[..3]), Some(HandshakeFlaw::NoVersion));
        assert_eq!(handshake_flaw(&Method::HEAD, (&request(&whole)).into()), Some(HandshakeFlaw::Method));
    }
}
