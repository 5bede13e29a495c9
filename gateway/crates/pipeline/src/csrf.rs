//! Whether a request that a browser's cookies vouch for was sent by a page that may do so. A browser
//! adds its cookies to whatever request a page makes, of whatever site the page is.

use std::net::Ipv4Addr;

use http::HeaderName;
use http::header::{ORIGIN, REFERER};

use super::extract::Credential;
use super::handshake::asks_for_websocket;
use super::host::name_of;
use super::{CookieTokens, Cookies, Cors, Head, Refusal, Snapshot};
use gateway_clock::Timestamp;
use gateway_framing::{HeaderSection, text};
use gateway_identity::SessionId;
use gateway_token::RawToken;

/// <https://www.w3.org/TR/fetch-metadata/>: no page can set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// What is wrong with who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfFault {
    /// The browser says that it was a page of another origin.
    Foreign,
    /// Nothing shows that it was not.
    Unproved,
}

impl CsrfFault {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Foreign => "Request refused: a page of another origin sent it",
            Self::Unproved => {
                "Request refused: nothing shows that a page of this origin sent it; send the cookie __Host-gateway_csrf as X-CSRF-Token"
            }
        }
    }
}

/// What the browser says of the page.
enum Sender {
    /// Of our origin, or of one that the operator lets act for users.
    Ours,
    Foreign,
    /// Its origin is not ours, as far as we know our own: a proxy in front may not have told us. Or it
    /// is hidden (`null`), as that of a frame that may be anybody's.
    Elsewhere,
    Unknown,
}

/// Refuses what a browser adds by itself to whatever a page requests, where that page may be another's.
pub(super) fn check(
    config: &Snapshot,
    head: &Head<'_>,
    presented: &Credential<'_>,
    cors: Option<&Cors>,
    now: impl FnOnce() -> Timestamp,
) -> Result<(), Refusal> {
    match presented {
        // Put there on purpose.
        Credential::Token(_) => Ok(()),
        Credential::Cookies(cookies, carried) => by_cookies(config, head, (cookies, *carried), cors, now),
        Credential::Certificate(_) => by_certificate(head, cors),
    }
}

