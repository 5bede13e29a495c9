//! Under which names an upstream is told who speaks.

use http::header::HeaderName;

use super::header_rules::Value;
use super::revocation::joined;
use super::verify::Verified;
use super::{HasClaims as _, Principal};
use gateway_http1::Decimal;
use gateway_identity::{Email, Role};

/// What an upstream can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The user id (`sub`).
    Id,
    Email,
    /// The role, or all of them with a comma between.
    Roles,
    /// Which other issuer vouches for them; nothing for accounts of ours.
    Issuer,
    /// `Admin` for our administrators, `Viewer` for others: the roles that Grafana knows.
    GrafanaRole,
}

/// The names that some upstreams already understand.
const PRESETS: [(&str, &[(&str, Fact)]); 5] = [
    (
        "x-user",
        &[
            ("x-user-id", Fact::Id),
            ("x-user-email", Fact::Email),
            ("x-user-role", Fact::Roles),
            ("x-user-issuer", Fact::Issuer),
        ],
    ),
    (
        "x-auth-request",
        &[
            ("x-auth-request-user", Fact::Id),
            ("x-auth-request-email", Fact::Email),
            ("x-auth-request-preferred-username", Fact::Email),
            ("x-auth-request-groups", Fact::Roles),
        ],
    ),
    (
        "remote",
        &[("remote-user", Fact::Email), ("remote-email", Fact::Email), ("remote-groups", Fact::Roles)],
    ),
    (
        "x-forwarded",
        &[
            ("x-forwarded-user", Fact::Id),
            ("x-forwarded-email", Fact::Email),
            ("x-forwarded-preferred-username", Fact::Email),
            ("x-forwarded-groups", Fact::Roles),
        ],
    ),
    (
        "x-webauth",
        &[
            ("x-webauth-user", Fact::Email),
            ("x-webauth-email", Fact::Email),
            ("x-webauth-role", Fact::GrafanaRole),
        ],
    ),
];

/// The identity headers of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders(Vec<(HeaderName, Fact)>);

impl Default for IdentityHeaders {
    fn default() -> Self {
        Self::none().with_preset(Self::PRESET).unwrap_or(Self::none())
    }
}

impl IdentityHeaders {
    /// The preset of a route that names none.
    pub const PRESET: &'static str = "x-user";

    pub fn none() -> Self {
        Self(Vec::new())
    }

    pub fn presets() -> impl Iterator<Item = &'static str> + Clone {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// `None` where there is no such preset.
    pub fn with_preset(mut self, name: &str) -> Option<Self> {
        let (_, headers) = PRESETS.iter().find(|(preset, _)| *preset == name)?;
        for (name, fact) in *headers {
            self = self.with(HeaderName::from_static(name), *fact);
        }
        Some(self)
    }

    pub fn with(mut self, name: HeaderName, fact: Fact) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, fact));
        self
    }

    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The headers that tell who the principal is.
    pub(super) fn fields(&self, principal: &Principal, mut add: impl FnMut(&HeaderName, Value<'_>)) {
        for (name, fact) in &self.0 {
            principal.add_fact(*fact, |value| add(name, value));
        }
    }
}

impl Principal {
    /// Tells nothing of what is not known; an upstream then gets no such header.
    fn add_fact(&self, fact: Fact, add: impl FnOnce(Value<'_>)) {
        let (digits, roles);
        let text = match (fact, &self.verified) {
            (Fact::Id, Verified::Own(claims)) => {
                digits = Decimal::new(claims.user().get());
                Some(digits.as_str())
            }
            // A subject is visible ASCII by construction, and so is an `Email`.
            (Fact::Id, Verified::Foreign(claims)) => Some(claims.subject().as_str()),
            (Fact::Email, _) => self.email().map(Email::as_str),
            (Fact::Roles, Verified::Own(claims)) => return add(Value::Static(claims.role().as_str())),
            (Fact::Roles, Verified::Foreign(claims)) => {
                roles = joined(claims.roles());
                roles.as_deref()
            }
            (Fact::Issuer, Verified::Own(_)) => None,
            (Fact::Issuer, Verified::Foreign(claims)) => Some(claims.issuer().as_str()),
            (Fact::GrafanaRole, _) => {
                let admin = self.has_role(Role::Admin.as_str());
                return add(Value::Static(if admin { "Admin" } else { "Viewer" }));
            }
        };
        if let Some(text) = text {
            add(Value::Text(text.as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_made_of_names_that_clients_cannot_send() {
        let reserved = crate::Reserved::default();
        for preset in IdentityHeaders::presets() {
            let headers = IdentityHeaders::none().with_preset(preset).unwrap();
            for name in headers.names() {
                assert!(reserved.covers(name.as_str()), "{preset}: {name}");
            }
        }
    }

    #[test]
    fn a_route_without_a_preset_has_the_names_of_the_contract() {
        let names: Vec<_> = IdentityHeaders::default().names().map(ToString::to_string).collect();
        assert_eq!(names, ["x-user-id", "x-user-email", "x-user-role", "x-user-issuer"]);
        assert_eq!(IdentityHeaders::none().with_preset("unheard-of"), None);
    }
}
