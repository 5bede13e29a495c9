//! How accounts are shown, and roles are read: what several endpoints have in common.

use serde_json::{Value, json};

use crate::identity::Role;
use crate::problem::{Code, Problem};
use crate::store::User;

pub(super) fn role(text: &str) -> Result<Role, Problem> {
    match text {
        "user" => Ok(Role::User),
        "admin" => Ok(Role::Admin),
        _ => Err(Problem::new(Code::ValidationFailed).with_message("role must be user or admin")),
    }
}

pub(super) fn summary(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "role": user.role,
        "created_at": user.created_at.to_string(),
        "is_active": user.is_active,
    })
}

pub(super) fn detail(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role,
        "created_at": user.created_at.to_string(),
        "is_active": user.is_active,
        "email_verified": user.email_verified,
    })
}
