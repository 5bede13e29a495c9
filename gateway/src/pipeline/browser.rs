//! A browser, where cookies are on: who it is by its cookies, its session renewed on the way, and
//! which cookies it is to keep from then on.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, SET_COOKIE, VARY};
use parking_lot::Mutex;

use super::cookies::{Carried, SameSite, Written};
use super::header_rules::Headers;
use super::{Cors, Head, Pipeline, Principal, Refusal, Snapshot, Trail, csrf};
use crate::clock::Stopwatch;
use crate::identity::SessionId;
use crate::problem::Problem;
use crate::token::RawToken;

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

/// Exchanges a refresh token, on behalf of whoever makes the request.
pub type Renew = Box<dyn Fn(String, Step) -> Pin<Box<dyn Future<Output = Renewed> + Send>> + Send + Sync>;

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
    /// None where an answer of ours does not reach it.
    renew: Option<Renew>,
    change: Mutex<Option<Change>>,
}

const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

impl Browser {
    pub fn new(cookies: Arc<Cookies>, secure: bool, renew: Option<Renew>) -> Self {
        Self { cookies, secure, renew, change: Mutex::new(None) }
    }

    /// The same where somebody else answers it: nothing is renewed, as nothing could be handed over.
    pub fn answered_by_another(&self) -> Self {
        Self::new(Arc::clone(&self.cookies), self.secure, None)
    }

    pub(super) fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    pub(super) fn secure(&self) -> bool {
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

    /// The answer begins: what is due is done now. Where that cannot be, or another request has done it,
    /// the browser keeps what it has, which is still good or was replaced by the other answer.
    pub async fn settle(&self) {
        let due = match &*self.change.lock() {
            Some(Change::Due(refresh)) => refresh.clone(),
            _ => return,
        };
        let Some(renew) = &self.renew else { return };
        let change = match renew(due, Step::HandOver).await {
            Renewed::Tokens(tokens) => Some(Change::Keep(tokens)),
            _ => None,
        };
        *self.change.lock() = change;
    }

    /// Tells the browser, by whatever answer the request gets; after [`Self::settle`].
    pub fn tell(&self, headers: &mut impl Headers) {
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
            headers.add(SET_COOKIE, field);
        }
        // A cache that kept this answer would hand one user's session to another.
        headers.set(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.remove(&CDN_CACHE_CONTROL);
        headers.remove(&SURROGATE_CONTROL);
    }

    /// Caches keep answers to `Authorization` to themselves (RFC 9111 §3.5), and know no such rule for
    /// cookies: they have to be told that the answer depends on them.
    pub fn varies(headers: &mut impl Headers) {
        headers.add(VARY, HeaderValue::from_static("Cookie"));
    }
}

impl Pipeline {
    /// Who it is by its cookies; at most once with a new access token, where the one that it carries is
    /// missing or no longer good. What it carries must be of ours.
    pub(super) async fn identify_browser(
        &self,
        now: &Snapshot,
        browser: &Browser,
        carried: Carried<'_>,
        client: IpAddr,
        trail: &mut Trail,
    ) -> Result<Principal, Refusal> {
        let refused = match carried.access {
            Some(token) => match self.identify_own(now, token, client, trail).await {
                Err(refused @ (Refusal::TokenInvalid | Refusal::TokenExpired | Refusal::TokenRevoked(_))) => {
                    refused
                }
                decided => return decided,
            },
            None => Refusal::NoToken,
        };
        let Some(renew) = &browser.renew else { return Err(refused) };
        let Some(refresh) = carried.refresh else {
            browser.forget();
            return Err(refused);
        };
        let waiting = Stopwatch::start();
        let renewed = renew(refresh.to_owned(), Step::Begin).await;
        trail.waited(waiting.elapsed());
        let access = match renewed {
            Renewed::Access(access) => {
                *browser.change.lock() = Some(Change::Due(refresh.to_owned()));
                access
            }
            Renewed::Tokens(tokens) => {
                let access = tokens.access.clone();
                browser.keep(tokens);
                access
            }
            Renewed::Refused => {
                browser.forget();
                return Err(refused);
            }
            Renewed::Failed(problem) => return Err(Refusal::NotRenewed(Box::new(problem))),
        };
        self.identify_own(now, RawToken::new(&access), client, trail).await
    }

    /// For endpoints that take a browser's tokens themselves: what it carries, if its page may use it.
    pub fn carried<'a>(&self, config: &Snapshot, head: Head<'a>) -> Result<Option<Carried<'a>>, Refusal> {
        let Some(browser) = head.browser else { return Ok(None) };
        let Some(carried) = Carried::read(head.headers)? else { return Ok(None) };
        csrf::check(browser, config, head, config.own_cors.as_deref(), carried, self.clock.now())?;
        Ok(Some(carried))
    }

    /// For endpoints that a page uses before it has a session.
    pub fn refuse_foreign_page(config: &Snapshot, head: Head<'_>) -> Result<(), Refusal> {
        let cors: Option<&Cors> = config.own_cors.as_deref();
        head.browser.map_or(Ok(()), |browser| csrf::refuse_foreign(browser, head, cors))
    }
}
