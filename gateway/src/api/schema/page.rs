//! Which part of a list it is.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Pagination {
    #[schema(minimum = 1, example = 1)]
    pub(in crate::api) page: u64,
    #[schema(minimum = 1, example = 100)]
    pub(in crate::api) per_page: u64,
    /// How many there are in all.
    #[schema(example = 1)]
    pub(in crate::api) total: u64,
    /// On so many pages.
    #[schema(example = 1)]
    pub(in crate::api) pages: u64,
}
