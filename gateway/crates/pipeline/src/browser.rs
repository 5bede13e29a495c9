//! A browser, where cookies are on: its session, which is renewed on the way, and which cookies it is to
//! keep from then on.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, HeaderName, SET_COOKIE, VARY};
use parking_lot::Mutex;

use super::Refusal;
use super::cookies::{CookieTokens, SameSite, Written};
use super::header_rules::{Headers, Value};
use gateway_identity::SessionId;
use gateway_problem::Problem;

/// How cookies are written and checked; there only where they are on.
pub struct Cookies {
    same_site: SameSite,
    key: hmac::Key,
}

impl Cookies {
    /// `secret` is what proves to us that we made a CSRF token.
    pub fn new(same_site: SameSite, secret: &[u8]) -> Self {
        Self { same_site, key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// Made from the session: one that was made for another session, or by somebody else, is none.
    fn csrf_token(&self, session: SessionId) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, session.as_bytes()))
    }

    /// Compared in constant time.
    pub(super) fn is_csrf_token(&self, session: SessionId, token: &[u8]) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(token);
        tag.is_ok_and(|tag| hmac::verify(&self.key, session.as_bytes(), &tag).is_ok())
    }
}

/// The tokens of a session, for a browser to keep.
#[derive(Clone)]
pub struct BrowserTokens {
    pub access: String,
    pub refresh: String,
    pub session: SessionId,
    /// How long the session lives on.
    pub seconds: u64,
}

/// A session is renewed in two steps. Between them its refresh token stays in force: an answer may be
/// long in coming, or never come, and until then the browser has no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Before the decision: an access token for this request.
    Begin,
    /// When the answer begins: another refresh token, and an access token that goes with it.
    HandOver,
}

/// What became of a step.
pub enum Renewed {
    /// The second step is still to be made.
    Access(String),
    /// The refresh token was replaced, now or by another request a moment ago.
    Tokens(BrowserTokens),
    /// The session is over.
    Refused,
    /// Nobody can say now: the cookies may well be good.
    Failed(Problem),
}

enum Change {
    /// This refresh token is to be replaced.
    Due(String),
    Keep(BrowserTokens),
    Forget,
}

/// The browser that makes one request.
pub struct Browser {
    cookies: Arc<Cookies>,
    /// Whether it spoke TLS, to us or to a trusted proxy: a part of our origin.
    secure: bool,
    change: Mutex<Option<Change>>,
}

const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

impl Browser {
    pub fn new(cookies: Arc<Cookies>, secure: bool) -> Self {
        Self { cookies, secure, change: Mutex::new(None) }
    }

    pub fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    pub fn secure(&self) -> bool {
        self.secure
    }

    /// From the answer on it is to carry these. The CSRF token is for its page.
    pub fn keep(&self, tokens: BrowserTokens) -> String {
        let csrf = self.cookies.csrf_token(tokens.session);
        *self.change.lock() = Some(Change::Keep(tokens));
        csrf
    }

    /// From the answer on it is to carry none.
    pub fn forget(&self) {
        *self.change.lock() = Some(Change::Forget);
    }

    /// What the first step of a renewal came to: its second one may be due, or the session is over. Where
    /// nobody can say, the browser keeps what it has.
    pub fn renewed(&self, refresh: Option<&str>, renewed: &Renewed) {
        let change = match (renewed, refresh) {
            (Renewed::Access(_), Some(refresh)) => Change::Due(refresh.to_owned()),
            (Renewed::Tokens(tokens), _) => Change::Keep(tokens.clone()),
            (Renewed::Refused, _) => Change::Forget,
            (Renewed::Access(_), None) | (Renewed::Failed(_), _) => return,
        };
        *self.change.lock() = Some(change);
    }

    /// The refresh token that is to be replaced, where one is.
    pub fn due(&self) -> Option<String> {
        match &*self.change.lock() {
            Some(Change::Due(refresh)) => Some(refresh.clone()),
            _ => None,
        }
    }

    /// What the second step came to. Where it could not be made, or another request has made it, the
    /// browser keeps what it has, which is still good or was replaced by the other answer.
    pub fn handed_over(&self, renewed: Renewed) {
        *self.change.lock() = match renewed {
            Renewed::Tokens(tokens) => Some(Change::Keep(tokens)),
            _ => None,
        };
    }

    /// Tells the browser, by whatever answer the request gets; after what was due is done.
    pub fn add_cookies(&self, headers: &mut impl Headers) {
        let Some(change) = &*self.change.lock() else { return };
        let (same_site, csrf);
        let written = match change {
            Change::Keep(tokens) => {
                (same_site, csrf) = (self.cookies.same_site, self.cookies.csrf_token(tokens.session));
                let (access, refresh) = (&tokens.access, &tokens.refresh);
                Written { access, refresh, csrf: &csrf, seconds: tokens.seconds, same_site }
            }
            Change::Forget => Written::none(self.cookies.same_site),
            Change::Due(_) => return,
        };
        for field in written.fields() {
            headers.add(&SET_COOKIE, Value::Is(&field));
        }
        // A cache that kept this answer would hand one user's session to another.
        headers.set(&CACHE_CONTROL, Value::Static("no-store"));
        headers.remove(&CDN_CACHE_CONTROL);
        headers.remove(&SURROGATE_CONTROL);
    }

    /// Caches keep answers to `Authorization` to themselves (RFC 9111 §3.5), and know no such rule for
    /// cookies: they have to be told that the answer depends on them.
    pub fn varies(headers: &mut impl Headers) {
        headers.add(&VARY, Value::Static("Cookie"));
    }
}

/// A session whose access token is missing in a browser's cookies, or no longer good. Whoever answers that
/// browser renews it, and says what came of it.
pub struct ExpiredSession {
    refresh: Option<String>,
    /// What it is where it is not renewed.
    refused: Refusal,
}

impl ExpiredSession {
    pub(super) fn new(carried: CookieTokens<'_>, refused: Refusal) -> Self {
        Self { refresh: carried.refresh.map(str::to_owned), refused }
    }

    /// The refresh token, where one came along.
    pub fn refresh(&self) -> Option<&str> {
        self.refresh.as_deref()
    }

    /// The access token that there is now.
    pub(super) fn access(self, renewed: Renewed) -> Result<String, Refusal> {
        match renewed {
            Renewed::Access(access) => Ok(access),
            Renewed::Tokens(tokens) => Ok(tokens.access),
            Renewed::Refused => Err(self.refused),
            Renewed::Failed(problem) => Err(Refusal::NotRenewed(Box::new(problem))),
        }
    }
}
