//! Header rules and identity headers of a route.

use std::collections::BTreeMap;

use http::header::{HeaderName, HeaderValue};

use crate::check::Checker;
use crate::file::{HeaderRulesEntry, RouteEntry};
use crate::suggest::hint;
use gateway_pipeline::{Fact, HeaderRules, IdentityHeaders, is_reserved};

/// What frames a message or is bound to one connection (RFC 9110 §7.6.1), and what the decision
/// was made on: a rule that changed it would make two servers read two messages.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-connection",
];

impl Checker<'_> {
    pub(super) fn header_rules(&mut self, route: &str, key: &str, entry: &HeaderRulesEntry) -> HeaderRules {
        let place = format!("route `{route}`: {key}");
        let remove = entry.remove.iter().filter_map(|name| self.ruled(&place, name)).collect();
        HeaderRules { remove, set: self.values(&place, &entry.set), add: self.values(&place, &entry.add) }
    }

    fn values(&mut self, place: &str, entry: &BTreeMap<String, String>) -> Vec<(HeaderName, HeaderValue)> {
        let mut values = Vec::new();
        for (name, value) in entry {
            let Some(name) = self.ruled(place, name) else { continue };
            match HeaderValue::from_str(value) {
                Ok(value) => values.push((name, value)),
                Err(_) => self.fault(format!("{place}: the value of `{name}` is no header value")),
            }
        }
        values
    }

    fn ruled(&mut self, place: &str, text: &str) -> Option<HeaderName> {
        let Ok(name) = HeaderName::try_from(text) else {
            self.fault(format!("{place}: \"{text}\" is no header name"));
            return None;
        };
        // A header can be called so, and none is: who writes it means several.
        if text.contains('*') {
            self.fault(format!(
                "{place}: \"{text}\" looks like a pattern: each rule is for one header by its name"
            ));
            return None;
        }
        if is_reserved(name.as_str()) {
            self.fault(format!(
                "{place}: `{name}` is set by the gateway itself; identity_headers and identity_names say who speaks"
            ));
        } else if FRAMING.contains(&name.as_str()) {
            self.fault(format!("{place}: `{name}` belongs to the connection and not to a route"));
        }
        Some(name)
    }

    pub(super) fn identity_headers(&mut self, entry: &RouteEntry) -> IdentityHeaders {
        let own = &entry.identity_names;
        let names = [
            (&own.id, Fact::Id),
            (&own.email, Fact::Email),
            (&own.roles, Fact::Roles),
            (&own.issuer, Fact::Issuer),
        ];
        let has_own = names.iter().any(|(name, _)| name.is_some());
        let mut headers = match &entry.identity_headers {
            None if has_own => IdentityHeaders::none(),
            None => IdentityHeaders::default(),
            Some(presets) => presets.iter().fold(IdentityHeaders::none(), |headers, preset| {
                headers.clone().with_preset(preset).unwrap_or_else(|| {
                    let hint = hint(preset, IdentityHeaders::presets());
                    self.fault(format!(
                        "route `{}`: identity_headers: there is no preset \"{preset}\"{hint}",
                        entry.name
                    ));
                    headers
                })
            }),
        };
        for (name, fact) in names {
            let Some(text) = name else { continue };
            match HeaderName::try_from(text.as_str()) {
                Ok(name)
                    if !FRAMING.contains(&name.as_str())
                        && !STANDARD.contains(&name.as_str())
                        && !text.contains('*') =>
                {
                    headers = headers.with(name, fact);
                }
                _ => self.fault(format!(
                    "route `{}`: identity_names: \"{text}\" cannot carry an identity; write for example \"X-Auth-User\"",
                    entry.name
                )),
            }
        }
        headers
    }
}

/// Names that mean something else, and would never arrive from a client any more.
const STANDARD: [&str; 8] =
    ["authorization", "cookie", "accept", "content-type", "user-agent", "origin", "referer", "range"];
