//! A small todo service behind an authentication gateway: it stores todos and knows nothing of passwords or tokens.
//!
//! It is the example of how a service should trust the gateway. Who calls is read from the identity
//! headers that the gateway injects, in one place, [`caller`]; nothing else in here looks at them. That an
//! account is gone is told by a signed message, which needs no such header: `webhook`. Such headers are only
//! as good as the way to this service, so it listens on a Unix socket of mode 0600, or on loopback with a
//! warning: `listen`.
//!
//! Reading order: [`caller`], `todos` (the endpoints), `store`.
#![forbid(unsafe_code)]
// A request never ends a task: what cannot be is an error where it stands, or has its reason there.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod body;
pub mod caller;
mod listen;
mod page;
mod refusal;
mod store;
mod todo;
mod todos;
mod webhook;

pub use listen::Listening;
pub use refusal::Refusal;
pub use store::{OpenError, Store};
pub use todos::{Service, router};
pub use webhook::Secret;
