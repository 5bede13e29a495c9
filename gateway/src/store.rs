//! Ports: what the product needs from a store, as traits and records. No driver is named here.

mod error;
mod revocations;
mod sessions;
mod users;

pub use error::StoreError;
pub use revocations::{Check, Revocation, RevocationLedger, Revocations, Standing, Subject, Unreachable};
pub use sessions::{RefreshToken, Rotation, RotationRequest, Session, Sessions};
pub use users::{Amendment, NewUser, StoredHash, User, UserPage, Users};
