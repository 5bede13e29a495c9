//! A store from text: every line is checked before anything is written, and only an empty store is
//! written to.

use std::collections::HashSet;
use std::io::{BufRead, Read};

use super::transfer::{FORMAT, FORMAT_VERSION, FORMAT_VERSION_FIRST, Header, Line};
use super::trees::{
    Change, Fault, IMPORTING, LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, STORE_ID, Stop, Trees,
    store_error,
};
use super::{SledStore, TransferCounts, TransferError};
use crate::identity::{Email, SessionId, UserId};
use crate::store::{Familiar, Invitation, Prover, Queued, Revocation, Session, Tally, Ticket, User};

/// Bytes of a line. The longest record, a session with its user agent, has a few thousand.
const LINE_BYTES_MAX: u64 = 64 * 1_024;

/// Records in one transaction: sled holds a transaction in memory until it is complete.
const TRANSACTION_RECORDS: usize = 512;

/// An export that was read and checked.
#[derive(Default)]
struct Export {
    store_id: String,
    last_user_id: u64,
    users: Vec<User>,
    sessions: Vec<Session>,
    familiar: Vec<(UserId, Vec<Familiar>)>,
    revocations: Vec<Revocation>,
    tickets: Vec<([u8; 32], Ticket)>,
    invitations: Vec<Invitation>,
    errands: Vec<Queued>,
    audit: Vec<String>,
    tallies: Vec<Tally>,
    last_invitation_id: u64,
    last_errand_id: u64,
    prover: Prover,
    user_ids: HashSet<UserId>,
    emails: HashSet<Email>,
    session_ids: HashSet<SessionId>,
    ended: bool,
}

impl SledStore {
    /// Fills this store, which must be empty, with an export; it takes over the export's store id.
    /// It is durable on return. Blocks.
    pub fn import(&self, input: &mut dyn BufRead) -> Result<TransferCounts, TransferError> {
        let export = read(input)?;
        let counts = export.counts();
        let imported = self.0.writer.write_blocking(move |trees| {
            let empty = trees.all()[1..].iter().all(|tree| tree.is_empty());
            if empty { write(trees, &export).map(|()| true) } else { Ok(false) }
        })?;
        imported.then_some(counts).ok_or(TransferError::NotEmpty)
    }
}

fn read(input: &mut dyn BufRead) -> Result<Export, TransferError> {
    let mut export = Export::default();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let length =
            (&mut *input).take(LINE_BYTES_MAX).read_until(b'\n', &mut text).map_err(TransferError::Read)?;
        let fault = |fault: String| TransferError::Line { line, fault };
        match (length, line) {
            (0, _) if export.ended => {
                let proof = std::mem::take(&mut export.prover).finish(None);
                proof.map_err(|broken| fault(format!("the audit trail: {broken}")))?;
                return Ok(export);
            }
            (0, _) => {
                return Err(fault("the export is cut off: its last line is missing".into()));
            }
            (_, 1) => export.store_id = header(&text).map_err(fault)?,
            _ => {
                let record = serde_json::from_slice(&text).map_err(|cause| fault(cause.to_string()))?;
                export.take(record).map_err(fault)?;
            }
        }
    }
    Ok(export)
}

fn header(text: &[u8]) -> Result<String, String> {
    let header: Header = serde_json::from_slice(text)
        .map_err(|cause| format!("this is not the header of a {FORMAT} export: {cause}"))?;
    if header.format != FORMAT {
        return Err(format!("the format is {:?}, not {FORMAT:?}", header.format));
    }
    if !(FORMAT_VERSION_FIRST..=FORMAT_VERSION).contains(&header.version) {
        let found = header.version;
        return Err(format!("the format has version {found}, this version reads {FORMAT_VERSION}"));
    }
    uuid::Uuid::try_parse(&header.store_id).map_err(|_| "the store_id is not a UUID".to_owned())?;
    Ok(header.store_id)
}

