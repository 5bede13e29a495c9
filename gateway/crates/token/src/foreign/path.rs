//! Where in a token of another issuer something stands, as operators write it.

use serde_json::{Map, Value};

/// The name of a claim; `a.b` is the member `b` of the claim `a`.
///
/// Names have dots, too (`https://app.example.com/roles`, and a client's name in
/// `resource_access.my.app.roles`): at each level the longest name that is there wins, and a shorter
/// one is tried only where the longer one leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<str>);

impl ClaimPath {
    /// `None` for an empty name.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        find(&self.0, claims)
    }
}

pub(super) fn find<'a>(path: &str, claims: &'a Map<String, Value>) -> Option<&'a Value> {
    let (members, name) = within(path, claims)?;
    members.get(name)
}

/// The object that has it, and its name there.
pub(super) fn holder<'a, 'p>(
    path: &'p ClaimPath,
    claims: &'a Map<String, Value>,
) -> Option<(&'a Map<String, Value>, &'p str)> {
    within(&path.0, claims)
}

fn within<'a, 'p>(
    path: &'p str,
    claims: &'a Map<String, Value>,
) -> Option<(&'a Map<String, Value>, &'p str)> {
    if claims.contains_key(path) {
        return Some((claims, path));
    }
    path.rmatch_indices('.').find_map(|(dot, _)| {
        let below = claims.get(path.get(..dot)?)?.as_object()?;
        within(path.get(dot + 1..)?, below)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_nested_claims_are_found_and_names_with_dots_too() {
        let claims = json!({
            "sub": "7",
            "realm_access": { "roles": ["a"] },
            "https://app.example.com/roles": ["b"],
            "resource_access": { "my.app": { "roles": ["c"] }, "my": { "other": 1 } },
            "x.y": 1,
            "x": { "y": 2, "z": 3 },
            "list": [1],
        });
        let found = |path: &str| ClaimPath::new(path).unwrap().find(claims.as_object().unwrap()).cloned();
        assert_eq!(found("sub"), Some(json!("7")));
        assert_eq!(found("realm_access.roles"), Some(json!(["a"])));
        assert_eq!(found("https://app.example.com/roles"), Some(json!(["b"])));
        assert_eq!(found("resource_access.my.app.roles"), Some(json!(["c"])));
        assert_eq!(found("resource_access.my.other"), Some(json!(1)));
        assert_eq!((found("x.y"), found("x.z")), (Some(json!(1)), Some(json!(3))));
        for nothing in ["realm_access.roles.a", "realm_access.", ".sub", "list.0", "sub.x", "none"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
        assert_eq!(ClaimPath::new(""), None);
    }
}
