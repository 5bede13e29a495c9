//! The rules, followed over any sequence of changes: what they answer is written to rows in memory.

mod accounts;
mod preconditions;
mod rotation;
mod sessions;

use std::collections::BTreeMap;

use proptest::test_runner::Config;

use super::*;
use crate::{
    AuditEvent, Entry, Event, Invitation, KnownNetwork, NewUser, OutboxMessage, RefreshToken, Revocation,
    Session, StoreError, StoredHash, Ticket, TicketKey, UnitOfWork, User,
};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Generation, Role, SessionId, TokenId, UserAgent, UserId};

/// What a store would hold.
#[derive(Clone, Debug, Default)]
struct Rows {
    users: BTreeMap<UserId, User>,
    last_user: u64,
    sessions: BTreeMap<SessionId, Session>,
    familiar: BTreeMap<UserId, Vec<KnownNetwork>>,
    revocations: Vec<Revocation>,
    tickets: Vec<(TicketKey, Ticket)>,
    invitations: BTreeMap<u64, Invitation>,
    errands: Vec<OutboxMessage>,
    audit: Vec<Entry>,
}

impl Rows {
    fn write(&mut self, writes: Writes) {
        let (errands, audit) = (writes.errands(), writes.audit());
        for account in writes.accounts {
            match account {
                AccountWrite::Added(user) => {
                    self.last_user = user.id.get();
                    assert!(self.users.insert(user.id, user).is_none());
                }
                AccountWrite::Changed { before, after } => {
                    assert_eq!(self.users.insert(after.id, after), Some(before));
                }
                AccountWrite::Removed(user) => assert_eq!(self.users.remove(&user.id), Some(user)),
            }
        }
        for session in writes.sessions {
            match session {
                SessionWrite::Opened(session) | SessionWrite::Changed(session) => {
                    self.sessions.insert(session.id, session);
                }
                SessionWrite::Removed(id) => drop(self.sessions.remove(&id)),
            }
        }
        self.familiar.extend(writes.familiar);
        writes.revocations.into_iter().for_each(|one| self.revoke(one));
        self.tickets.retain(|(key, _)| !writes.tickets_removed.contains(key));
        for invitation in writes.invitations {
            match invitation {
                InvitationWrite::Added(invitation) => {
                    assert!(self.invitations.insert(invitation.id, invitation).is_none());
                }
                InvitationWrite::Removed(id) => drop(self.invitations.remove(&id)),
            }
        }
        self.errands.extend(errands);
        self.audit.extend(audit);
    }

    fn revoke(&mut self, one: Revocation) {
        match self.revocations.iter_mut().find(|known| is_same(known, &one)) {
            Some(known) => *known = widest(*known, one),
            None => self.revocations.push(one),
        }
    }

    /// Active administrators.
    fn active(&self) -> u64 {
        self.users.values().filter(|user| user.is_active_administrator()).count() as u64
    }

    /// The lowest generation whose tokens are good, and until when that is remembered.
    fn raised(&self, user: UserId) -> Option<(Generation, Timestamp)> {
        self.revocations.iter().find_map(|one| match one {
            Revocation::Generation { user: whose, minimum, until } if *whose == user => {
                Some((*minimum, *until))
            }
            _ => None,
        })
    }

    fn sessions_of(&self, user: UserId) -> Vec<SessionId> {
        self.sessions.values().filter(|session| session.user == user).map(|session| session.id).collect()
    }

    fn preconditions<'a>(&self, along: &'a UnitOfWork) -> LoadedPreconditions<'a> {
        let account = account(along).and_then(|seen| self.users.get(&seen.user));
        let held = |key| self.tickets.iter().find(|(held, _)| *held == key).map(|(_, ticket)| ticket);
        let ticket = super::ticket(along).and_then(held);
        let invitation = ticket.and_then(Ticket::invitation).and_then(|id| self.invitations.get(&id));
        let inviter = invitation.and_then(|one| one.invited_by).and_then(|id| self.users.get(&id));
        LoadedPreconditions {
            work: along,
            account: account.cloned(),
            ticket: ticket.cloned(),
            invitation: invitation.cloned(),
            inviter: inviter.cloned(),
        }
    }

    /// An account of this role.
    fn user(&mut self, role: Role) -> UserId {
        self.create(role, &work()).unwrap()
    }

    fn create(&mut self, role: Role, along: &UnitOfWork) -> Result<UserId, StoreError> {
        let new = new_user(self.last_user + 1, role);
        let (user, writes) = create(&new, self.last_user, false, &self.preconditions(along))?;
        self.write(writes);
        Ok(user.id)
    }
}

fn is_same(one: &Revocation, other: &Revocation) -> bool {
    match (one, other) {
        (Revocation::Token { id, .. }, Revocation::Token { id: other, .. }) => id == other,
        (Revocation::Session { id, .. }, Revocation::Session { id: other, .. }) => id == other,
        (Revocation::Generation { user, .. }, Revocation::Generation { user: other, .. }) => user == other,
        _ => false,
    }
}

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

/// A moment, in seconds after the tests' common beginning.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn new_user(number: u64, role: Role) -> NewUser {
    NewUser {
        email: Email::parse(&format!("u{number}@example.org")).unwrap(),
        password_hash: StoredHash("$argon2id$first".to_owned()),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        role,
        created_at: at(0),
        email_verified: false,
        ask_to_verify: false,
    }
}

fn token() -> RefreshToken {
    RefreshToken { id: TokenId::random(), issued_at: at(0), expires_at: at(3_600) }
}

fn session_of(user: UserId) -> Session {
    Session {
        id: SessionId::random(),
        user,
        created_at: at(0),
        last_used_at: at(0),
        expires_at: at(3_600),
        current: token(),
        current_used: false,
        previous: None,
        address: "192.0.2.1".to_owned(),
        user_agent: UserAgent::default(),
    }
}

/// A change of the year 1970.
fn work() -> UnitOfWork {
    work_at(Timestamp::default())
}

fn work_at(now: Timestamp) -> UnitOfWork {
    UnitOfWork::because(AuditEvent::new(Event::Started, now))
}

fn recording(now: Timestamp, entry: Entry) -> UnitOfWork {
    let mut event = AuditEvent::new(Event::Started, now);
    *event.entry_mut() = entry;
    UnitOfWork::because(event)
}

fn recorded_as(entry: Entry) -> AuditEvent {
    recording(at(0), entry).cause().clone()
}
