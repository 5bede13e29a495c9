//! Who calls, read from the headers that the gateway injects: how a service should trust a gateway.
//!
//! The gateway verified a token, removed whatever the client itself had sent under these names, in
//! every spelling, and then wrote each of them exactly once:
//!
//! | header         | meaning                                         |
//! |----------------|-------------------------------------------------|
//! | `X-User-Id`    | the subject: a positive integer, never reused   |
//! | `X-User-Email` | the subject's address, for display only         |
//! | `X-User-Role`  | the subject's role at the time of the request   |
//!
//! A service that copies this file should keep its four habits:
//!
//! 1. **Take identity from one place.** Not from a query, a body, a cookie or `Authorization`. A
//!    handler that asks for a [`Caller`] cannot run without one.
//! 2. **Refuse what the gateway would never send.** A header that is missing, doubled or misshapen
//!    means that this request did not come through the gateway, or not through a sound one. It is a
//!    401, never a guess such as "the first value counts".
//! 3. **Key data by the id.** Addresses and roles change; ids do not. The store's keys begin with
//!    it, so asking for somebody else's todo cannot be expressed.
//! 4. **Close every other way in.** Headers prove nothing by themselves: whoever can open a
//!    connection to the service can write them. Listen on a Unix socket that only the gateway may
//!    open, or on loopback of a machine whose users you trust, or check the gateway's signed
//!    assertion (`X-Gateway-Assertion`) as well. Never listen on a network without one of these.

use std::num::NonZeroU64;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::refusal::Refusal;

/// Longer than any address (255) and any role that the gateway knows.
const VALUE_BYTES_MAX: usize = 255;

/// A user as the gateway names one: a positive integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserId(NonZeroU64);

impl UserId {
    pub(crate) fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Decimal digits without sign or leading zeros: the one spelling that the gateway writes.
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|_| text.starts_with(|first| matches!(first, '1'..='9'))).map(Self)
    }

    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// The user on whose behalf the gateway forwarded this request. Made from its headers only.
#[derive(Clone, Debug)]
pub struct Caller {
    user: UserId,
    email: String,
    role: String,
}

impl Caller {
    /// The user's id, the only stable name of an account.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The user's address when the token was made: fit for display, not for keys.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The user's role. Todos are private to their owner, so no endpoint here needs it.
    pub fn role(&self) -> &str {
        &self.role
    }

    fn read(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            user: UserId::parse(word(headers, "x-user-id")?)?,
            email: word(headers, "x-user-email")?.to_owned(),
            role: word(headers, "x-user-role")?.to_owned(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Self::read(&parts.headers).ok_or(Refusal::IDENTITY_MISSING)
    }
}

/// In visible ASCII without blanks.
fn word<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = once(headers, name)?;
    let sound =
        (1..=VALUE_BYTES_MAX).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then_some(value)
}

/// The value of a header that is there exactly once.
pub(crate) fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const SOUND: [(&str, &str); 3] =
        [("x-user-id", "7"), ("x-user-email", "ann@example.org"), ("x-user-role", "user")];

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let each = pairs.iter();
        each.map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
    }

    #[test]
    fn a_caller_is_who_the_gateway_says() {
        let caller = Caller::read(&headers(&SOUND)).unwrap();
        assert_eq!((caller.user().get(), caller.email(), caller.role()), (7, "ann@example.org", "user"));
    }

    #[test]
    fn a_header_that_is_missing_or_doubled_makes_no_caller() {
        for (index, header) in SOUND.iter().enumerate() {
            let mut sent = SOUND.to_vec();
            sent.remove(index);
            assert!(Caller::read(&headers(&sent)).is_none(), "without {}", header.0);
            sent.extend([*header, *header]);
            assert!(Caller::read(&headers(&sent)).is_none(), "two {}", header.0);
        }
    }

    #[test]
    fn a_misshapen_header_makes_no_caller() {
        const IDS: [&str; 9] = ["", "0", "07", "-1", "+7", "7, 8", "seven", "99999999999999999999", "٤٢"];
        let ids = IDS.map(|id| ("x-user-id", id));
        let emails = ["", "a b@example.org", "ü@example.org"].map(|email| ("x-user-email", email));
        let roles = ["", "user admin"].map(|role| ("x-user-role", role));
        for (name, value) in ids.into_iter().chain(emails).chain(roles) {
            let mut sent = headers(&SOUND);
            sent.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            assert!(Caller::read(&sent).is_none(), "{name}: {value}");
        }
    }
}
