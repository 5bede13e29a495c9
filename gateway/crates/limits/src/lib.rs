//! Rate limits by GCRA. The only room that names `governor`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod address;
mod book;
mod fields;
mod policy;
mod quota;
mod setbacks;
mod states;
mod tally;

pub use address::AddressLimiter;
pub use book::{Book, Books};
pub use fields::{Fields, fields};
pub use policy::{Limiter, LoginKey, MailKey};
pub use quota::{Allowance, Charge, Exhausted, Policy};
pub use setbacks::{Lock, Setbacks};
pub use tally::PolicyFigures;
