//! How a store fails. sled's own error goes no further than this.

use std::io;

use thiserror::Error;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, Error)]
pub enum Failure {
    /// The disk is (nearly) full: reads go on, writes are refused before they could harm the store.
    #[error("no space is left for the store: {0}")]
    Full(String),
    /// The store cannot be asked right now; a retry makes sense.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
}

impl From<sled::Error> for Failure {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Corruption { .. } => Self::Corrupt(error.to_string()),
            sled::Error::Io(cause) if cause.kind() == io::ErrorKind::StorageFull => {
                Self::Full(cause.to_string())
            }
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// What the changing of trees failed with.
#[derive(Debug)]
pub enum Fault<E> {
    /// Nothing was changed.
    Refused(E),
    /// It failed while the changes were applied: in memory they may be there in part. On the disk
    /// sled drops an unfinished batch when it opens, so that nothing must be written after this.
    HalfApplied(E),
}

impl<E> From<E> for Fault<E> {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal)
    }
}

/// For programs that say it in these words.
impl From<sled::Error> for Fault<Failure> {
    fn from(error: sled::Error) -> Self {
        Self::Refused(error.into())
    }
}
