//! Paths as services have them: a prefix that is replaced can lead into what another route of the same
//! service protects, and a folder holds what lies below it. Not said here is how a path is read.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;

use super::near::{in_capitals, share_a_host};
use super::{NearMiss, Routes};
use crate::fold::{cleaned, folded};
use crate::host::name_of;
use crate::pattern::{PathPattern, Segment};
use crate::{HostPattern, Route};

impl Route {
    /// Its paths as its service sees them.
    fn inner(&self) -> Cow<'_, PathPattern> {
        let pattern = |replacement: &str| match (replacement.trim_end_matches('/'), self.path.covers_below())
        {
            ("", true) => PathPattern::prefix("/").ok(),
            ("", false) => PathPattern::exact("/").ok(),
            (text, true) => PathPattern::prefix(text).ok(),
            (text, false) => PathPattern::exact(text).ok(),
        };
        let replaced = self.replace_prefix.as_deref().and_then(pattern);
        replaced.map_or(Cow::Borrowed(&self.path), Cow::Owned)
    }

    /// A path of this route as its service sees it.
    fn inner_path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let Some(replacement) = &self.replace_prefix else { return Cow::Borrowed(path) };
        Cow::Owned(format!("{}{}", replacement.trim_end_matches('/'), self.path.split(path).1))
    }

    fn is_for_host(&self, host: &str) -> bool {
        let name = name_of(host);
        self.hosts.iter().any(|host: &HostPattern| host.fits(&name))
    }

    fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.names_method(method)
    }
}

/// A path as the loosest reader has it: its segments, folded, without those that vanish.
struct Loose<'a>(Vec<Cow<'a, str>>);

impl<'a> Loose<'a> {
    /// As it stands, and as who undoes its escapes before cleaning it has it.
    fn readings(path: &'a str) -> Vec<Self> {
        let as_is = path.split('/').map(folded).filter(|segment| !segment.is_empty()).collect();
        let cleaned = cleaned(path).map(|segments| Self(segments.into_iter().map(Cow::Owned).collect()));
        [Self(as_is)].into_iter().chain(cleaned).collect()
    }

    /// Whether the pattern has this path.
    fn is_of(&self, pattern: &PathPattern) -> bool {
        let own = segments(pattern);
        let fits = if pattern.covers_below() { own.len() <= self.0.len() } else { own.len() == self.0.len() };
        fits && self.meets(&own)
    }

    /// Whether the pattern has paths below this one. What it has at this very path is not meant.
    fn is_above(&self, pattern: &PathPattern) -> bool {
        let own = segments(pattern);
        own.len() > self.0.len() && self.meets(&own)
    }

    /// Whether the pattern has this path and all below it.
    fn is_all_of(&self, pattern: &PathPattern) -> bool {
        let own = segments(pattern);
        pattern.covers_below() && own.len() == self.0.len() && self.meets(&own)
    }

    fn meets(&self, own: &[&Segment]) -> bool {
        self.0.iter().zip(own).all(|(read, segment)| match segment {
            Segment::Literal(text) => folded(text) == *read,
            Segment::Parameter => true,
        })
    }
}

impl Routes {
    /// Tells each route which stricter ones lie below what its prefix becomes.
    pub(super) fn mark_inside(routes: &mut [Route]) {
        let inside = |wide: &Route| {
            let meant = |(_, narrow): &(usize, &Route)| leads_inside(wide, narrow);
            routes.iter().enumerate().filter(meant).map(|(place, _)| place).collect()
        };
        let inside: Vec<Vec<usize>> = routes.iter().map(inside).collect();
        routes.iter_mut().zip(inside).for_each(|(route, inside)| route.leads_into = inside);
    }

    /// The stricter routes that a route could lead into, as the table has them.
    pub fn inside<'a>(&'a self, wide: &'a Route) -> impl Iterator<Item = &'a Arc<Route>> {
        wide.leads_into.iter().filter_map(|place| self.all.get(*place))
    }

