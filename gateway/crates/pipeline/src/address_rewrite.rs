//! What a service is called on either side of the gateway: addresses that one side writes are told to
//! the other in its own words, where it is certain whose they are. Links inside of bodies are not.

use http::header::{
    CONTENT_LOCATION, HeaderName, HeaderValue, LOCATION, ORIGIN, REFERER, REFRESH, SET_COOKIE,
};
use http::{Method, StatusCode};
use token_source::Outgoing;

use super::destination::Named;
use super::host::name_of;
use super::{Admitted, Server};

const DESTINATION: HeaderName = HeaderName::from_static("destination");
const IF: HeaderName = HeaderName::from_static("if");

/// The service behind one request.
#[derive(Clone, Copy, Debug)]
pub struct AddressRewrite<'a> {
    /// As the client knows it.
    outer: Side<'a>,
    /// As it knows itself.
    inner: Side<'a>,
    /// The servers whose ports it may call itself by, too.
    servers: &'a [Server],
}

#[derive(Clone, Copy, Debug)]
struct Side<'a> {
    is_secure: bool,
    /// As `Host` has it.
    authority: &'a str,
    /// What its paths begin with; without a slash at the end.
    prefix: &'a str,
}

impl<'a> AddressRewrite<'a> {
    /// `None` where both sides call it the same, or the route leaves everything as it is.
    pub fn new(admitted: &'a Admitted, is_secure: bool, host: impl FnOnce() -> &'a str) -> Option<Self> {
        Self::both(admitted, is_secure, host, false)
    }

    /// The same for an answer: one that leads on may name a port that only the service knows.
    pub fn of_answer(
        admitted: &'a Admitted,
        is_secure: bool,
        host: impl FnOnce() -> &'a str,
        status: StatusCode,
    ) -> Option<Self> {
        let leads_on = matches!(status.as_u16(), 201 | 300..=303 | 307 | 308);
        Self::both(admitted, is_secure, host, leads_on)
    }

    fn both(
        admitted: &'a Admitted,
        is_secure: bool,
        host: impl FnOnce() -> &'a str,
        alike_too: bool,
    ) -> Option<Self> {
        let (route, upstream) = (admitted.route(), admitted.upstream());
        if !route.rewrite_urls {
            return None;
        }
        let own = upstream.host.as_ref().and_then(|host| host.to_str().ok());
        let replaced = route.replace_prefix.as_deref().map(|prefix| prefix.trim_end_matches('/'));
        if !alike_too && own.is_none() && replaced.is_none() && is_secure == upstream.tls.is_some() {
            return None;
        }
        let cut = replaced.and(admitted.cut_prefix()).unwrap_or("");
        let host = host();
        Some(Self {
            outer: Side { is_secure, authority: host, prefix: cut },
            inner: Side {
                is_secure: upstream.tls.is_some(),
                authority: own.unwrap_or(host),
                prefix: replaced.unwrap_or(""),
            },
            servers: &upstream.servers,
        })
    }

    /// An answer on its way out.
    pub fn outward(&self, headers: &mut impl Outgoing) {
        for name in [LOCATION, CONTENT_LOCATION] {
            replace(headers, name, |value| self.shown(value));
        }
        replace(headers, REFRESH, |value| self.refresh(value));
        if self.inner.prefix != self.outer.prefix || self.is_renamed() {
            self.cookies(headers);
        }
    }

    /// A request on its way in. `Origin` and `Referer` matter to a service that holds them against
    /// `Host`: they are told where that is another one.
    pub fn inward(&self, method: &Method, headers: &mut impl Outgoing) {
        if self.is_renamed() {
            replace(headers, ORIGIN, |value| self.of_own_page(value));
            replace(headers, REFERER, |value| self.of_own_page(value));
        }
        // RFC 4918: what is written by other methods than these, and read by servers of WebDAV.
        if !matches!(*method, Method::GET | Method::HEAD | Method::POST) {
            // What could be read in another way than the routes did is left alone.
            let known = |value: &[u8]| Named::read(value).and_then(|_| self.known(value));
            replace(headers, DESTINATION, known);
            replace(headers, IF, |value| self.known_within(value));
        }
    }

