//! What is revoked, in this process's memory.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod embedded;
mod mirrored;
mod own_first;

pub use embedded::{EmbeddedRevocations, Sizes};
pub use mirrored::MirroredRevocations;
pub use own_first::OwnFirst;