impl Export {
    /// Adds a record that fits to those before it.
    fn take(&mut self, record: Line) -> Result<(), String> {
        require(!self.ended, || "there is something after the end".to_owned())?;
        match record {
            Line::Counter { name, value } => {
                let counter = match name.as_str() {
                    LAST_USER_ID => &mut self.last_user_id,
                    LAST_INVITATION_ID => &mut self.last_invitation_id,
                    LAST_ERRAND_ID => &mut self.last_errand_id,
                    _ => return Err(format!("there is no counter {name:?}")),
                };
                require(*counter == 0, || format!("{name} was set before"))?;
                *counter = value;
            }
            Line::User(user) => {
                let id = user.id.get();
                // Also what keeps `last_user_id` and the ids that JSON clients can read together.
                let given = id <= self.last_user_id && id <= UserId::MAX;
                require(given, || format!("user {id} is beyond the counter {LAST_USER_ID}"))?;
                require(self.user_ids.insert(user.id), || format!("user {id} was there before"))?;
                let fresh = self.emails.insert(user.email.clone());
                require(fresh, || format!("the address of user {id} was there before"))?;
                self.users.push(user);
            }
            Line::Session(session) => {
                let (id, user) = (session.id, session.user);
                let known = self.user_ids.contains(&user);
                require(known, || format!("session {id} belongs to user {user}, who is not here"))?;
                let fresh = self.session_ids.insert(id);
                require(fresh, || format!("session {id} was there before"))?;
                self.sessions.push(session);
            }
            Line::Familiar { user, networks } => {
                let known = self.user_ids.contains(&user);
                require(known, || format!("networks of user {user}, who is not here"))?;
                self.familiar.push((user, networks));
            }
            Line::Revocation(revocation) => self.revocations.push(revocation),
            Line::Ticket { key, ticket } => {
                let key = bytes(&key).ok_or("the key of a ticket has 64 hexadecimal digits")?;
                self.tickets.push((key, ticket));
            }
            Line::Invitation(invitation) => {
                let given = invitation.id <= self.last_invitation_id;
                require(given, || format!("{} is beyond {LAST_INVITATION_ID}", invitation.id))?;
                self.invitations.push(invitation);
            }
            Line::Errand(errand) => {
                let given = errand.id <= self.last_errand_id;
                require(given, || format!("{} is beyond {LAST_ERRAND_ID}", errand.id))?;
                self.errands.push(errand);
            }
            Line::Audit { line } => {
                self.prover.take(&line).map_err(|broken| format!("the audit trail: {broken}"))?;
                self.audit.push(line);
            }
            Line::Tally { hour, word, count } => self.tallies.push(Tally { hour, word, count }),
            Line::End(counts) => {
                let read = self.counts();
                require(counts == read, || format!("{counts:?} were written, {read:?} are here"))?;
                self.ended = true;
            }
        }
        Ok(())
    }

    fn counts(&self) -> TransferCounts {
        TransferCounts {
            users: self.users.len() as u64,
            sessions: self.sessions.len() as u64,
            revocations: self.revocations.len() as u64,
            tickets: self.tickets.len() as u64,
            invitations: self.invitations.len() as u64,
            errands: self.errands.len() as u64,
            audit: self.audit.len() as u64,
        }
    }
}

/// 64 hexadecimal digits.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, start) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(start..start + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn require(sound: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    sound.then_some(()).ok_or_else(fault)
}

/// Many transactions, between a first that says so and a last that takes it back: a store with
/// half an import is not opened again.
fn write(trees: &Trees, export: &Export) -> Result<(), Fault> {
    let half = |error: Fault| match error {
        Fault::Refused(error) | Fault::HalfApplied(error) => Fault::HalfApplied(error),
    };
    trees.transact(|change| change.set_counter(IMPORTING, 1))?;
    trees.meta.flush().map_err(|error| half(store_error(error).into()))?;
    put(trees, &export.users, Change::add_user).map_err(half)?;
    put(trees, &export.sessions, Change::open_session).map_err(half)?;
    put(trees, &export.familiar, |change, (user, networks)| change.put_familiar(*user, networks))
        .map_err(half)?;
    put(trees, &export.revocations, Change::revoke).map_err(half)?;
    put(trees, &export.tickets, |change, (key, ticket)| change.put_ticket(key, ticket)).map_err(half)?;
    put(trees, &export.invitations, Change::put_invitation).map_err(half)?;
    put(trees, &export.errands, Change::put_errand).map_err(half)?;
    put(trees, &export.audit, |change, line| change.put_line(line)).map_err(half)?;
    put(trees, &export.tallies, |change, one| change.tally(one.hour, &one.word, one.count)).map_err(half)?;
    let ended = trees.transact(|change| {
        change.set_counter(LAST_INVITATION_ID, export.last_invitation_id)?;
        change.set_counter(LAST_ERRAND_ID, export.last_errand_id)?;
        change.set_counter(LAST_USER_ID, export.last_user_id)?;
        change.meta.insert(STORE_ID, export.store_id.as_bytes())?;
        change.meta.remove(IMPORTING)?;
        Ok(())
    });
    ended.map_err(half)
}

fn put<T>(trees: &Trees, records: &[T], put: impl Fn(&Change, &T) -> Result<(), Stop>) -> Result<(), Fault> {
    records
        .chunks(TRANSACTION_RECORDS)
        .try_for_each(|some| trees.transact(|change| some.iter().try_for_each(|record| put(change, record))))
}
