//! Which of two routes of a service lets fewer pass: what may not be got round by another spelling
//! of a path.

use super::{Access, ClaimRule, Networks, Requires, Route};
use gateway_limits::Allowance;

impl Route {
    /// Whether it refuses somebody, or some rate of requests, that `wider` lets pass to the same
    /// service. Limits of size and time are no matter of who may pass.
    pub(super) fn is_stricter_than(&self, wider: &Self) -> bool {
        // What is only noted refuses nobody.
        !self.shadow
            && self.is_for_service_of(wider)
            && (self.admits_fewer(wider) || self.is_from_fewer(wider) || self.is_slower(wider))
    }

    /// Whether it refuses some request that `wider` would let pass to the same service: also by its method.
    pub(super) fn refuses_beside(&self, wider: &Self) -> bool {
        self.is_stricter_than(wider) || (!self.methods.is_empty() && self.is_for_service_of(wider))
    }

    pub(super) fn is_for_service_of(&self, other: &Self) -> bool {
        self.upstream.is_same_service(&other.upstream)
    }

    fn admits_fewer(&self, wider: &Self) -> bool {
        let wide = if wider.shadow { &Access::Public } else { &wider.access };
        match (&self.access, wide) {
            // A request without credentials passes both; without an identity nothing is claimed either.
            (Access::Public, _) | (Access::Optional, Access::Public) => false,
            (Access::Optional, _) => self.accepts_fewer_issuers(wider),
            (Access::Required(_), Access::Public | Access::Optional) => true,
            (Access::Required(narrow), Access::Required(wide)) => {
                !wide.implies(narrow)
                    || self.accepts_fewer_issuers(wider)
                    // Somebody is known there who is nobody here: a browser by its cookies, as it sends
                    // them whoever's link it follows, or a program by its token.
                    || !self.looks_wherever(wider)
            }
        }
    }

    /// Whether it keeps out clients of a network that the other one lets in.
    fn is_from_fewer(&self, wider: &Self) -> bool {
        let everywhere = Networks::default();
        let wide = if wider.shadow { &everywhere } else { &wider.networks };
        !wide.are_within(&self.networks)
    }

    fn accepts_fewer_issuers(&self, wider: &Self) -> bool {
        let all_known =
            !wider.issuers.is_empty() && wider.issuers.iter().all(|name| self.issuers.contains(name));
        !self.issuers.is_empty() && !all_known
    }

    /// Whether it has a limit of its own that the other one has not, or one that lets less pass.
    fn is_slower(&self, wider: &Self) -> bool {
        let by_address = |route: &Self| Some(route.address_limit.as_ref()?.0.as_ref()?.policy().allowance);
        let by_user = |route: &Self| Some(route.user_limit.as_ref()?.0.as_ref()?.policy().allowance);
        let is_less = |of: &dyn Fn(&Self) -> Option<Allowance>| {
            let wide = of(wider).filter(|_| !wider.shadow);
            of(self).is_some_and(|own| wide.is_none_or(|wide| own.is_less_than(&wide)))
        };
        is_less(&by_address) || is_less(&by_user)
    }
}

impl Requires {
    /// Whether everybody who meets this meets the other, too, as far as it can be told.
    fn implies(&self, other: &Self) -> bool {
        let any_role = other.any_role.is_empty()
            || self.all_roles.iter().any(|role| other.any_role.contains(role))
            || is_some_of(&self.any_role, &other.any_role);
        let implied = |rule: &ClaimRule| self.claims.iter().any(|own| own.implies(rule));
        let has_only = self.any_role.iter().filter(|_| self.any_role.len() == 1);
        let certain: Vec<_> = self.all_roles.iter().chain(has_only).collect();
        any_role
            && other.all_roles.iter().all(|role| certain.contains(&role))
            && other.claims.iter().all(implied)
    }
}

impl ClaimRule {
    fn implies(&self, other: &Self) -> bool {
        let any = other.any_of.is_empty()
            || self.all_of.iter().any(|value| other.any_of.contains(value))
            || is_some_of(&self.any_of, &other.any_of);
        self.name == other.name && any && other.all_of.iter().all(|value| self.all_of.contains(value))
    }
}

/// Whether having one of these is having one of those.
fn is_some_of(these: &[Box<str>], those: &[Box<str>]) -> bool {
    !these.is_empty() && these.iter().all(|word| those.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &str) -> Vec<Box<str>> {
        words.split_whitespace().map(Into::into).collect()
    }

    fn roles(any: &str, all: &str) -> Requires {
        Requires { any_role: words(any), all_roles: words(all), ..Requires::default() }
    }

    #[test]
    fn one_requirement_implies_another_where_nobody_meets_it_alone() {
        for (wide, narrow, implied) in [
            (roles("", ""), roles("", ""), true),
            (roles("a", ""), roles("", ""), true),
            (roles("", ""), roles("a", ""), false),
            (roles("a", ""), roles("a b", ""), true),
            (roles("a b", ""), roles("a", ""), false),
            (roles("", "a b"), roles("b c", ""), true),
            (roles("a", ""), roles("", "a"), true),
            (roles("a b", ""), roles("", "a"), false),
            (roles("", "a"), roles("", "a b"), false),
        ] {
            assert_eq!(wide.implies(&narrow), implied, "{wide:?} {narrow:?}");
        }
    }

    #[test]
    fn a_rule_about_a_claim_implies_one_about_the_same_claim_that_asks_for_less() {
        let rule = |name: &str, any: &str, all: &str| {
            let rule = ClaimRule { name: name.into(), any_of: words(any), all_of: words(all) };
            Requires { claims: vec![rule], ..Requires::default() }
        };
        for (wide, narrow, implied) in [
            (rule("t", "x", ""), rule("t", "x y", ""), true),
            (rule("t", "x y", ""), rule("t", "x", ""), false),
            (rule("t", "x", ""), rule("u", "x", ""), false),
            (rule("t", "", "x y"), rule("t", "y z", ""), true),
            (rule("t", "", "x"), rule("t", "", "x y"), false),
            (Requires::default(), rule("t", "x", ""), false),
        ] {
            assert_eq!(wide.implies(&narrow), implied, "{wide:?} {narrow:?}");
        }
    }
}
