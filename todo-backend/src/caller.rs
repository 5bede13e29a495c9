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

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::refusal::{Code, Refusal};
use crate::todo::UserId;

/// Longer than any address (255) and any role that the gateway knows.
const VALUE_BYTES_MAX: usize = 255;

/// The user on whose behalf the gateway forwarded this request. Made from its headers only.
#[derive(Clone, Debug)]
pub struct Caller {
    user: UserId,
    email: String,
    role: String,
}

impl Caller {
    pub(crate) fn user(&self) -> UserId {
        self.user
    }

    /// The user's id, the only stable name of an account.
    pub fn user_id(&self) -> u64 {
        self.user.get()
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
            user: UserId::parse(single(headers, "x-user-id")?)?,
            email: single(headers, "x-user-email")?.to_owned(),
            role: single(headers, "x-user-role")?.to_owned(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Self::read(&parts.headers).ok_or(Refusal::from(Code::IdentityMissing))
    }
}

/// The value of a header that is there exactly once, in visible ASCII without blanks.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let value = value.to_str().ok()?;
    let sound =
        (1..=VALUE_BYTES_MAX).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then_some(value)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const SOUND: [(&str, &str); 3] =
        [("x-user-id", "7"), ("x-user-email", "ann@example.org"), ("x-user-role", "user")];

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn a_caller_is_who_the_gateway_says() {
        let caller = Caller::read(&headers(&SOUND)).unwrap();

        assert_eq!(caller.user_id(), 7);
        assert_eq!((caller.email(), caller.role()), ("ann@example.org", "user"));
    }

    #[test]
    fn a_header_that_is_missing_or_doubled_makes_no_caller() {
        for (index, header) in SOUND.iter().enumerate() {
            let mut missing = SOUND.to_vec();
            missing.remove(index);
            assert!(Caller::read(&headers(&missing)).is_none(), "without {}", header.0);

            let mut doubled = SOUND.to_vec();
            doubled.push(*header);
            assert!(Caller::read(&headers(&doubled)).is_none(), "two {}", header.0);
        }
    }

    #[test]
    fn a_misshapen_header_makes_no_caller() {
        let wrong = [
            ("x-user-id", ""),
            ("x-user-id", "0"),
            ("x-user-id", "-1"),
            ("x-user-id", "+7"),
            ("x-user-id", "7, 8"),
            ("x-user-id", "seven"),
            ("x-user-id", "99999999999999999999"),
            ("x-user-email", ""),
            ("x-user-email", "a b@example.org"),
            ("x-user-email", "ü@example.org"),
            ("x-user-role", ""),
            ("x-user-role", "user admin"),
        ];
        for (name, value) in wrong {
            let mut sent = headers(&SOUND);
            sent.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            assert!(Caller::read(&sent).is_none(), "{name}: {value}");
        }
    }
}
