//! Which part of a list it is.

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use gateway_identity::UserId;

#[derive(Serialize, ToSchema)]
pub(crate) struct Pagination {
    #[schema(minimum = 1, example = 1)]
    pub(crate) page: u64,
    #[schema(minimum = 1, example = 100)]
    pub(crate) per_page: u64,
    /// How many there are in all.
    #[schema(example = 1)]
    pub(crate) total: u64,
    /// On so many pages.
    #[schema(example = 1)]
    pub(crate) pages: u64,
}

/// A number in a query, as it is read: from 1 on.
pub(crate) struct Counting;

impl PartialSchema for Counting {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_usize));
        number.maximum(Some(u64::MAX as usize)).into()
    }
}

impl ToSchema for Counting {}

/// The id of an account.
pub(crate) struct AccountId;

impl PartialSchema for AccountId {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_usize));
        number.maximum(Some(UserId::MAX as usize)).examples([2]).into()
    }
}

impl ToSchema for AccountId {}
