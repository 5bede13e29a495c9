//! Rate limits by GCRA. The only room that names `governor`.

mod book;
mod fields;
mod known;
mod policy;
mod quota;
mod setbacks;
mod states;
mod tally;

pub use book::{Book, Books};
pub use fields::{Fields, fields};
pub use known::KnownPairs;
pub use policy::{AddressKey, Limiter, LoginKey, MailKey};
pub use quota::{Allowance, Charge, Exhausted, Policy};
pub use setbacks::{Lock, Setbacks};
pub use tally::PolicyFigures;
