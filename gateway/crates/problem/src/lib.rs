//! What a client is told when we say no: one list of codes, one way to render them.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod code;
mod faults;
mod render;

pub use code::{Code, Entry};
pub use render::{Audience, is_grpc};

use std::borrow::Cow;
use std::time::Duration;

use gateway_identity::IssuerName;

/// One refusal or failure, as the client will read it (RFC 9457 in one of its two forms).
///
/// Small, as it travels in every `Result`: what few problems have lies behind a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    details: Option<Box<Details>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Details {
    message: Option<Cow<'static, str>>,
    detail: Option<&'static str>,
    errors: Vec<Cow<'static, str>>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    scope: Option<Box<str>>,
    realm: Option<Box<str>>,
    fields: Vec<(&'static str, String)>,
    why: Option<Box<Why>>,
}

/// More than the code says, for the log alone: no client reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// A word of a closed set.
    pub reason: Option<&'static str>,
    /// The subject that the token named.
    pub issuer: Option<IssuerName>,
    pub token_bytes: Option<usize>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self { code, details: None }
    }

    /// Several validation failures, in the order in which the contract lists them.
    pub fn validation(errors: Vec<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationFailed).with(|details| details.errors = errors)
    }

    /// A message for this case, in place of the code's own.
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> Self {
        self.with(|details| details.message = Some(message.into()))
    }

    /// What is to be known beside the message.
    pub fn with_detail(self, detail: &'static str) -> Self {
        self.with(|details| details.detail = Some(detail))
    }

    /// `Retry-After` (RFC 9110 §10.2.3); rendered in whole seconds, at least 1.
    pub fn retry_after(self, wait: Duration) -> Self {
        self.with(|details| details.retry_after = Some(wait))
    }

    /// The methods that would have worked (RFC 9110 §10.2.1).
    pub fn allow(self, methods: impl Into<String>) -> Self {
        self.with(|details| details.allow = Some(methods.into()))
    }

    /// The role or scope that was lacking (RFC 6750 §3).
    pub fn scope(self, scope: Box<str>) -> Self {
        self.with(|details| details.scope = Some(scope))
    }

    /// The protection space that a challenge names, where it is not the usual one.
    pub fn in_realm(self, realm: Option<&str>) -> Self {
        match realm {
            Some(realm) => self.with(|details| details.realm = Some(realm.into())),
            None => self,
        }
    }

    /// A further header field of the answer, such as `ratelimit`.
    pub fn field(self, name: &'static str, value: String) -> Self {
        self.with(|details| details.fields.push((name, value)))
    }

    pub fn because(self, why: Why) -> Self {
        self.with(|details| details.why = Some(Box::new(why)))
    }

    /// What the log has beside the code.
    pub fn why(&self) -> Option<&Why> {
        self.details.as_ref().and_then(|details| details.why.as_deref())
    }

    pub fn code(&self) -> Code {
        self.code
    }

    pub fn message(&self) -> &str {
        let own = self.details.as_ref().and_then(|details| details.message.as_deref());
        own.unwrap_or(self.code.entry().message)
    }

    pub fn detail(&self) -> Option<&'static str> {
        let own = self.details.as_ref().and_then(|details| details.detail);
        own.or(self.code.entry().detail)
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(self.details.get_or_insert_default());
        self
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}
