//! Routes: which requests they are for, who may pass, and how they are handed on.

mod certificates;
mod cors;
mod credentials;
mod expect;
mod headers;
mod meant;
mod near;
mod networks;
mod path_allows;

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::Checker;
use crate::file::{Assertion, Auth, File, Match, NearMiss, RouteEntry};
use crate::suggest::hint;
use gateway_identity::{IssuerName, RoleName};
use gateway_pipeline::{
    Access, AddressLimit, ClaimRule, HostPattern, PathPattern, Requires, Route, Routes, Upstream, UserLimit,
    canonical, is_foreign,
};

/// Room for any URL that is one, and none for filling the head of each refusal.
const REALM_BYTES_MAX: usize = 512;

impl Checker<'_> {
    pub(super) fn routes(
        &mut self,
        file: &File,
        upstreams: &[Arc<Upstream>],
        keys_max: usize,
    ) -> Option<Routes> {
        let mut routes = Vec::new();
        let issuers = issuer_names(file);
        let unnamed = file.issuers.iter().find(|entry| entry.without_iss).map(|entry| entry.name.as_str());
        for (index, entry) in file.routes.iter().enumerate() {
            if file.routes.iter().take(index).any(|other| other.name == entry.name) {
                self.fault(format!("routes: the name `{}` occurs twice", entry.name));
            }
            if ["gateway", "none"].contains(&entry.name.as_str()) {
                self.fault(format!(
                    "routes: the name `{}` cannot be used; metrics call our own endpoints `gateway`, and what has no route `none`",
                    entry.name
                ));
            }
            routes.extend(self.route(entry, file, upstreams, &issuers, unnamed, keys_max));
        }
        match Routes::new(routes) {
            Ok(routes) => {
                self.near_misses(&routes);
                Some(routes)
            }
            Err(faults) => {
                self.faults.extend(faults.iter().map(ToString::to_string));
                None
            }
        }
    }

    fn route(
        &mut self,
        entry: &RouteEntry,
        file: &File,
        upstreams: &[Arc<Upstream>],
        issuers: &[&str],
        unnamed: Option<&str>,
        keys_max: usize,
    ) -> Option<Route> {
        let name = &entry.name;
        let upstream = upstreams.iter().find(|upstream| upstream.name == entry.upstream);
        // One that is wrong itself was complained of already.
        let is_known = file.upstreams.iter().any(|one| one.name == entry.upstream);
        if upstream.is_none() && !is_known && !self.unread.contains(&"upstreams") {
            let hint = hint(&entry.upstream, upstreams.iter().map(|upstream| upstream.name.as_str()));
            self.fault(format!("route `{name}`: there is no upstream `{}`{hint}", entry.upstream));
        }
        let path = match entry.r#match {
            Match::Prefix => PathPattern::prefix(&entry.path),
            Match::Exact => PathPattern::exact(&entry.path),
        };
        let path = path
            .map_err(|fault| {
                let meant = meant::meant(&entry.path);
                self.fault(format!("route `{name}`: the path `{}` {fault}{meant}", entry.path));
            })
            .ok();
        let requires = self.requires(entry, issuers.len() > 1);
        if entry.auth == Auth::Public && !entry.issuers.is_empty() {
            self.fault(format!("route `{name}`: issuers needs auth = \"required\" or \"optional\""));
        }
        let place = format!("route `{name}`: issuers");
        let accepted = match (unnamed, entry.issuers.is_empty()) {
            // Tokens that name no issuer are accepted only where theirs is named.
            (Some(unnamed), true) => {
                issuers.iter().filter(|name| **name != unnamed).map(|name| (*name).into()).collect()
            }
            _ => entry.issuers.iter().filter_map(|text| self.known_issuer(&place, text, issuers)).collect(),
        };
        let user_limit = entry.user_limit.as_ref().map(|limit| {
            let policy = self.policy(&format!("route `{name}`: user_limit"), "user", limit);
            UserLimit(policy.map(|policy| self.limiters.users.limiter(&in_book(name), policy, keys_max)))
        });
        let address_limit = entry.address_limit.as_ref().map(|limit| {
            let policy = self.policy(&format!("route `{name}`: address_limit"), "address", limit);
            AddressLimit(policy.map(|policy| self.limiters.address_limiter(&in_book(name), policy, keys_max)))
        });
        if entry.body_idle_timeout_ms == 0
            || [entry.read_timeout_ms, entry.write_timeout_ms].contains(&Some(0))
        {
            self.fault(format!("route `{name}`: a timeout of 0 ms would refuse every request"));
        }
        if entry.websocket_token && !entry.websocket {
            self.fault(format!("route `{name}`: websocket_token says nothing without websocket = true"));
        }
        if entry.auth == Auth::Public
            && entry.hosts.is_empty()
            && upstream.is_some_and(|one| one.host.is_some())
        {
            self.warnings.push(format!(
                "route `{name}`: upstream `{}` sees a host of its own whatever the client asked for, so that it cannot refuse foreign ones; name yours in hosts",
                entry.upstream
            ));
        }
        if entry.shadow {
            self.warnings.push(format!(
                "route `{name}`: shadow = true: what would be refused passes, and is only logged and counted"
            ));
        }
        let networks = self.networks_of(entry);
        let credentials = self.credentials(entry, file.cookies.enabled);
        self.issuers_fit(entry, credentials, file);
        let assertion = self.assertion(entry);
        let (hosts, methods) = (self.hosts(entry), self.methods(entry));
        let replace_prefix = self.replacement(entry);
        let identity = self.identity_headers(entry);
        let request_headers = self.header_rules(name, "request_headers", &entry.request_headers);
        let response_headers = self.header_rules(name, "response_headers", &entry.response_headers);
        let cors = entry
            .cors
            .as_ref()
            .and_then(|cors| self.cors(&format!("route `{name}`: cors"), cors))
            .map(Arc::new);
        Some(Route {
            hosts,
            methods,
            access: match entry.auth {
                Auth::Public => Access::Public,
                Auth::Optional => Access::Optional,
                Auth::Required => Access::Required(requires),
            },
            networks,
            issuers: accepted,
            user_limit,
            address_limit,
            body_bytes_max: entry.body_bytes_max.unwrap_or(file.limits.body_bytes_max),
            body_idle: Duration::from_millis(entry.body_idle_timeout_ms),
            body_rate_min: entry.body_rate_min,
            read_timeout: entry.read_timeout_ms.map(Duration::from_millis),
            write_timeout: entry.write_timeout_ms.map(Duration::from_millis),
            replace_prefix,
            rewrite_urls: entry.rewrite_urls,
            request_headers,
            response_headers,
            identity,
            assertion,
            cors,
            websocket: entry.websocket,
            sources: credentials.sources(entry, file.cookies.enabled),
            certificate: credentials.certificate,
            realm: self.realm(entry),
            on_expiry: entry.on_expiry,
            shadow: entry.shadow,
            forward_near_misses: entry.near_miss == NearMiss::Forward,
            path_allows: self.path_allows(entry),
            ..Route::new(name, path?, Arc::clone(upstream?))
        })
    }

    /// The name of an issuer, or of the gateway itself.
    fn known_issuer(&mut self, place: &str, text: &str, issuers: &[&str]) -> Option<Box<str>> {
        if !issuers.contains(&text) && !self.unread.contains(&"issuers") {
            let hint = hint(text, issuers.iter().copied());
            self.fault(format!("{place}: there is no issuer `{text}`{hint}"));
            return None;
        }
        Some(text.into())
    }

    /// Where there are other issuers, roles are theirs to name.
    fn requires(&mut self, entry: &RouteEntry, others: bool) -> Requires {
        let (name, others) = (&entry.name, others || self.unread.contains(&"issuers"));
        for role in entry.roles.iter().chain(&entry.all_roles) {
            if !["user", "admin"].contains(&role.as_str()) && !others {
                self.fault(format!("route `{name}`: \"{role}\" is no role; there are: user, admin"));
            }
            if RoleName::parse(role).is_none() {
                self.fault(format!("route `{name}`: \"{role}\" is no role that anybody can have"));
            }
        }
        for claim in &entry.claims {
            if claim.name.is_empty() || (claim.any_of.is_empty() && claim.all_of.is_empty()) {
                self.fault(format!("route `{name}`: each of claims needs a name, and any_of or all_of"));
            }
        }
        let some = !(entry.roles.is_empty() && entry.all_roles.is_empty() && entry.claims.is_empty());
        if some && entry.auth != Auth::Required {
            self.fault(format!("route `{name}`: roles and claims need auth = \"required\""));
        }
        let words = |words: &[String]| words.iter().map(|word| word.as_str().into()).collect();
        let claims = entry.claims.iter().map(|claim| ClaimRule {
            name: claim.name.as_str().into(),
            any_of: words(&claim.any_of),
            all_of: words(&claim.all_of),
        });
        Requires {
            any_role: words(&entry.roles),
            all_roles: words(&entry.all_roles),
            claims: claims.collect(),
        }
    }

    /// A quoted string can hold each character that is seen (RFC 9110 §5.6.4); others make half of the
    /// clients read something else.
    fn realm(&mut self, entry: &RouteEntry) -> Option<Box<str>> {
        let text = entry.realm.as_deref()?;
        let is_seen = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !is_seen || text.trim().is_empty() || text.len() > REALM_BYTES_MAX {
            self.fault(format!(
                "route `{}`: realm = \"{}\": must be 1 to {REALM_BYTES_MAX} characters of ASCII; write for example \"gateway\", or the URL of the token service where a client of a registry asks for it",
                entry.name,
                text.escape_default()
            ));
        }
        Some(text.into())
    }

    fn assertion(&mut self, entry: &RouteEntry) -> Option<Arc<str>> {
        let audience = match &entry.assertion {
            Assertion::Asked(false) => return None,
            Assertion::Asked(true) => &entry.upstream,
            Assertion::For(audience) => audience,
        };
        let name = &entry.name;
        if audience.is_empty() {
            self.fault(format!("route `{name}`: assertion names an empty audience"));
        }
        if entry.auth == Auth::Public {
            self.fault(format!(
                "route `{name}`: assertion needs auth = \"required\" or \"optional\": on a public route nobody is known"
            ));
        }
        Some(audience.as_str().into())
    }

    fn hosts(&mut self, entry: &RouteEntry) -> Vec<HostPattern> {
        if entry.hosts.is_empty() {
            return vec![HostPattern::Any];
        }
        let mut hosts = Vec::new();
        for text in &entry.hosts {
            match HostPattern::parse(text) {
                Some(host) if hosts.contains(&host) => {
                    self.fault(format!("route `{}`: the host \"{text}\" occurs twice", entry.name));
                }
                Some(host) => hosts.push(host),
                None => self.fault(format!(
                    "route `{}`: \"{text}\" is no host; write \"app.example.com\" or \"*.example.com\", without scheme and port",
                    entry.name
                )),
            }
        }
        hosts
    }

    fn methods(&mut self, entry: &RouteEntry) -> Vec<Method> {
        let mut methods = Vec::new();
        for text in &entry.methods {
            let usual = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
            match Method::from_bytes(text.as_bytes()) {
                Ok(method) if usual && !["CONNECT", "TRACE", "ANY", "ALL"].contains(&text.as_str()) => {
                    methods.push(method);
                }
                _ => self.fault(format!(
                    "route `{}`: \"{text}\" is no method that is forwarded; write for example \"GET\", or leave methods out for all",
                    entry.name
                )),
            }
        }
        methods
    }

    fn replacement(&mut self, entry: &RouteEntry) -> Option<Box<str>> {
        let name = &entry.name;
        match (&entry.replace_prefix, entry.strip_prefix) {
            (None, false) => None,
            (None, true) => Some("/".into()),
            (Some(_), true) => {
                self.fault(format!("route `{name}`: strip_prefix and replace_prefix exclude each other"));
                None
            }
            (Some(text), false) => {
                let plain = canonical(text).is_ok_and(|own| own.as_str() == text && own.path() == text);
                // `$1` is what an expression has found, for nginx and Traefik.
                let is_group = |part: &str| part.strip_prefix('$').is_some_and(|n| n.parse::<u8>().is_ok());
                if !plain || is_foreign(text) || text.split('/').any(is_group) {
                    self.fault(format!(
                        "route `{name}`: replace_prefix = \"{text}\" is no plain path; it stands for what `path` names, and what lies below follows by itself; write for example \"/v2\""
                    ));
                }
                Some(text.as_str().into())
            }
        }
    }
}

/// What routes can call those who vouch for somebody: the gateway itself first.
fn issuer_names(file: &File) -> Vec<&str> {
    let others = file.issuers.iter().map(|entry| entry.name.as_str());
    [IssuerName::OWN].into_iter().chain(others).collect()
}

/// No policy outside of routes goes by such a name.
fn in_book(route: &str) -> String {
    format!("route {route}")
}
