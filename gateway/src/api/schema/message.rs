//! Answers that say in words that something was done.

use serde::Serialize;
use utoipa::ToSchema;

use crate::identity::{Email, UserId};

/// What was done, in words for people.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Message<'a> {
    pub(in crate::api) message: &'a str,
}

#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Registered {
    #[schema(value_type = String, example = "Registration successful")]
    pub(in crate::api) message: &'static str,
    #[schema(value_type = u64, minimum = 1, example = 2)]
    pub(in crate::api) user_id: UserId,
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    pub(in crate::api) email: Email,
}
