//! What a request reaches beside its own path (RFC 4918 §9.6, §9.8, §9.9, §10.3): where a copy or a move would
//! land, and what lies below a folder. Its service obeys it there as well, so that the routes have to decide.

use std::sync::Arc;

use http::header::HeaderName;

use super::extract::{self, Credential};
use super::{
    Access, Admitted, DecisionTrace, Head, MissingRequirement, Quota, Refusal, RequestTarget, Route,
    Snapshot, canonical, is_authority, networks,
};

static DESTINATION: HeaderName = HeaderName::from_static("destination");

/// Refuses what would reach what another route of the service protects, for whom that one would refuse.
pub(super) fn check(
    config: &Snapshot,
    admitted: &Admitted,
    head: &Head<'_>,
    trace: &mut DecisionTrace,
) -> Result<(), Refusal> {
    let method = head.method.as_str();
    if takes_along(method) && admitted.route().near {
        taken_along(config, admitted, head, &[head.host], admitted.target().path()).inspect_err(
            |refusal| {
                trace.reason("authorize", || format!("what lies below: {}", refusal.in_words()));
            },
        )?;
    }
    if is_one_of(&["COPY", "MOVE"], method) {
        let guards = |other: &Arc<Route>| other.refuses_beside(admitted.route());
        // Elsewhere there is nothing to be got round.
        if config.routes.iter().any(guards) {
            arrives(config, admitted, head).inspect_err(|refusal| {
                trace.reason("authorize", || format!("Destination: {}", refusal.in_words()));
            })?;
        }
    }
    Ok(())
}

/// Whether a request is about all that lies below its path, whatever `Depth` says: a service may not look
/// at it.
pub(super) fn takes_along(method: &str) -> bool {
    is_one_of(&["DELETE", "COPY", "MOVE"], method)
}

/// In any case of its letters: there are services that do not look at it.
fn is_one_of(names: &[&str], method: &str) -> bool {
    names.iter().any(|name| method.eq_ignore_ascii_case(name))
}

/// One destination, of which services may choose no other reading, and what it overwrites.
fn arrives(config: &Snapshot, admitted: &Admitted, head: &Head<'_>) -> Result<(), Refusal> {
    let mut fields = head.headers.get_all(&DESTINATION);
    // A service refuses this itself.
    let Some(field) = fields.next() else { return Ok(()) };
    let named = Named::read(field).filter(|_| fields.next().is_none());
    let named = named.ok_or(Refusal::AmbiguousPath)?;
    lands(config, admitted, head, &named)?;
    let hosts = [head.host, named.authority.unwrap_or(head.host)];
    taken_along(config, admitted, head, &hosts, named.path)
}

fn lands(config: &Snapshot, admitted: &Admitted, head: &Head<'_>, named: &Named<'_>) -> Result<(), Refusal> {
    // Whether a service looks at the host, nobody knows.
    let canonical = canonical(named.path).ok();
    let target = RequestTarget::new(named.path, canonical.as_ref());
    for host in [head.host].into_iter().chain(named.authority) {
        // As that of a request: a route may allow what is ambiguous elsewhere.
        let (_, other) = config.routes.choose(host, head.method, target)?;
        if Arc::ptr_eq(other, admitted.route()) || other.shadow {
            continue;
        }
        // What it would be called behind another prefix is not what the client has named.
        if other.replace_prefix.is_some() || admitted.route().replace_prefix.is_some() {
            return Err(Refusal::AmbiguousPath);
        }
        if other.is_stricter_than(admitted.route()) {
            passes(other, admitted, head)?;
        }
    }
    Ok(())
}

/// What goes with a folder, or is overwritten by one.
fn taken_along(
    config: &Snapshot,
    admitted: &Admitted,
    head: &Head<'_>,
    hosts: &[&str],
    path: &str,
) -> Result<(), Refusal> {
    let below = config.routes.guarded_below(admitted.route(), hosts, path);
    below.into_iter().try_for_each(|other| passes(other, admitted, head))
}

/// As the other route would decide about whoever was admitted here.
fn passes(other: &Route, admitted: &Admitted, head: &Head<'_>) -> Result<(), Refusal> {
    networks::check(other, head, &mut DecisionTrace::silent())?;
    let Access::Required(requires) = other.access() else { return Ok(()) };
    let principal = admitted.principal().ok_or(Refusal::NoToken)?;
    // What says there who it is must be what has said it here: nothing else was proved.
    let presented = [extract::of_route(head, other)?, extract::of_route(head, admitted.route())?];
    if !matches!(&presented, [Some(there), Some(here)] if is_same(there, here)) {
        return Err(Refusal::NoToken);
    }
    let lacking = match other.accepts_issuer(principal.issuer()) {
        true => requires.lacking(principal),
        false => Some(MissingRequirement::Issuer),
    };
    let quota = || Box::<Quota>::new(*admitted.quota());
    lacking.map_or(Ok(()), |lacking| Err(Refusal::Forbidden { lacking, quota: quota() }))
}

fn is_same(there: &Credential<'_>, here: &Credential<'_>) -> bool {
    match (there, here) {
        (Credential::Token(there), Credential::Token(here)) => there == here,
        (Credential::Cookies(..), Credential::Cookies(..)) => true,
        (Credential::Certificate(there), Credential::Certificate(here)) => Arc::ptr_eq(there, here),
        _ => false,
    }
}

/// A `Destination` in one of its two forms, which have one reading: a path, or a whole address of http(s)
/// and a path.
pub(super) struct Named<'a> {
    pub(super) authority: Option<&'a str>,
    /// Begins with one slash; without a query, which would name nothing.
    pub(super) path: &'a str,
}

impl<'a> Named<'a> {
    /// `None` for all else: there a service may find another path than we do.
    pub(super) fn read(field: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(field).ok()?;
        if text.bytes().any(|byte| byte <= b' ' || matches!(byte, b'?' | b'#' | b'\\' | 0x7f)) {
            return None;
        }
        let after = |scheme: &str| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        };
        let named = match after("http://").or_else(|| after("https://")) {
            Some(below) => {
                let (authority, path) = below.split_at(below.find('/')?);
                Self { authority: Some(authority), path }
            }
            None => Self { authority: None, path: text },
        };
        let is_host = named.authority.is_none_or(|authority| is_authority(authority.as_bytes()));
        (is_host && named.path.starts_with('/') && !named.path.starts_with("//")).then_some(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_whole_address_or_a_path_and_nothing_else() {
        let read =
            |text: &'static str| Named::read(text.as_bytes()).map(|named| (named.authority, named.path));
        assert_eq!(read("HTTPS://a.test:8443/x/y"), Some((Some("a.test:8443"), "/x/y")));
        assert_eq!(read("http://[::1]:80/"), Some((Some("[::1]:80"), "/")));
        assert_eq!(read("/x/http://h/y"), Some((None, "/x/http://h/y")));
        for odd in [
            "",
            "x",
            "//a.test/x",
            "///x",
            "http://a.test",
            "http://a.test?/x",
            "http://a.test#/x",
            "http:///x",
            "http://a.test//x",
            "http://u@a.test/x",
            "http://a.test\\x/y",
            "http:/x",
            "ftp://a.test/x",
            "/x?://a.test/y",
            "/x#y",
            "/x\\y",
            " /x",
            "/x ",
            "/x, /y",
            "/x\u{7f}",
        ] {
            assert_eq!(read(odd), None, "{odd:?}");
        }
        assert!(Named::read(b"/\xff").is_none());
    }
}
