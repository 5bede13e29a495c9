//! Which entries of the audit trail a search finds, whom they concern, and what the trail says of its own
//! end.

use std::time::Duration;

use crate::audit::{EXPIRED, vouch};
use crate::{Actor, AuditPage, AuditQuery, Entry, Hash, Sealed};
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

/// Entries that one search looks at: what is rare is found page by page.
const LOOKED_AT_MAX: usize = 20_000;

/// Bytes of lines in one answer, but for the last of them. A page has room for as many lines of usual
/// length as anybody may ask for; older versions recorded lines of 34 KiB.
pub const PAGE_BYTES_MAX: usize = 512 * 1_024;

/// A search on its way through the trail, from the newest entry back.
#[derive(Debug)]
pub struct Search {
    query: AuditQuery,
    page: AuditPage,
    held: usize,
    looked: usize,
}

impl Search {
    pub fn new(query: AuditQuery) -> Self {
        Self { query, page: AuditPage::default(), held: 0, looked: 0 }
    }

    pub fn query(&self) -> &AuditQuery {
        &self.query
    }

    /// Looks at the entry before those that it saw. Answers whether it goes on with the one before that:
    /// the page may be full, enough may have been looked at, or what is before is too old.
    pub fn look(&mut self, sealed: &Sealed, line: &str) -> bool {
        let at = Timestamp::parse(&sealed.time).unwrap_or_default();
        self.looked += 1;
        if self.query.finds(&sealed.entry, at) {
            self.held += line.len();
            self.page.lines.push(line.to_owned());
        }
        if self.query.is_past(at) {
            return false;
        }
        let is_full = self.page.lines.len() >= self.query.limit || self.held >= PAGE_BYTES_MAX;
        let is_enough = is_full || self.looked > LOOKED_AT_MAX;
        self.page.next = is_enough.then_some(sealed.seq);
        !is_enough
    }

    pub fn finish(self) -> AuditPage {
        self.page
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
