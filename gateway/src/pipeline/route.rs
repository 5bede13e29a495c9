//! Routing: the most specific route by whole path segments, or none. Nothing is forwarded by default.

use std::sync::Arc;

use thiserror::Error;

use super::forward::Upstream;
use super::path::CanonicalTarget;
use super::rate_limit::UserLimit;
use super::refusal::Refusal;
use crate::identity::Role;

/// Who may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody; a token is not looked at, and no identity is forwarded.
    Public,
    /// Anybody; who sends a good token is made known to the upstream, a bad one is refused.
    Optional,
    /// A good token, and one of these roles where any is named.
    Required(Vec<Role>),
}

/// A part of the path space, who may enter it, and what lies behind it.
#[derive(Debug)]
pub struct Route {
    /// A closed set of names for logs and metrics.
    pub name: String,
    /// Matches this path, and everything below it.
    pub prefix: String,
    pub access: Access,
    pub upstream: Arc<Upstream>,
    /// In place of the limit for all routes.
    pub user_limit: Option<UserLimit>,
    /// Whether the upstream gets the `Authorization` header that we consumed.
    pub forward_authorization: bool,
    /// Largest request body, in bytes.
    pub body_bytes_max: u64,
}

impl Route {
    pub fn access(&self) -> &Access {
        &self.access
    }

    fn covers(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.prefix.trim_end_matches('/'));
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// All routes, longest prefix first.
#[derive(Debug, Default)]
pub struct Routes(Vec<Arc<Route>>);

/// The routes contradict each other or the contract.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RouteFault {
    #[error("routes `{0}` and `{1}` have the same path `{2}`: no rule says which one wins")]
    Tie(String, String, String),
    #[error(
        "route `{0}`: the path `{1}` is not in canonical form (no `..`, `//`, `;`, or escapes of plain characters)"
    )]
    NotCanonical(String, String),
    #[error("route `{0}`: `{1}` belongs to the gateway itself")]
    Reserved(String, String),
}

/// Paths that the gateway answers itself.
const OWN_PREFIXES: [&str; 2] = ["/api/auth", "/.well-known/jwks.json"];

/// Whether the gateway itself answers this path.
pub fn is_own(path: &str) -> bool {
    OWN_PREFIXES
        .iter()
        .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

impl Routes {
    /// All faults at once, each naming its route.
    pub fn new(routes: Vec<Route>) -> Result<Self, Vec<RouteFault>> {
        let mut faults = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let (name, path) = (route.name.clone(), route.prefix.clone());
            let same =
                |other: &&Route| other.prefix.trim_end_matches('/') == route.prefix.trim_end_matches('/');
            if !super::canonical(&route.prefix).is_ok_and(|own| own.as_str() == route.prefix) {
                faults.push(RouteFault::NotCanonical(name, path));
            } else if is_own(&route.prefix) {
                faults.push(RouteFault::Reserved(name, path));
            } else if let Some(other) = routes[..index].iter().find(same) {
                faults.push(RouteFault::Tie(other.name.clone(), name, path));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut routes: Vec<_> = routes.into_iter().map(Arc::new).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.trim_end_matches('/').len()));
        Ok(Self(routes))
    }

    pub fn find(&self, target: &CanonicalTarget) -> Result<&Arc<Route>, Refusal> {
        let path = target.path();
        self.0.iter().find(|route| route.covers(path)).ok_or(Refusal::NoRoute)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Timeouts, canonical};

    fn route(name: &str, prefix: &str) -> Route {
        Route {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            access: Access::Public,
            upstream: Arc::new(Upstream::unix("up", "/nowhere", Timeouts::default())),
            user_limit: None,
            forward_authorization: false,
            body_bytes_max: 0,
        }
    }

    fn found(routes: &Routes, path: &str) -> Option<String> {
        let target = canonical(path).unwrap();
        routes.find(&target).ok().map(|route| route.name.clone())
    }

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        let routes = Routes::new(vec![
            route("todos", "/api/todos"),
            route("api", "/api/"),
            route("admin", "/api/todos/admin"),
        ])
        .unwrap();
        assert_eq!(found(&routes, "/api/todos").as_deref(), Some("todos"));
        assert_eq!(found(&routes, "/api/todos/7?x=1").as_deref(), Some("todos"));
        assert_eq!(found(&routes, "/api/todosx").as_deref(), Some("api"));
        assert_eq!(found(&routes, "/api/todos/admin/x").as_deref(), Some("admin"));
        assert_eq!(found(&routes, "/apix"), None);
        assert_eq!(found(&routes, "/"), None);
        assert_eq!(found(&routes, "/API/todos"), None);
    }

    #[test]
    fn routes_that_tie_are_an_error_that_names_both() {
        let faults = Routes::new(vec![route("a", "/x"), route("b", "/x/")]).unwrap_err();
        assert_eq!(faults, [RouteFault::Tie("a".into(), "b".into(), "/x/".into())]);
    }

    #[test]
    fn paths_of_the_gateway_and_ambiguous_paths_cannot_be_routes() {
        for path in ["/api/auth", "/api/auth/login", "/.well-known/jwks.json"] {
            let faults = Routes::new(vec![route("a", path)]).unwrap_err();
            assert!(matches!(faults[..], [RouteFault::Reserved(..)]), "{path}");
        }
        for path in ["x", "/a/../b", "/%61", ""] {
            let faults = Routes::new(vec![route("a", path)]).unwrap_err();
            assert!(matches!(faults[..], [RouteFault::NotCanonical(..)]), "{path}");
        }
    }
}
