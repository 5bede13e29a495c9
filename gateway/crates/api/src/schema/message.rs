//! Answers that say in words that something was done.

use serde::Serialize;
use utoipa::ToSchema;

use gateway_identity::{Email, UserId};

/// What was done, in words for people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message<'a> {
    pub(crate) message: &'a str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    #[schema(value_type = String, example = "Registration successful")]
    pub(crate) message: &'static str,
    #[schema(value_type = u64, minimum = 1, example = 2)]
    pub(crate) user_id: UserId,
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    pub(crate) email: Email,
}
