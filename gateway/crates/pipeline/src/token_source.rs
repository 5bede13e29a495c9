//! The places where a request may have a token. Each has one arm by which it is read, and one by which it is
//! taken out of what goes on: without the other neither compiles (`token_source`).

use http::header::AUTHORIZATION;
use token_source::{Outgoing, Reading};

use super::cookies::{CookieTokens, take_out};
use super::extract::credentials;
use super::{Cookies, Refusal, offer};
use gateway_framing::{HeaderSection, text};
use gateway_token::RawToken;

/// A place where a token may be, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The subprotocols that a WebSocket offers.
    WebSocketProtocol,
    /// RFC 6750 §2.1.
    Authorization,
    /// A browser's, where the gateway hands them out.
    Cookie,
}

/// What a route does at each of them.
pub type Sources = token_source::Sources<TokenSource>;

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Looked<'a> {
    pub headers: HeaderSection<'a>,
    /// Present where cookies are on; without it none is looked at.
    pub cookies: Option<&'a Cookies>,
}

/// What stands at one of them.
pub enum Found<'a> {
    Token(RawToken<'a>),
    Cookies(&'a Cookies, CookieTokens<'a>),
    /// Something else: a service may know what to do with it.
    NotBearer,
}

impl TokenSource {
    /// Where endpoints of ours look.
    pub(super) fn of_own() -> Sources {
        Sources::none()
            .with(Self::Authorization, token_source::Use::Read)
            .with(Self::Cookie, token_source::Use::Read)
    }
}

#[deny(
    clippy::wildcard_enum_match_arm,
    reason = "each place is named where it is read, and where it is taken out"
)]
impl token_source::TokenSource for TokenSource {
    type Request<'a> = Looked<'a>;
    type Found<'a> = Found<'a>;
    type Refusal = Refusal;

    const ALL: &'static [Self] = &[Self::WebSocketProtocol, Self::Authorization, Self::Cookie];

    fn place(self) -> usize {
        self as usize
    }

    fn find<'a>(self, request: Looked<'a>, _: Reading<'a>) -> Result<Option<Found<'a>>, Refusal> {
        match self {
            Self::WebSocketProtocol => Ok(offer::only(request.headers)?.map(Found::Token)),
            Self::Authorization => authorization(request.headers),
            Self::Cookie => {
                let Some(cookies) = request.cookies else { return Ok(None) };
                Ok(CookieTokens::read(request.headers)?.map(|carried| Found::Cookies(cookies, carried)))
            }
        }
    }

    fn strip(self, head: &mut impl Outgoing) {
        match self {
            Self::WebSocketProtocol => offer::remove(head),
            Self::Authorization => head.take_out(&AUTHORIZATION),
            Self::Cookie => take_out(head),
        }
    }
}

/// Two are refused, also where they agree.
fn authorization(headers: HeaderSection<'_>) -> Result<Option<Found<'_>>, Refusal> {
    let mut values = headers.get_all(&AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::TwoTokens);
    }
    Ok(Some(text(value).and_then(credentials).map_or(Found::NotBearer, Found::Token)))
}
