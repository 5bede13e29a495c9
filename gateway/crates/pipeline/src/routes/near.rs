//! Near misses: requests that a route gets, and that its service could read as those of a stricter one.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::Method;

use super::{Labels, Node, Routes};
use crate::fold::{cleaned, folded, is_plain};
use crate::host::{HostPattern, name_of};
use crate::pattern::{PathPattern, Segment};
use crate::{DecisionTrace, Denied, Refusal, Route};

/// A request that one route gets, and that could be one of another, which is stricter.
#[derive(Clone, Debug)]
pub struct NearMiss {
    pub by: Arc<Route>,
    pub of: Arc<Route>,
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, of, path) = (&self.by.name, &self.of.name, self.of.path.as_str());
        write!(
            f,
            "`{by}` gets this request, and its service could read it as one of `{of}` (`{path}`), which is stricter; near_miss = \"forward\" of `{by}` lets it pass"
        )
    }
}

impl Refusal {
    /// With the route, where there was one that would have been taken.
    pub fn before_a_route(self, trace: &mut DecisionTrace) -> Denied {
        let by = match &self {
            Self::NearMiss(near) => {
                trace.reason("route", || near.to_string());
                Some(Arc::clone(&near.by))
            }
            Self::NotTaken(not_taken) => {
                trace.reason("route", || not_taken.to_string());
                not_taken.by.clone()
            }
            _ => None,
        };
        Denied { refusal: self, route: by }
    }
}

/// A segment of a path, as it is and as the loosest reader has it.
struct Read<'a> {
    raw: &'a str,
    folded: Cow<'a, str>,
}

impl Routes {
    /// Tells each route whether its service has a stricter one under the same host: only there it is
    /// looked for, request by request. Where the two paths lie does not matter: whoever undoes `..`
    /// behind us comes from anywhere to anywhere.
    pub(super) fn mark_near(routes: &mut [Route]) {
        let near = |wide: &Route| {
            routes.iter().any(|narrow| narrow.refuses_beside(wide) && share_a_host(wide, narrow))
        };
        let near: Vec<bool> = routes.iter().map(near).collect();
        routes.iter_mut().zip(near).for_each(|(route, near)| route.near = near);
    }

    /// Whether nobody could read anything else in this request, or its very path was written down.
    pub(super) fn is_as_written(&self, found: &Route, method: &Method, path: &str) -> bool {
        let is_plain = !self.has_odd_paths && is_plain(path);
        (is_plain || found.path.is_literally(path)) && !has_small(method)
    }

    /// A stricter route whose path, or whose method, a service could read in this request, which
    /// `found` gets.
    pub(super) fn near_miss(
        &self,
        found: &Arc<Route>,
        host: &str,
        method: &Method,
        path: &str,
    ) -> Option<NearMiss> {
        let capital = in_capitals(method);
        let as_is: Vec<_> = path.split('/').skip(1).map(|raw| Read { raw, folded: folded(raw) }).collect();
        let nodes = self.nodes(host);
        let mut stricter = None;
        let mut look = |read: &[&Read<'_>]| {
            let mut visit = |candidates: &[Arc<Route>]| {
                let methods = [Some(method), capital.as_ref()].into_iter().flatten();
                stricter = stricter.take().or_else(|| {
                    methods.filter_map(|method| refusing(candidates, found, method)).next().cloned()
                });
            };
            nodes.iter().all(|node| node.walk(read, &mut visit));
        };
        let end = Read { raw: "", folded: Cow::Borrowed("") };
        let mut read: Vec<_> = as_is.iter().collect();
        look(&read);
        // Without what vanishes at the end, and anywhere (a blank segment).
        while read.pop_if(|segment| segment.folded.is_empty()).is_some() {}
        let without_end = read.len();
        if (1..as_is.len()).contains(&without_end) {
            look(&read);
        }
        read.retain(|segment| !segment.folded.is_empty());
        if (1..without_end).contains(&read.len()) {
            look(&read);
        }
        // With a slash at the end.
        read.push(&end);
        look(&read);
        if let Some(cleaned) = cleaned(path) {
            let read = |text| Read { raw: text, folded: Cow::Borrowed(text) };
            let segments: Vec<_> = cleaned.iter().map(|text| read(text.as_str())).collect();
            let mut read: Vec<_> = segments.iter().collect();
            look(&read);
            read.push(&end);
            look(&read);
        }
        stricter.map(|of| NearMiss { by: Arc::clone(found), of })
    }

    /// All near misses that there can be, each pair once, as far as an example of each path shows.
    pub fn near_misses(&self) -> Vec<NearMiss> {
        let mut all: Vec<NearMiss> = Vec::new();
        for narrow in &self.all {
            let host = narrow.hosts.first().map_or_else(String::new, example_of_host);
            let method = narrow.methods.first().unwrap_or(&Method::GET);
            for path in examples(&narrow.path) {
                let Ok(by) = self.by_spelling(&host, method, &path) else { continue };
                if self.is_as_written(by, method, &path) {
                    continue;
                }
                let Some(near) = self.near_miss(by, &host, method, &path) else { continue };
                if !all.iter().any(|known| known.by.name == near.by.name && known.of.name == near.of.name) {
                    all.push(near);
                }
            }
        }
        all
    }