    fn is_renamed(&self) -> bool {
        !self.inner.authority.eq_ignore_ascii_case(self.outer.authority)
    }

    /// An address of the service's own as the client knows it; `None` leaves it.
    fn shown(&self, url: &[u8]) -> Option<Vec<u8>> {
        let written = Written::read(url)?;
        let Self { inner, outer, .. } = self;
        if let Some(authority) = written.authority {
            let own = [inner, outer].iter().any(|side| side.is_named(authority, written.is_secure))
                || self.is_own_port(authority, written.is_secure);
            // To be sent on to https:// is a service's will; a port that is named has no other scheme.
            let is_known = inner.is_secure && (self.is_renamed() || has_port(authority));
            if !own || (written.is_secure == Some(true) && !outer.is_secure && !is_known) {
                return None;
            }
        }
        let path = match written.path {
            // A service that was told of its prefix has put it there itself.
            path if !outer.prefix.is_empty() && is_below(path, outer.prefix) => path.to_vec(),
            path => moved(path, inner.prefix, outer.prefix)?,
        };
        outer.write(&written, path)
    }

    /// Whether it is the name that the client used, with the port on which the service itself listens: so
    /// nginx calls itself, which makes addresses of the name alone.
    fn is_own_port(&self, authority: &[u8], is_secure: Option<bool>) -> bool {
        let is_secure = is_secure.unwrap_or(self.inner.is_secure);
        let Ok(authority) = std::str::from_utf8(authority) else { return false };
        let port = match has_port(authority.as_bytes()) {
            true => authority.rsplit(':').next().and_then(|port| port.parse().ok()),
            false => Some(if is_secure { 443 } else { 80 }),
        };
        is_secure == self.inner.is_secure
            && name_of(authority) == name_of(self.inner.authority)
            && port.is_some_and(|port| self.servers.iter().any(|server| server.target.port() == Some(port)))
    }

    /// An address of the client's as the service knows it; `None` leaves it.
    fn known(&self, url: &[u8]) -> Option<Vec<u8>> {
        let written = Written::read(url)?;
        let Self { inner, outer, .. } = self;
        if written.authority.is_some_and(|authority| !outer.is_named(authority, written.is_secure)) {
            return None;
        }
        inner.write(&written, moved(written.path, outer.prefix, inner.prefix)?)
    }

    /// The same for each address between angle brackets; what else stands there is none of ours.
    fn known_within(&self, value: &[u8]) -> Option<Vec<u8>> {
        let mut pieces = value.split(|byte| *byte == b'<');
        let mut out = pieces.next()?.to_vec();
        let mut changed = false;
        for piece in pieces {
            out.push(b'<');
            let end = piece.iter().position(|byte| *byte == b'>').unwrap_or(0);
            let known = piece.split_at_checked(end);
            match known.and_then(|(address, behind)| Some((self.known(address)?, behind))) {
                Some((known, behind)) => {
                    changed = true;
                    out.extend_from_slice(&known);
                    out.extend_from_slice(behind);
                }
                None => out.extend_from_slice(piece),
            }
        }
        changed.then_some(out)
    }

    /// The origin of a page of the service's own, and what follows it; any other stays foreign.
    fn of_own_page(&self, value: &[u8]) -> Option<Vec<u8>> {
        let own = self.outer.origin();
        let (origin, rest) = value.split_at_checked(own.len())?;
        let rest = origin.eq_ignore_ascii_case(own.as_bytes()).then_some(rest)?;
        matches!(rest.first(), None | Some(b'/')).then(|| [self.inner.origin().as_bytes(), rest].concat())
    }