    /// The routes that would refuse what `own` lets pass, under one of these hosts and below this path.
    pub(crate) fn guarded_below(&self, own: &Route, hosts: &[&str], path: &str) -> Vec<&Arc<Route>> {
        let inner = own.inner_path(path);
        let mut readings = Loose::readings(&inner);
        // A destination is left as it is where `rewrite_urls` is off.
        if own.replace_prefix.is_some() {
            readings.extend(Loose::readings(path));
        }
        let is_below = |other: &Route| {
            let pattern = other.inner();
            // A route for the folder alone has another one for what is in it.
            let is_alone = !own.path.covers_below();
            readings.iter().any(|read| read.is_above(&pattern) || (is_alone && read.is_all_of(&pattern)))
        };
        let guards = |other: &&Arc<Route>| {
            let is_met = hosts.iter().any(|host| other.is_for_host(host));
            is_met && !other.shadow && other.refuses_beside(own) && is_below(other)
        };
        self.all.iter().filter(guards).collect()
    }

    /// A stricter route whose path the service sees in this request, which `found` gets.
    pub(super) fn led_inside(
        &self,
        found: &Arc<Route>,
        host: &str,
        method: &Method,
        path: &str,
    ) -> Option<NearMiss> {
        if found.leads_into.is_empty() || found.forward_near_misses {
            return None;
        }
        let path = found.inner_path(path);
        let readings = Loose::readings(&path);
        let capital = in_capitals(method);
        let mut methods = [Some(method), capital.as_ref()].into_iter().flatten();
        let is_met = |narrow: &&Arc<Route>| {
            let pattern = narrow.inner();
            narrow.is_for_host(host) && readings.iter().any(|reading| reading.is_of(&pattern))
        };
        let met: Vec<_> = self.inside(found).filter(is_met).collect();
        let of = methods.find_map(|method| met.iter().find(|narrow| self.refuses(narrow, found, method)))?;
        Some(NearMiss { by: Arc::clone(found), of: Arc::clone(of) })
    }

    /// Whether a route that lies below would refuse what `found` lets pass, by this method.
    fn refuses(&self, narrow: &Route, found: &Route, method: &Method) -> bool {
        let is_same_path = |other: &Route| {
            let (one, other) = (narrow.inner(), other.inner());
            one.segments() == other.segments() && one.covers_below() == other.covers_below()
        };
        let has_other = || {
            let takes = |other: &&Arc<Route>| other.is_for_service_of(narrow) && other.takes(method);
            self.all.iter().filter(takes).any(|other| is_same_path(other))
        };
        if narrow.takes(method) { narrow.is_stricter_than(found) } else { !has_other() }
    }
}

/// Whether a prefix is replaced so that a service can see, in a path of the wide route, one of the narrow
/// one. Who writes that very path into `replace_prefix` means it.
pub(super) fn leads_inside(wide: &Route, narrow: &Route) -> bool {
    // Where the narrow one's path is another one for its service, its methods are about that other path.
    let refuses = match &narrow.replace_prefix {
        Some(_) => narrow.is_stricter_than(wide),
        None => wide.replace_prefix.is_some() && narrow.refuses_beside(wide),
    };
    refuses && share_a_host(wide, narrow) && lies_inside(&narrow.inner(), &wide.inner())
}

fn lies_inside(narrow: &PathPattern, wide: &PathPattern) -> bool {
    let (own, theirs) = (segments(wide), segments(narrow));
    let meet = |(one, other): (&&Segment, &&Segment)| match (one, other) {
        (Segment::Literal(one), Segment::Literal(other)) => folded(one) == folded(other),
        _ => true,
    };
    wide.covers_below() && theirs.len() > own.len() && own.iter().zip(&theirs).all(meet)
}

/// Without one that is there for a slash at the end.
fn segments(pattern: &PathPattern) -> Vec<&Segment> {
    let is_one = |segment: &&Segment| !matches!(segment, Segment::Literal(text) if text.is_empty());
    pattern.segments().iter().filter(is_one).collect()
}
