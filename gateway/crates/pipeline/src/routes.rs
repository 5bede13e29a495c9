//! The table of routes: the most specific one, or none. Nothing is forwarded by default.
//!
//! A host by name wins over one by `*.`, and that over any host. Then the path, segment by segment
//! from the left: a literal wins over a parameter, and a parameter over the end of a prefix.
//! Then the method: a route that names it wins over one for all methods. Routes for other methods
//! of the same path are not passed over for a path that is less specific: that would be 405.
//! Last, a path that a service could take for one of a stricter route is nobody's.

mod below;
mod inside;
mod near;

use std::sync::Arc;

use foldhash::HashMap;
use http::Method;
use thiserror::Error;

use super::fold::folded;
use super::host::{HostPattern, name_of};
use super::path::as_matched;
use super::pattern::Segment;
use super::refusal::Refusal;
use super::reserved::Reserved;
use super::route::Route;
pub use below::NotTaken;
pub use near::NearMiss;
use near::chosen;

/// All routes.
#[derive(Debug, Default)]
pub struct Routes {
    all: Vec<Arc<Route>>,
    any_host: Node,
    by_name: HashMap<Box<str>, Node>,
    below_name: Labels,
    name_methods: bool,
    /// Whether a plain path can be another reading of one of theirs.
    has_odd_paths: bool,
    reserved: Reserved,
}

/// Where a host name has come to, label by label from the right: a look-up takes as long as the
/// name, however many `*.` there are.
#[derive(Debug, Default)]
struct Labels {
    left: HashMap<Box<str>, Labels>,
    /// The routes for all names below this one.
    below: Option<Node>,
}

/// Where a path has come to, segment by segment.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    /// The literals that are the same once folded.
    folded: HashMap<Box<str>, Vec<Box<str>>>,
    parameter: Option<Box<Node>>,
    /// The routes for exactly this path, told apart by method.
    here: Vec<Arc<Route>>,
    /// The routes for this path and all below it.
    below: Vec<Arc<Route>>,
}

/// The routes contradict each other or the contract.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RouteFault {
    #[error("routes `{0}` and `{1}` have the same path `{2}` (for {3}): no rule says which one wins")]
    Tie(String, String, String, String),
    #[error("route `{0}`: `{1}` belongs to the gateway itself")]
    Reserved(String, String),
    #[error(
        "route `{0}`: path_allows: a path below `{1}` could be read as one of `{3}`, where route `{2}` of the same service lets fewer pass; set path_allows on a route below whose path there is no such route"
    )]
    Unsafe(String, String, String, String),
}

/// Paths that the gateway answers itself.
const OWN_PREFIXES: [&str; 2] = ["/api/auth", "/.well-known/jwks.json"];