    /// `5; url=/next`, as browsers read it (the WHATWG's HTML standard, "shared declarative refresh steps").
    fn refresh(&self, value: &[u8]) -> Option<Vec<u8>> {
        let start = value.windows(4).position(|four| four.eq_ignore_ascii_case(b"url="))?;
        let (before, url) = value.split_at_checked(start + 4)?;
        if !before.iter().take(start).all(|byte| byte.is_ascii_digit() || b".;, \t".contains(byte)) {
            return None;
        }
        let (quote, url) = match url.split_first() {
            Some((quote @ (b'"' | b'\''), url)) => {
                (std::slice::from_ref(quote), url.split(|byte| byte == quote).next()?)
            }
            _ => (&b""[..], url),
        };
        Some([before, quote, &self.shown(url)?, quote].concat())
    }

    fn cookies(&self, headers: &mut impl Outgoing) {
        let told = |value: &[u8]| HeaderValue::from_bytes(&self.cookie(value)?).ok();
        let all: Vec<_> = headers.values(&SET_COOKIE).map(|value| (told(value), value)).collect();
        if all.iter().all(|(told, _)| told.is_none()) {
            return;
        }
        let kept = |(told, value): (Option<_>, _)| told.or_else(|| HeaderValue::from_bytes(value).ok());
        let all: Vec<_> = all.into_iter().filter_map(kept).collect();
        headers.take_out(&SET_COOKIE);
        for value in all {
            headers.put(SET_COOKIE, value);
        }
    }

    /// A cookie for the paths under which the client knows the service, and for no other host's.
    fn cookie(&self, value: &[u8]) -> Option<Vec<u8>> {
        let mut pieces = value.split(|byte| *byte == b';');
        let pair = pieces.next()?;
        // It has to be for all paths, or browsers do not take it (RFC 6265bis §4.1.3.2).
        let is_for_all =
            pair.trim_ascii().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"__Host-"));
        let mut out = pair.to_vec();
        let mut changed = false;
        for piece in pieces {
            let mut sides = piece.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
            let (name, text) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
            if name.eq_ignore_ascii_case(b"domain") && self.is_for_another(text) {
                changed = true;
                continue;
            }
            out.push(b';');
            let path = name.eq_ignore_ascii_case(b"path") && !is_for_all;
            match path.then(|| self.cookie_path(text)).flatten() {
                Some(path) => {
                    changed = true;
                    out.extend_from_slice(b" Path=");
                    out.extend_from_slice(&path);
                }
                None => out.extend_from_slice(piece),
            }
        }
        changed.then_some(out)
    }

    fn cookie_path(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (inner, outer) = (self.inner.prefix, self.outer.prefix);
        // Another one is none, and stands for the folder of what was asked for (RFC 6265 §5.2.4).
        let is_path = path.starts_with(b"/");
        if inner == outer || !is_path || !outer.is_empty() && is_below(path, outer) {
            return None;
        }
        let mut moved = moved(path, inner, outer)?;
        // "/app/" is not for "/app" (RFC 6265 §5.1.4).
        if moved.len() > 1 && moved.last() == Some(&b'/') && moved.len() == outer.len() + 1 {
            moved.pop();
        }
        Some(moved)
    }

    /// Whether a cookie is for the name by which only we know the service.
    fn is_for_another(&self, domain: &[u8]) -> bool {
        let (inner, outer) = (name_of(self.inner.authority), name_of(self.outer.authority));
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        domain.eq_ignore_ascii_case(inner.as_bytes()) && !domain.eq_ignore_ascii_case(outer.as_bytes())
    }
}

