//! What a route requires of whoever holds a good token: roles and claims.

/// All of it must be met; nothing in it is nothing required.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requires {
    /// One of these, where any is named.
    pub any_role: Vec<Box<str>>,
    /// Each of these.
    pub all_roles: Vec<Box<str>>,
    pub claims: Vec<ClaimRule>,
}

/// A claim that must have certain values. A claim that is a list has each of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    /// Members of nested objects are joined by dots: `realm_access.roles`.
    pub name: Box<str>,
    /// One of these, where any is named.
    pub any_of: Vec<Box<str>>,
    /// Each of these.
    pub all_of: Vec<Box<str>>,
}

/// The subject of a requirement: its roles and claims.
pub trait HasClaims {
    fn has_role(&self, role: &str) -> bool;
    fn has_claim(&self, name: &str, value: &str) -> bool;
}

/// The first thing that is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingRequirement {
    Role(Box<str>),
    Claim(Box<str>),
    /// The route is not for tokens of its issuer.
    Issuer,
}

impl MissingRequirement {
    /// What is lacking, and what can be done about it.
    pub(super) fn account(&self) -> (String, &'static str) {
        match self {
            Self::Role(role) => (
                format!(
                    "The route asks for the role `{role}`, and the token gives neither it nor another one that the route names."
                ),
                "Ask an administrator for the role; those of another issuer come from its `roles_claim` and `role_names`.",
            ),
            Self::Claim(name) => (
                format!("The claim `{name}` is not what the route asks for."),
                "Ask whoever issued the token; or mend `claims` of the route.",
            ),
            Self::Issuer => (
                "The route is not for tokens of this issuer.".to_owned(),
                "Name it in `issuers` of the route, if it is for them; an issuer whose tokens have no `iss` is accepted nowhere else.",
            ),
        }
    }
}

impl Requires {
    pub fn lacking(&self, subject: &impl HasClaims) -> Option<MissingRequirement> {
        if let Some(first) = self.any_role.first()
            && !self.any_role.iter().any(|role| subject.has_role(role))
        {
            return Some(MissingRequirement::Role(first.clone()));
        }
        if let Some(role) = self.all_roles.iter().find(|role| !subject.has_role(role)) {
            return Some(MissingRequirement::Role(role.clone()));
        }
        let unmet = self.claims.iter().find(|rule| !rule.is_met(subject));
        unmet.map(|rule| MissingRequirement::Claim(rule.name.clone()))
    }
}

impl ClaimRule {
    fn is_met(&self, subject: &impl HasClaims) -> bool {
        let has = |value: &str| subject.has_claim(&self.name, value);
        let any = self.any_of.is_empty() || self.any_of.iter().any(|value| has(value));
        any && self.all_of.iter().all(|value| has(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Holds(&'static [&'static str], &'static [(&'static str, &'static str)]);

    impl HasClaims for Holds {
        fn has_role(&self, role: &str) -> bool {
            self.0.contains(&role)
        }

        fn has_claim(&self, name: &str, value: &str) -> bool {
            self.1.contains(&(name, value))
        }
    }

    fn words(words: &[&str]) -> Vec<Box<str>> {
        words.iter().map(|word| (*word).into()).collect()
    }

    #[test]
    fn one_of_the_roles_is_enough_where_any_is_named() {
        let requires = Requires { any_role: words(&["admin", "support"]), ..Requires::default() };
        assert_eq!(requires.lacking(&Holds(&["support"], &[])), None);
        assert_eq!(requires.lacking(&Holds(&["user"], &[])), Some(MissingRequirement::Role("admin".into())));
        assert_eq!(Requires::default().lacking(&Holds(&[], &[])), None);
    }

    #[test]
    fn all_of_the_roles_are_needed_where_all_are() {
        let requires = Requires { all_roles: words(&["a", "b"]), ..Requires::default() };
        assert_eq!(requires.lacking(&Holds(&["b", "a"], &[])), None);
        assert_eq!(requires.lacking(&Holds(&["a"], &[])), Some(MissingRequirement::Role("b".into())));
    }

    #[test]
    fn every_claim_rule_must_be_met() {
        let rule = |name: &str, any_of: &[&str], all_of: &[&str]| ClaimRule {
            name: name.into(),
            any_of: words(any_of),
            all_of: words(all_of),
        };
        let claims = vec![rule("tenant", &["acme", "ours"], &[]), rule("groups", &[], &["x", "y"])];
        let requires = Requires { claims, ..Requires::default() };
        let all = Holds(&[], &[("tenant", "ours"), ("groups", "x"), ("groups", "y")]);
        assert_eq!(requires.lacking(&all), None);
        let other = Holds(&[], &[("tenant", "theirs"), ("groups", "x"), ("groups", "y")]);
        assert_eq!(requires.lacking(&other), Some(MissingRequirement::Claim("tenant".into())));
        let part = Holds(&[], &[("tenant", "ours"), ("groups", "x")]);
        assert_eq!(requires.lacking(&part), Some(MissingRequirement::Claim("groups".into())));
    }
}