/// Whether the gateway itself answers this path.
pub fn is_own(path: &str) -> bool {
    OWN_PREFIXES
        .iter()
        .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether another proxy asks there for its client.
pub fn is_verify(path: &str) -> bool {
    path.strip_prefix("/api/auth/verify").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Routes {
    /// All faults at once, each naming its routes.
    pub fn new(mut routes: Vec<Route>) -> Result<Self, Vec<RouteFault>> {
        let mut faults = Self::unsafe_choices(&routes);
        Self::mark_near(&mut routes);
        Self::mark_inside(&mut routes);
        let mut table = Self {
            has_odd_paths: routes.iter().any(|route| near::is_odd(&route.path)),
            name_methods: routes.iter().any(|route| !route.methods.is_empty()),
            reserved: routes.iter().flat_map(|route| route.identity.names()).collect(),
            all: routes.into_iter().map(Arc::new).collect(),
            ..Self::default()
        };
        for route in table.all.clone() {
            if is_own(route.path.as_str()) {
                faults.push(RouteFault::Reserved(route.name.clone(), route.path.as_str().to_owned()));
            }
            for host in &route.hosts {
                if let Err(other) = table.node(host).insert(&route) {
                    let (path, host) = (route.path.as_str().to_owned(), host.to_string());
                    faults.push(RouteFault::Tie(other, route.name.clone(), path, host));
                }
            }
        }
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    /// The route that decides about a request with a canonical path.
    pub fn find(&self, host: &str, method: &Method, path: &str) -> Result<&Arc<Route>, Refusal> {
        let path = as_matched(path);
        let found = self.by_spelling(host, method, &path)?;
        if found.near && !found.forward_near_misses && !self.is_as_written(found, method, &path) {
            // So often nobody escapes anything but who hides something.
            if path.contains("%25252525") {
                return Err(Refusal::AmbiguousPath);
            }
            if let Some(near) = self.near_miss(found, host, method, &path) {
                return Err(Refusal::NearMiss(Box::new(near)));
            }
        }
        if let Some(near) = self.led_inside(found, host, method, &path) {
            return Err(Refusal::NearMiss(Box::new(near)));
        }
        Ok(found)
    }

    fn by_spelling(&self, host: &str, method: &Method, path: &str) -> Result<&Arc<Route>, Refusal> {
        // A refusal that is made beforehand has to be dropped again.
        let rest = path.strip_prefix('/').ok_or_else(|| Refusal::NoRoute)?;
        let found = self.of_host(host, rest).or_else(|| self.any_host.find(Some(rest)));
        let candidates = found.ok_or_else(|| Refusal::NoRoute)?;
        chosen(candidates, method).ok_or_else(|| Refusal::MethodNotAllowed(allowed(candidates)))
    }

    fn of_host(&self, host: &str, rest: &str) -> Option<&[Arc<Route>]> {
        if !self.name_hosts() {
            return None;
        }
        let host = name_of(host);
        let by_name = self.by_name.get(host.as_ref()).and_then(|node| node.find(Some(rest)));
        by_name.or_else(|| self.below_name.find(Some(&host), rest))
    }

    /// Whether a header of this name from a client never arrives: a name of ours, or one that some
    /// route gives to an identity header.
    pub fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// Whether the decision can depend on the host of a request.
    pub fn name_hosts(&self) -> bool {
        !(self.by_name.is_empty() && self.below_name.left.is_empty())
    }

    /// Whether the decision can depend on the method of a request.
    pub fn name_methods(&self) -> bool {
        self.name_methods
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.all.iter()
    }

    fn node(&mut self, host: &HostPattern) -> &mut Node {
        match host {
            HostPattern::Any => &mut self.any_host,
            HostPattern::Name(name) => self.by_name.entry(name.clone()).or_default(),
            HostPattern::Below(name) => {
                let labels = name
                    .rsplit('.')
                    .fold(&mut self.below_name, |labels, label| labels.left.entry(label.into()).or_default());
                labels.below.get_or_insert_default()
            }
        }
    }
}

impl Labels {
    /// The longest name wins, of those that have the path. `left` is what is left of the host; a
    /// name is not below itself.
    fn find(&self, left: Option<&str>, rest: &str) -> Option<&[Arc<Route>]> {
        let left = left?;
        let (left, label) = match left.rsplit_once('.') {
            Some((left, label)) => (Some(left), label),
            None => (None, left),
        };
        let longer = self.left.get(label).and_then(|labels| labels.find(left, rest));
        longer.or_else(|| self.below.as_ref()?.find(Some(rest)))
    }
}

impl Node {
    /// `Err` names the route that is there already.
    fn insert(&mut self, route: &Arc<Route>) -> Result<(), String> {
        let node = route.path.segments().iter().fold(self, |node, segment| match segment {
            Segment::Literal(text) => {
                if !node.literals.contains_key(text) {
                    node.folded.entry(folded(text).into()).or_default().push(text.clone());
                }
                node.literals.entry(text.clone()).or_default()
            }
            Segment::Parameter => node.parameter.get_or_insert_default(),
        });
        let list = if route.path.covers_below() { &mut node.below } else { &mut node.here };
        if let Some(other) = list.iter().find(|other| other.shares_a_method(route)) {
            return Err(other.name.clone());
        }
        list.push(Arc::clone(route));
        Ok(())
    }

    /// `rest` is what is left of the path, without its leading slash.
    fn find(&self, rest: Option<&str>) -> Option<&[Arc<Route>]> {
        let below = || (!self.below.is_empty()).then_some(self.below.as_slice());
        let Some(rest) = rest else {
            return if self.here.is_empty() { below() } else { Some(&self.here) };
        };
        // Short, as segments are: to call for help would take longer.
        let slash = rest.bytes().position(|byte| byte == b'/');
        let (segment, behind) = rest.split_at_checked(slash.unwrap_or(rest.len())).unwrap_or((rest, ""));
        let rest = behind.strip_prefix('/');
        let literal = self.literals.get(segment).and_then(|node| node.find(rest));
        let parameter = || self.parameter.as_ref().filter(|_| !segment.is_empty())?.find(rest);
        literal.or_else(parameter).or_else(below)
    }
}

/// The value of `Allow` (RFC 9110 §10.2.1).
fn allowed(candidates: &[Arc<Route>]) -> String {
    let mut methods: Vec<&str> =
        candidates.iter().flat_map(|route| &route.methods).map(Method::as_str).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.dedup();
    methods.join(", ")
}

#[cfg(test)]
mod tests;
