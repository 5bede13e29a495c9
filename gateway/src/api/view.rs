//! How accounts are shown, and roles are read: what several endpoints have in common.

use serde_json::{Value, json};

use super::schema;
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

pub(super) fn answer(user: &User) -> schema::AccountAnswer {
    schema::AccountAnswer { user: schema::Account::from(user) }
}

/// To be added to.
pub(super) fn detail(user: &User) -> Value {
    json!(schema::Account::from(user))
}