/// Refuses what changes something and may come from elsewhere. A WebSocket does, whatever its method:
/// CORS does not keep pages of others from opening one.
pub(super) fn by_cookies(
    config: &Snapshot,
    head: &Head<'_>,
    (cookies, carried): (&Cookies, CookieTokens<'_>),
    cors: Option<&Cors>,
    now: impl FnOnce() -> Timestamp,
) -> Result<(), Refusal> {
    let safe = matches!(head.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if safe && !asks_for_websocket(head.headers) {
        return Ok(());
    }
    match sender(head, cors) {
        Sender::Ours => Ok(()),
        Sender::Foreign => Err(Refusal::Csrf(CsrfFault::Foreign)),
        // A token of the session shows more than a name that we may not know.
        Sender::Elsewhere | Sender::Unknown => {
            let token = head.headers.only(&X_CSRF_TOKEN);
            let belongs = |session| cookies.is_csrf_token(session, token.unwrap_or_default());
            // Of all there are: a refresh token of one session must not pass by the access token of another.
            // With none there is nobody to act for, and the next stage says so.
            match sessions(config, carried, now()).all(belongs) {
                true => Ok(()),
                false => Err(Refusal::Csrf(CsrfFault::Unproved)),
            }
        }
    }
}

/// Refuses what the browser itself says was sent from elsewhere. For what has no session yet, whose
/// token could show anything: programs, which say nothing of a page, pass.
pub(super) fn refuse_foreign(head: &Head<'_>, cors: Option<&Cors>) -> Result<(), Refusal> {
    match sender(head, cors) {
        Sender::Foreign | Sender::Elsewhere => Err(Refusal::Csrf(CsrfFault::Foreign)),
        Sender::Ours | Sender::Unknown => Ok(()),
    }
}

/// Whether the page is of `http://`, and not of the machine itself: browsers keep no `Secure` cookie from
/// there (RFC 6265bis §5.7). Where nothing is said of a page nobody knows: TLS may end in front of us.
pub fn keeps_no_cookies(headers: HeaderSection<'_>) -> bool {
    headers.get_all(&ORIGIN).any(|origin| {
        let page = text(origin).and_then(|origin| origin.strip_prefix("http://"));
        page.is_some_and(|authority| !is_local(&name_of(authority)))
    })
}

/// A name that is this machine in any browser (W3C Secure Contexts §3.1).
fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// The same by a client certificate, which a browser adds by itself, too, and programs, which say nothing
/// of a page, as well. Who shows one speaks TLS with us.
fn by_certificate(head: &Head<'_>, cors: Option<&Cors>) -> Result<(), Refusal> {
    let safe = matches!(head.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if safe && !asks_for_websocket(head.headers) {
        return Ok(());
    }
    let mut origins = head.headers.get_all(&ORIGIN);
    let vouched = |origin: &[u8]| cors.is_some_and(|cors| cors.vouches_for(origin));
    let (origin, another) = (origins.next(), origins.next().is_some());
    let ours = |origin: &[u8]| {
        let own = text(origin).is_some_and(|origin| is_own(origin, head.host, true));
        !another && (own || vouched(origin))
    };
    let site = head.headers.get(&SEC_FETCH_SITE);
    let elsewhere = matches!(site, Some(b"same-site" | b"cross-site")) && !origin.is_some_and(vouched);
    match elsewhere || !origin.is_none_or(ours) {
        true => Err(Refusal::Csrf(CsrfFault::Foreign)),
        false => Ok(()),
    }
}

fn sender(head: &Head<'_>, cors: Option<&Cors>) -> Sender {
    let origin = head.headers.only(&ORIGIN);
    // First: pages of these are of another origin, and may all the same.
    if origin.is_some_and(|origin| cors.is_some_and(|cors| cors.vouches_for(origin))) {
        return Sender::Ours;
    }
    match head.headers.only(&SEC_FETCH_SITE) {
        Some(b"same-origin") => Sender::Ours,
        Some(b"same-site" | b"cross-site") => Sender::Foreign,
        // `none` is a person's own doing, and no person types a POST. A value that nobody knows yet is
        // to be taken for none at all.
        _ => by_page(head, origin),
    }
}

/// For browsers that say no more (Safari before 16.4): by the origin of the page, or its address.
fn by_page(head: &Head<'_>, origin: Option<&[u8]>) -> Sender {
    fn shown(value: &[u8]) -> &str {
        text(value).unwrap_or("null")
    }
    let page = match origin {
        Some(origin) if is_own(shown(origin), head.host, head.is_encrypted) => return Sender::Ours,
        Some(origin) => shown(origin),
        // Two of them are nobody's.
        None if head.headers.has(&ORIGIN) => return Sender::Elsewhere,
        // An address of ours proves nothing, since it can be left out.
        None => match head.headers.get(&REFERER) {
            Some(address) => origin_of(shown(address)),
            None => return Sender::Unknown,
        },
    };
    // TLS may end in front of us without our knowledge.
    let may_be_ours = [head.is_encrypted, true].into_iter().any(|secure| is_own(page, head.host, secure));
    if may_be_ours { Sender::Unknown } else { Sender::Elsewhere }
}

/// The origin of an address (RFC 3986 §3).
fn origin_of(address: &str) -> &str {
    let authority = address.find("://").map_or(0, |at| at + "://".len());
    let end = address.get(authority..).and_then(|behind| behind.find(['/', '?', '#']));
    end.and_then(|end| address.get(..authority + end)).unwrap_or(address)
}

/// Whether this is the origin under which we are known to the client (RFC 6454 §6.2).
fn is_own(origin: &str, host: &str, secure: bool) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let usual_port = match (scheme, secure) {
        ("https", true) => ":443",
        ("http", false) => ":80",
        _ => return false,
    };
    let bare = |authority| str::strip_suffix(authority, usual_port).unwrap_or(authority);
    !authority.is_empty() && bare(authority).eq_ignore_ascii_case(bare(host))
}

fn sessions(config: &Snapshot, carried: CookieTokens<'_>, now: Timestamp) -> impl Iterator<Item = SessionId> {
    let access = carried.access.and_then(|token| config.verifier.authenticate(token, now).ok());
    let refresh =
        carried.refresh.and_then(|token| config.verifier.verify_refresh(RawToken::new(token), now).ok());
    access.map(|claims| claims.session()).into_iter().chain(refresh.map(|claims| claims.session))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn an_address_has_an_origin() {
        for (address, origin) in [
            ("https://app.example/a?b=https://c", "https://app.example"),
            ("https://app.example:8443?b", "https://app.example:8443"),
            ("https://app.example", "https://app.example"),
            ("https://app.example@evil.example/", "https://app.example@evil.example"),
            ("about:blank", "about:blank"),
            ("", ""),
        ] {
            assert_eq!(origin_of(address), origin);
        }
    }

    #[test]
    fn a_page_without_tls_keeps_no_cookies_unless_it_is_of_this_machine() {
        let keeps_none = |origin: &str| {
            let origin = HeaderValue::from_str(origin).unwrap();
            keeps_no_cookies((&HeaderMap::from_iter([(ORIGIN, origin)])).into())
        };
        for lost in
            ["http://nas.lan", "http://10.0.0.1:8080", "http://localhost.evil.test", "http://127.evil.test"]
        {
            assert!(keeps_none(lost), "{lost}");
        }
        for kept in [
            "https://nas.lan",
            "http://localhost:8080",
            "http://app.localhost",
            "http://127.1.2.3",
            "http://[::1]:80",
            "null",
        ] {
            assert!(!keeps_none(kept), "{kept}");
        }
        assert!(!keeps_no_cookies((&HeaderMap::new()).into()));
    }

    #[test]
    fn an_origin_is_ours_by_scheme_host_and_port() {
        assert!(is_own("https://app.example", "app.example", true));
        assert!(is_own("https://app.example", "APP.example:443", true));
        assert!(is_own("http://app.example", "app.example:80", false));
        assert!(is_own("https://app.example:8443", "app.example:8443", true));
        assert!(is_own("http://[::1]:8080", "[::1]:8080", false));
        for (origin, host, secure) in [
            ("http://app.example", "app.example", true),
            ("https://app.example", "app.example", false),
            ("https://app.example:8443", "app.example", true),
            ("https://app.example", "app.example:80", true),
            ("https://app.example.evil", "app.example", true),
            ("https://sub.app.example", "app.example", true),
            ("https://", "", true),
            ("null", "null", true),
            ("app.example", "app.example", true),
        ] {
            assert!(!is_own(origin, host, secure), "{origin} {host}");
        }
    }
}
