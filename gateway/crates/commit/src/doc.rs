//! A domain and a store of a line each, for the samples of this crate.

use crate::{Committed, Domain, UnitOfWork};

/// Plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {}

impl Domain for Words {
    type Event = &'static str;
    type Message = &'static str;
    type Precondition = u8;
    type Revocation = u8;
    type Fault = &'static str;
    type Unpublished = &'static str;
}

/// # Errors
/// Never.
pub fn store(work: UnitOfWork<Words>) -> Result<Committed<Words, u32>, &'static str> {
    Ok(work.committed(1, vec![7]))
}
