//! What the ledger of revocations keeps: what is known is never narrowed.

use super::{LoadedPreconditions, Writes};
use crate::{Revocation, StoreError};

/// Of two revocations of one thing, one that revokes what either does: the later expiry and the higher
/// minimum.
pub fn widest(one: Revocation, other: Revocation) -> Revocation {
    let until = one.until().max(other.until());
    match (one, other) {
        (Revocation::Generation { user, minimum, .. }, Revocation::Generation { minimum: other, .. }) => {
            Revocation::Generation { user, minimum: minimum.max(other), until }
        }
        (Revocation::Token { id, .. }, _) => Revocation::Token { id, until },
        (Revocation::Session { id, .. }, _) => Revocation::Session { id, until },
        // They are of one thing, and so of one kind.
        (Revocation::Generation { user, minimum, .. }, _) => Revocation::Generation { user, minimum, until },
    }
}

/// Whether each of them is recorded in full, as `known` has them in the same order: then it costs no
/// entry.
pub fn is_known(revoked: &[Revocation], known: &[Option<Revocation>]) -> bool {
    let is_full = |(one, known): (&Revocation, &Option<Revocation>)| {
        known.is_some_and(|known| widest(known, *one) == known)
    };
    !revoked.is_empty() && revoked.iter().zip(known).all(is_full)
}

pub fn record(revoked: &[Revocation], preconditions: &LoadedPreconditions) -> Result<Writes, StoreError> {
    preconditions
        .accompany(preconditions.work.clone(), Writes { revocations: revoked.to_vec(), ..Writes::default() })
}
