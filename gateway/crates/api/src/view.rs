//! How accounts are shown, and roles are read: what several endpoints have in common.

use serde_json::{Value, json};

use super::schema;
use gateway_identity::Role;
use gateway_problem::{Code, Problem};
use gateway_store::User;

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
