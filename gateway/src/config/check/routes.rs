//! Upstreams and routes.

use std::sync::Arc;
use std::time::Duration;

use super::Checker;
use crate::config::file::{Auth, File, RouteEntry, UpstreamEntry};
use crate::config::suggest::hint;
use crate::identity::{Role, UserId};
use crate::limits::Limiter;
use crate::pipeline::{Access, Route, Routes, Target, Timeouts, Upstream, UserLimit};

impl Checker {
    pub(super) fn routes(&mut self, file: &File, keys_max: usize) -> Option<Routes> {
        let upstreams: Vec<_> = file.upstreams.iter().filter_map(|entry| self.upstream(entry)).collect();
        for (index, upstream) in upstreams.iter().enumerate() {
            if upstreams[..index].iter().any(|other| other.name == upstream.name) {
                self.fault(format!("upstreams: the name `{}` occurs twice", upstream.name));
            }
        }
        let mut routes = Vec::new();
        for (index, entry) in file.routes.iter().enumerate() {
            if file.routes[..index].iter().any(|other| other.name == entry.name) {
                self.fault(format!("routes: the name `{}` occurs twice", entry.name));
            }
            routes.extend(self.route(entry, &upstreams, keys_max));
        }
        match Routes::new(routes) {
            Ok(routes) => Some(routes),
            Err(faults) => {
                self.faults.extend(faults.iter().map(ToString::to_string));
                None
            }
        }
    }

    fn upstream(&mut self, entry: &UpstreamEntry) -> Option<Arc<Upstream>> {
        let name = &entry.name;
        let target = match entry.address.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Some(Target::Unix(path.into())),
            _ => entry.address.parse().ok().map(Target::Tcp),
        };
        let times =
            [entry.connect_timeout_ms, entry.read_timeout_ms, entry.write_timeout_ms, entry.idle_timeout_ms];
        if times.contains(&0) {
            self.fault(format!("upstream `{name}`: a timeout of 0 ms would refuse every request"));
        }
        let Some(target) = target else {
            self.fault(format!("upstream `{name}`: address \"{}\" is neither an address and port (\"127.0.0.1:8081\") nor a socket (\"unix:/run/app.sock\")", entry.address));
            return None;
        };
        let [connect, read, write, idle] = times.map(Duration::from_millis);
        Some(Arc::new(Upstream {
            name: name.clone(),
            target,
            timeouts: Timeouts { connect, read, write, idle },
        }))
    }

    fn route(&mut self, entry: &RouteEntry, upstreams: &[Arc<Upstream>], keys_max: usize) -> Option<Route> {
        let name = &entry.name;
        let mut roles = Vec::new();
        for role in &entry.roles {
            match role.as_str() {
                "user" => roles.push(Role::User),
                "admin" => roles.push(Role::Admin),
                _ => self.fault(format!("route `{name}`: \"{role}\" is no role; there are: user, admin")),
            }
        }
        if !roles.is_empty() && entry.auth != Auth::Required {
            self.fault(format!("route `{name}`: roles need auth = \"required\""));
        }
        let user_limit = entry.user_limit.as_ref().map(|limit| {
            let policy = self.policy(&format!("route `{name}`: user_limit"), "user", limit);
            UserLimit(policy.map(|policy| Arc::new(Limiter::<UserId>::new(policy, keys_max))))
        });
        let upstream = upstreams.iter().find(|upstream| upstream.name == entry.upstream);
        let Some(upstream) = upstream else {
            let hint = hint(&entry.upstream, upstreams.iter().map(|upstream| upstream.name.as_str()));
            self.fault(format!("route `{name}`: there is no upstream `{}`{hint}", entry.upstream));
            return None;
        };
        Some(Route {
            name: name.clone(),
            prefix: entry.path.clone(),
            access: match entry.auth {
                Auth::Public => Access::Public,
                Auth::Optional => Access::Optional,
                Auth::Required => Access::Required(roles),
            },
            upstream: Arc::clone(upstream),
            user_limit,
            forward_authorization: entry.forward_authorization,
            body_bytes_max: entry.body_bytes_max,
        })
    }
}
