//! Where a copy or a move would land (RFC 4918 §10.3): a second path of the request, which its service
//! obeys as it does the first one, so that the routes have to decide about it, too.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};

use super::extract::{self, Presented};
use super::{Access, Admitted, Head, Lack, Quota, Refusal, Route, Snapshot, Trail, networks};

const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// Refuses what would land on a stricter route of the service, for whom that route would refuse.
pub(super) fn check(
    now: &Snapshot,
    admitted: &Admitted,
    (head, client): (Head<'_>, IpAddr),
    trail: &mut Trail,
) -> Result<(), Refusal> {
    if names_destination(head.method.as_str()) {
        let is_stricter = |other: &Arc<Route>| other.is_stricter_than(admitted.route());
        // Elsewhere there is nothing to be got round.
        if now.routes.iter().any(is_stricter) {
            for destination in head.headers.get_all(DESTINATION) {
                lands(now, admitted, (head, client), destination).inspect_err(|refusal| {
                    trail.reason("authorize", || format!("Destination: {}", refusal.in_words()));
                })?;
            }
        }
    }
    Ok(())
}

/// In any case of its letters: there are services that do not look at it.
fn names_destination(method: &str) -> bool {
    method.len() == 4 && ["COPY", "MOVE"].iter().any(|name| method.eq_ignore_ascii_case(name))
}

fn lands(
    now: &Snapshot,
    admitted: &Admitted,
    (head, client): (Head<'_>, IpAddr),
    destination: &HeaderValue,
) -> Result<(), Refusal> {
    let text = destination.to_str().map_err(|_| Refusal::AmbiguousPath)?;
    let (named, path) = parts(text);
    // Whether a service looks at the host, nobody knows.
    for host in [head.host].into_iter().chain(named) {
        // As that of a request: a route may allow what is ambiguous elsewhere.
        let (_, other) = now.routes.choose(host, head.method, path)?;
        if Arc::ptr_eq(other, admitted.route()) || other.shadow {
            continue;
        }
        // What it would be called behind another prefix is not what the client has named.
        if other.replace_prefix.is_some() || admitted.route().replace_prefix.is_some() {
            return Err(Refusal::AmbiguousPath);
        }
        if other.is_stricter_than(admitted.route()) {
            passes(other, admitted, (head, client))?;
        }
    }
    Ok(())
}

/// As the other route would decide about whoever was admitted here.
fn passes(other: &Route, admitted: &Admitted, (head, client): (Head<'_>, IpAddr)) -> Result<(), Refusal> {
    networks::check(other, head, client, &mut Trail::silent())?;
    let Access::Required(requires) = other.access() else { return Ok(()) };
    let principal = admitted.principal().ok_or(Refusal::NoToken)?;
    // What says there who it is must be what has said it here: nothing else was proved.
    let presented = [extract::of_route(head, other)?, extract::of_route(head, admitted.route())?];
    if !matches!(&presented, [Some(there), Some(here)] if is_same(there, here)) {
        return Err(Refusal::NoToken);
    }
    let lacking = match other.accepts_issuer(principal.issuer()) {
        true => requires.lacking(principal),
        false => Some(Lack::Issuer),
    };
    let quota = || Box::<Quota>::new(*admitted.quota());
    lacking.map_or(Ok(()), |lacking| Err(Refusal::Forbidden { lacking, quota: quota() }))
}

fn is_same(there: &Presented<'_>, here: &Presented<'_>) -> bool {
    match (there, here) {
        (Presented::Token(there), Presented::Token(here)) => there == here,
        (Presented::Cookies(..), Presented::Cookies(..)) => true,
        (Presented::Certificate(there), Presented::Certificate(here)) => Arc::ptr_eq(there, here),
        _ => false,
    }
}

/// The host, where one is named, and the path without its query, which names nothing here.
fn parts(text: &str) -> (Option<&str>, &str) {
    let below = text.split_once("://").map(|(_, below)| below).or(text.strip_prefix("//"));
    let (host, path) = match below {
        Some(below) => {
            let (host, path) = below.split_at(below.find(['/', '?', '#']).unwrap_or(below.len()));
            (Some(host), path)
        }
        None => (None, text),
    };
    (host, path.split(['?', '#']).next().filter(|path| !path.is_empty()).unwrap_or("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_whole_address_or_a_path() {
        for (text, host, path) in [
            ("https://a.test:8443/x/y?z#", Some("a.test:8443"), "/x/y"),
            ("//a.test/x", Some("a.test"), "/x"),
            ("http://a.test", Some("a.test"), "/"),
            ("/x", None, "/x"),
            ("x", None, "x"),
        ] {
            assert_eq!(parts(text), (host, path), "{text}");
        }
    }
}
