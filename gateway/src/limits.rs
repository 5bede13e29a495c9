//! Rate limits by GCRA. The only room that names `governor`.

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