    /// Where the path is looked for, in this order.
    fn nodes(&self, host: &str) -> Vec<&Node> {
        let host = name_of(host);
        let mut nodes: Vec<_> = self.by_name.get(host.as_ref()).into_iter().collect();
        self.below_name.nodes(Some(&host), &mut nodes);
        nodes.push(&self.any_host);
        nodes
    }
}

/// The one of these that would refuse what `found` lets pass.
fn refusing<'a>(candidates: &'a [Arc<Route>], found: &Route, method: &Method) -> Option<&'a Arc<Route>> {
    match chosen(candidates, method) {
        Some(route) => Some(route).filter(|route| route.is_stricter_than(found)),
        // None for this method: somebody wrote down that the path is not for it.
        None => candidates.iter().find(|route| route.is_for_service_of(found)),
    }
}

/// The method in capitals, where it is not: RFC 9110 §9.1 tells them apart, and some frameworks do not.
pub(super) fn in_capitals(method: &Method) -> Option<Method> {
    let capitals = || Method::from_bytes(method.as_str().to_ascii_uppercase().as_bytes()).ok();
    has_small(method).then(capitals)?
}

fn has_small(method: &Method) -> bool {
    method.as_str().bytes().any(|byte| byte.is_ascii_lowercase())
}

pub(super) fn chosen<'a>(candidates: &'a [Arc<Route>], method: &Method) -> Option<&'a Arc<Route>> {
    let named = candidates.iter().find(|route| route.names_method(method));
    named.or_else(|| candidates.iter().find(|route| route.methods.is_empty()))
}

impl Labels {
    /// As `find` goes: the longest name first.
    fn nodes<'a>(&'a self, left: Option<&str>, nodes: &mut Vec<&'a Node>) {
        let Some(left) = left else { return };
        let (left, label) = match left.rsplit_once('.') {
            Some((left, label)) => (Some(left), label),
            None => (None, left),
        };
        if let Some(longer) = self.left.get(label) {
            longer.nodes(left, nodes);
        }
        nodes.extend(&self.below);
    }
}

impl Node {
    /// Shows all that the path could lead to, in one reading of it or another: each segment is what
    /// it is, or a literal that is the same once folded. A segment that is a literal is nothing else.
    /// Whether some reading leads nowhere here.
    fn walk(&self, left: &[&Read<'_>], visit: &mut impl FnMut(&[Arc<Route>])) -> bool {
        let Some((segment, left)) = left.split_first() else {
            let candidates = if self.here.is_empty() { &self.below } else { &self.here };
            if candidates.is_empty() {
                return true;
            }
            visit(candidates);
            return false;
        };
        let mut is_open = true;
        if let Some(node) = self.literals.get(segment.raw) {
            is_open = node.walk(left, visit);
        }
        if is_open {
            for text in self.folded.get(&*segment.folded).into_iter().flatten() {
                if let Some(node) = self.literals.get(text) {
                    node.walk(left, visit);
                }
            }
        }
        if let Some(parameter) = self.parameter.as_ref().filter(|_| is_open && !segment.raw.is_empty()) {
            is_open = parameter.walk(left, visit);
        }
        if is_open && !self.below.is_empty() {
            visit(&self.below);
            is_open = false;
        }
        is_open
    }
}

pub(super) fn share_a_host(one: &Route, other: &Route) -> bool {
    use HostPattern::{Any, Below, Name};
    let is_below = |name: &str, above: &str| name.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'));
    let meet = |one: &HostPattern, other: &HostPattern| match (one, other) {
        (Any, _) | (_, Any) => true,
        (Name(one), Name(other)) => one == other,
        (Name(name), Below(above)) | (Below(above), Name(name)) => is_below(name, above),
        (Below(one), Below(other)) => one == other || is_below(one, other) || is_below(other, one),
    };
    one.hosts.iter().any(|host| other.hosts.iter().any(|theirs| meet(host, theirs)))
}

/// Whether a path of a route is not as the loosest reader has it, so that a plain path can be another
/// reading of it.
pub(super) fn is_odd(path: &PathPattern) -> bool {
    path.segments().iter().any(
        |segment| matches!(segment, Segment::Literal(text) if *folded(text) != **text || text.is_empty()),
    )
}

/// Other spellings of a path: each of its literals with a dot, and the whole with a slash.
fn examples(path: &PathPattern) -> Vec<String> {
    let text = |odd: usize| {
        let segment = |(index, segment): (usize, &Segment)| match segment {
            Segment::Literal(text) if index == odd => format!("/{text}."),
            Segment::Literal(text) => format!("/{text}"),
            Segment::Parameter => "/x".to_owned(),
        };
        path.segments().iter().enumerate().map(segment).collect::<String>()
    };
    let mut examples: Vec<_> = (0..path.segments().len()).map(text).collect();
    examples.push(text(usize::MAX) + "/");
    examples
}

fn example_of_host(host: &HostPattern) -> String {
    match host {
        HostPattern::Any => String::new(),
        HostPattern::Name(name) => name.to_string(),
        HostPattern::Below(name) => format!("x.{name}"),
    }
}
