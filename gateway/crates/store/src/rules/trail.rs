//! Which entries of the audit trail a search finds, whom they concern, and what the trail says of its own
//! end.

use std::time::Duration;

use crate::audit::{EXPIRED, vouch};
use crate::{Actor, AuditQuery, Entry, Hash};
use gateway_clock::Timestamp;
use gateway_identity::UserId;

/// How far the clock may have been set back: older entries follow a younger one all the same.
const SET_BACK_MAX: Duration = Duration::from_secs(60);

impl AuditQuery {
    /// Whether an entry of that time is looked for. Whom it concerns and what stands before it is a matter
    /// of where it is looked for.
    pub fn finds(&self, entry: &Entry, at: Timestamp) -> bool {
        let is = |wanted: &Option<String>, given: &Option<String>| wanted.is_none() || wanted == given;
        is(&self.email, &entry.email)
            && is(&self.address, &entry.address)
            && self.event.as_ref().is_none_or(|event| entry.event == *event)
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at <= until)
    }

    /// Whether nothing before an entry of that time is looked for.
    pub fn is_past(&self, at: Timestamp) -> bool {
        self.since.is_some_and(|since| at.plus(SET_BACK_MAX) < since)
    }
}

impl Entry {
    /// The actor, and the account that it is about.
    pub fn concerned(&self) -> impl Iterator<Item = UserId> {
        let actor = match self.actor {
            Some(Actor::User { user_id }) => Some(user_id),
            Some(Actor::Operator { .. } | Actor::Gateway) | None => None,
        };
        let other = actor.filter(|actor| Some(*actor) != self.user_id);
        self.user_id.into_iter().chain(other)
    }
}

/// What the trail says of its beginning, where that was removed up to this entry.
pub fn expired(seq: u64, hash: Hash) -> Entry {
    Entry { actor: Some(Actor::Gateway), detail: Some(vouch(seq, hash)), ..Entry::new(EXPIRED) }
}

/// The hour of its counts, from the epoch on.
pub fn hour(at: Timestamp) -> u64 {
    at.seconds() / 3_600
}
