//! Rate limits by GCRA. The only room that names `governor`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod address;
mod counter;
mod failed_logins;
mod fields;
mod policy;
mod quota;
mod registry;
mod states;

pub use address::AddressLimiter;
pub use counter::PolicyFigures;
pub use failed_logins::{FailedLogins, Lock};
pub use fields::{Fields, fields};
pub use policy::{Limiter, LoginKey, MailKey};
pub use quota::{Allowance, Charge, Exhausted, Policy};
pub use registry::{LimiterRegistry, Limiters};
