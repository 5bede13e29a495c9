//! What goes into the store together with a change, in its transaction: neither is there without
//! the other.

use super::{Entry, Errand, TicketKey, User};
use crate::clock::Timestamp;
use crate::identity::UserId;

/// Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Along {
    /// The moment of all of it.
    pub now: Timestamp,
    pub audit: Vec<Entry>,
    pub errands: Vec<Errand>,
    /// The request that it came from.
    pub request_id: Option<String>,
    /// The ticket that the change uses up. Where it is not there any more, nothing is changed
    /// (`StoreError::TicketGone`): of two who hold the same token, one gets through.
    pub redeem: Option<TicketKey>,
    /// The account on which the change rests. Where it is not as it was looked at, nothing is changed
    /// (`StoreError::Outdated`): who was let in by an old password has no session of a new one.
    pub rests_on: Option<AccountState>,
}

/// An account that is there, active, and has a password of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    pub user: UserId,
    pub password_version: u64,
}

impl Along {
    /// An entry of the audit trail.
    pub fn entry(now: Timestamp, entry: Entry) -> Self {
        let request_id = entry.request_id.clone();
        Self { now, audit: vec![entry], request_id, ..Self::default() }
    }

    #[must_use]
    pub fn errand(mut self, errand: Errand) -> Self {
        self.errands.push(errand);
        self
    }

    #[must_use]
    pub fn redeeming(mut self, ticket: TicketKey) -> Self {
        self.redeem = Some(ticket);
        self
    }

    #[must_use]
    pub fn resting_on(mut self, user: &User) -> Self {
        self.rests_on = Some(AccountState { user: user.id, password_version: user.password_version });
        self
    }
}
