//! Paths with an encoded slash, a doubled one or a parameter: taken by a route that allows it below its
//! own path, and only where every reading of them is one of that route.

use std::sync::Arc;

use http::Method;

use super::inside::leads_inside;
use super::near::share_a_host;
use super::{RouteFault, Routes, is_own};
use crate::as_sent::{AsSent, Oddity};
use crate::fold::folded;
use crate::pattern::Segment;
use crate::{CanonicalTarget, Refusal, RequestTarget, Route, canonical};

/// A path that no route takes as it was sent.
#[derive(Clone, Debug)]
pub struct NotTaken {
    /// What it holds, at least one.
    pub(crate) odd: Vec<Oddity>,
    /// The route that would get it, where it could be no other.
    pub(crate) by: Option<Arc<Route>>,
}

impl std::fmt::Display for NotTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let odd: Vec<_> = self.odd.iter().map(|odd| format!("\"{}\"", odd.as_str())).collect();
        let odd = odd.join(", ");
        match &self.by {
            Some(by) => write!(
                f,
                "`{}` ({}) would get this path, and takes it only with path_allows = [{odd}], below its own path",
                by.name,
                by.path.as_str()
            ),
            None => write!(
                f,
                "the path holds {odd}, and is not in each reading one of the same route; path_allows of a route lets it pass only where it is"
            ),
        }
    }
}

impl Routes {
    /// The route that decides about a request, and its target in the form that is forwarded.
    pub fn choose(
        &self,
        host: &str,
        method: &Method,
        target: RequestTarget<'_>,
    ) -> Result<(CanonicalTarget, &Arc<Route>), Refusal> {
        match target {
            RequestTarget::Canonical(target) => {
                let route = self.find(host, method, target.path())?;
                Ok((target.clone(), route))
            }
            // Seldom: what is plain pays nothing for it.
            RequestTarget::AsSent(target) => self.as_sent(host, method, target),
        }
    }

    fn as_sent(
        &self,
        host: &str,
        method: &Method,
        target: &str,
    ) -> Result<(CanonicalTarget, &Arc<Route>), Refusal> {
        let sent = AsSent::read(target).ok_or(Refusal::AmbiguousPath)?;
        let readings = sent.readings();
        let by = self.of_each(host, method, &readings);
        let allowed = by.filter(|route| {
            let segments = route.path.segments().len();
            route.path.covers_below()
                && sent.is_plain_up_to(segments)
                && sent.odd.iter().all(|odd| route.path_allows.contains(odd))
        });
        let Some(route) = allowed else {
            return Err(Refusal::NotTaken(Box::new(NotTaken { odd: sent.odd, by: by.cloned() })));
        };
        if route.near && !route.forward_near_misses {
            let near = readings.iter().find_map(|reading| self.near_miss(route, host, method, reading));
            if let Some(near) = near {
                return Err(Refusal::NearMiss(Box::new(near)));
            }
        }
        let target = forwarded(&sent, route).ok_or(Refusal::AmbiguousPath)?;
        // Behind two slashes some read a host (RFC 3986 §4.2).
        if route.rewrite(&target).0.starts_with("//") {
            return Err(Refusal::AmbiguousPath);
        }
        Ok((target, route))
    }

    /// The one route that every reading leads to. What could be for an endpoint of ours is nobody's.
    fn of_each(&self, host: &str, method: &Method, readings: &[String]) -> Option<&Arc<Route>> {
        let mut found: Option<&Arc<Route>> = None;
        for reading in readings {
            let route = self.by_spelling(host, method, reading).ok()?;
            let is_same = found.is_none_or(|found| Arc::ptr_eq(found, route));
            if !is_same || is_own_somehow(reading) {
                return None;
            }
            found = Some(route);
        }
        found
    }

    /// Routes that allow something below their path, and others of the same service that it could be
    /// read as and that refuse somebody.
    pub(super) fn unsafe_choices(routes: &[Route]) -> Vec<RouteFault> {
        let mut faults = Vec::new();
        for wide in routes.iter().filter(|route| !route.path_allows.is_empty()) {
            let meant = |narrow: &&Route| {
                narrow.name != wide.name
                    && narrow.refuses_beside(wide)
                    && share_a_host(wide, narrow)
                    && (lies_below(narrow, wide) || leads_inside(wide, narrow))
            };
            if let Some(narrow) = routes.iter().find(meant) {
                let (own, other) = (wide.path.as_str().to_owned(), narrow.path.as_str().to_owned());
                faults.push(RouteFault::Unsafe(wide.name.clone(), own, narrow.name.clone(), other));
            }
        }
        faults
    }
}

/// What the route names is in its canonical form, and what lies below goes on as it came.
fn forwarded(sent: &AsSent<'_>, route: &Route) -> Option<CanonicalTarget> {
    let (own, below) = route.path.split(&sent.path);
    let own = if own.is_empty() { String::new() } else { canonical(own).ok()?.path().to_owned() };
    CanonicalTarget::as_sent(&format!("{own}{below}"), sent.query)
}

/// Whether a reading is for an endpoint of ours, in some spelling.
fn is_own_somehow(reading: &str) -> bool {
    let names = reading.split('/').map(folded).filter(|name| !name.is_empty());
    // No more than two make one of ours; there can be thousands.
    let names: Vec<_> = names.take(2).collect();
    is_own(&format!("/{}", names.join("/")))
}

/// Whether a path below that of the wide route can be one of the narrow one. The same path for other
/// methods is not meant: no reading changes the method.
fn lies_below(narrow: &Route, wide: &Route) -> bool {
    let (own, theirs) = (wide.path.segments(), narrow.path.segments());
    let meet = |(one, other): (&Segment, &Segment)| match (one, other) {
        (Segment::Literal(one), Segment::Literal(other)) => folded(one) == folded(other),
        _ => true,
    };
    let is_same = own == theirs && narrow.path.covers_below();
    theirs.len() >= own.len() && own.iter().zip(theirs).all(meet) && !is_same
}
