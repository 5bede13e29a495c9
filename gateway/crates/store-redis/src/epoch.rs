//! The epoch: how a gateway knows that Redis still holds all that was ever published to it.
//!
//! `revoked:epoch` is `<store id>:<revision>`, read in the same round trip as the revocations.
//! Each publication raises the revision. A Redis that restarted empty, was flushed, or was
//! replaced by a replica that lags shows no epoch, or a revision below one that was acknowledged.
//! While a gateway rebuilds, a claim `rebuilding:<gateway>:<attempt>` stands there instead.

/// What the epoch says of the revocations beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Epoch {
    /// Ours, and not behind: what is not revoked there is in force.
    Intact(u64),
    /// Ours, but acknowledged publications are missing.
    Behind(u64),
    /// Ours, but Redis threw keys away since.
    Evicted,
    /// A gateway is rebuilding.
    Claimed,
    /// Written for another store.
    Foreign,
    Missing,
}

/// What a claim begins with. Store identifiers are random and never look like it.
pub(super) const CLAIM: &str = "rebuilding:";

impl Epoch {
    /// `store` is the store's identifier with its colon. `floor` is the highest revision that was
    /// known **before** the epoch was asked for: one that was acknowledged while the answer was
    /// under way need not be in it.
    pub(super) fn judge(value: Option<&[u8]>, store: &str, floor: u64) -> Self {
        let Some(value) = value else {
            return Self::Missing;
        };
        if value.starts_with(CLAIM.as_bytes()) {
            return Self::Claimed;
        }
        let revision = value
            .strip_prefix(store.as_bytes())
            .and_then(|revision| std::str::from_utf8(revision).ok())
            .and_then(|revision| revision.parse().ok());
        match revision {
            Some(revision) if revision >= floor => Self::Intact(revision),
            Some(revision) => Self::Behind(revision),
            None => Self::Foreign,
        }
    }

    /// Why a check cannot be answered.
    pub(super) fn complaint(&self) -> &'static str {
        match self {
            Self::Intact(_) => "Redis holds its revocations",
            Self::Behind(_) => "Redis lost revocations; they are being restored from the ledger",
            Self::Evicted => {
                "Redis evicted keys to make room; the revocations are being restored from the ledger"
            }
            Self::Claimed => "the revocations in Redis are being restored by a gateway",
            Self::Foreign => "Redis holds the revocations of another store; ours are being restored",
            Self::Missing => "Redis has lost its revocations; they are being restored from the ledger",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_intact_only_with_our_store_and_a_revision_that_is_not_behind() {
        let judge = |value: &str| Epoch::judge(Some(value.as_bytes()), "store:", 7);
        assert_eq!(judge("store:7"), Epoch::Intact(7));
        assert_eq!(judge("store:8"), Epoch::Intact(8));
        assert_eq!(judge("store:6"), Epoch::Behind(6));
        assert_eq!(judge("rebuilding:a:1"), Epoch::Claimed);
        for foreign in ["another:8", "store:", "store:x", "store", "", "store:-1"] {
            assert_eq!(judge(foreign), Epoch::Foreign, "{foreign:?}");
        }
        assert_eq!(Epoch::judge(None, "store:", 0), Epoch::Missing);
    }
}
