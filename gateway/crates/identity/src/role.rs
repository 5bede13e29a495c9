//! Roles: ours are a closed set with one spelling each, so that nobody becomes "Admin" by accident;
//! those of other issuers are names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Uses the services behind the gateway.
    User,
    /// Also administers the accounts.
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A role as another issuer names it, or as it is called here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleName(Box<str>);

impl RoleName {
    const BYTES_MAX: usize = 128;

    /// `None` for a name that a service could read as another one, or as two: roles are handed on
    /// with commas between them.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b',';
        let sound = (1..=Self::BYTES_MAX).contains(&text.len()) && text.trim() == text;
        (sound && text.bytes().all(plain)).then(|| Self(text.into()))
    }

    /// Whether it is one of our own roles, in any case of its letters: such a role is given here,
    /// and never because an issuer happens to use the same word.
    pub fn is_ours(&self) -> bool {
        [Role::User, Role::Admin].iter().any(|role| role.as_str().eq_ignore_ascii_case(&self.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_read_as_two_is_no_role() {
        for right in ["staff", "Domain Users", "todo:write", "/groups/a"] {
            assert!(RoleName::parse(right).is_some(), "{right}");
        }
        for wrong in ["", "a,admin", " admin", "admin ", "a\nb", "ädmin", &"a".repeat(129)] {
            assert!(RoleName::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn our_roles_are_ours_in_any_spelling() {
        let ours = |text: &str| RoleName::parse(text).unwrap().is_ours();
        assert!(ours("admin") && ours("Admin") && ours("USER"));
        assert!(!ours("administrator") && !ours("users"));
    }
}
