//! The vocabulary of identity: types that cannot be wrong once they exist. No I/O, no async, no HTTP.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod email;
mod network;
mod person_name;
mod role;
mod session_id;
mod subject;
mod trace_id;
mod user_agent;
mod user_id;

pub use email::{Email, EmailFault};
pub use network::{Network, Width};
pub use person_name::{NAME_CHARACTERS_MAX, person_name};
pub use role::{Role, RoleName};
pub use session_id::{InstallationId, SessionId, TokenId};
pub use subject::{ForeignSubject, IssuerName, SubjectKey};
pub use trace_id::{TraceId, random_bytes};
pub use user_agent::UserAgent;
pub use user_id::{Generation, UserId};