impl Side<'_> {
    fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

    /// RFC 6454 §6.2: without the usual port.
    fn origin(&self) -> String {
        let authority = String::from_utf8_lossy(bare(self.authority.as_bytes(), self.is_secure)).into_owned();
        format!("{}://{authority}", self.scheme())
    }

    /// Whether an address with this authority is of this side.
    fn is_named(&self, authority: &[u8], is_secure: Option<bool>) -> bool {
        let written = bare(authority, is_secure.unwrap_or(self.is_secure));
        !written.is_empty() && written.eq_ignore_ascii_case(bare(self.authority.as_bytes(), self.is_secure))
    }

    /// The same address with what this side calls it; `None` where that is what was written.
    fn write(&self, written: &Written<'_>, path: Vec<u8>) -> Option<Vec<u8>> {
        let mut out = match (written.authority, written.is_secure) {
            (None, _) => Vec::new(),
            (_, None) => [b"//", self.authority.as_bytes()].concat(),
            _ => [self.scheme().as_bytes(), b"://", self.authority.as_bytes()].concat(),
        };
        // Alone it would be read as a host.
        if out.is_empty() && path.starts_with(b"//") {
            return None;
        }
        out.extend_from_slice(&path);
        out.extend_from_slice(written.rest);
        (out != written.whole).then_some(out)
    }
}

/// An address as somebody wrote it: a whole one, or a path.
struct Written<'a> {
    whole: &'a [u8],
    is_secure: Option<bool>,
    authority: Option<&'a [u8]>,
    /// Begins with a slash.
    path: &'a [u8],
    /// Query and fragment.
    rest: &'a [u8],
}

impl<'a> Written<'a> {
    /// `None` for what is another kind of reference, or what browsers read in another way than it
    /// stands there: they leave out what is blank, and take a backslash for a slash.
    fn read(whole: &'a [u8]) -> Option<Self> {
        if whole.iter().any(|byte| *byte <= b' ' || matches!(byte, b'\\' | 0x7f)) {
            return None;
        }
        let after = |start: &[u8]| {
            let (found, rest) = whole.split_at_checked(start.len())?;
            found.eq_ignore_ascii_case(start).then_some(rest)
        };
        let (is_secure, after) = match (after(b"https://"), after(b"http://"), after(b"//")) {
            (Some(after), ..) => (Some(true), Some(after)),
            (_, Some(after), _) => (Some(false), Some(after)),
            (.., after) => (None, after),
        };
        let end = |text: &[u8], marks: &[u8]| {
            text.iter().position(|byte| marks.contains(byte)).unwrap_or(text.len())
        };
        let (authority, below) = match after.map(|after| after.split_at(end(after, b"/?#"))) {
            Some((authority, below)) => (Some(authority), below),
            None => (None, whole),
        };
        let (path, rest) = below.split_at(end(below, b"?#"));
        let path = match (path, authority) {
            ([b'/', ..], _) => path,
            ([], Some(_)) => b"/",
            _ => return None,
        };
        Some(Self { whole, is_secure, authority, path, rest })
    }
}

/// The path below one prefix, below another one.
fn moved(path: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    if from == to {
        return Some(path.to_vec());
    }
    let below = path.get(from.len()..).filter(|_| is_below(path, from))?;
    let whole = [to.as_bytes(), below].concat();
    Some(if whole.is_empty() { b"/".to_vec() } else { whole })
}

/// By whole segments.
fn is_below(path: &[u8], prefix: &str) -> bool {
    path.strip_prefix(prefix.as_bytes()).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

fn bare(authority: &[u8], is_secure: bool) -> &[u8] {
    authority.strip_suffix(if is_secure { &b":443"[..] } else { b":80" }).unwrap_or(authority)
}

/// The colons of an IPv6 address stand within brackets.
fn has_port(authority: &[u8]) -> bool {
    authority.iter().rev().take_while(|byte| **byte != b']').any(|byte| *byte == b':')
}

/// Changes the value of a field that stands there once; two are left to whoever reads them.
fn replace(headers: &mut impl Outgoing, name: HeaderName, told: impl FnOnce(&[u8]) -> Option<Vec<u8>>) {
    let mut values = headers.values(&name);
    let (Some(value), None) = (values.next(), values.next()) else { return };
    let told = told(value).and_then(|told| HeaderValue::try_from(told).ok());
    drop(values);
    if let Some(value) = told {
        headers.take_out(&name);
        headers.put(name, value);
    }
}

#[cfg(test)]
mod tests;
