//! A store from text: every line is checked before anything is written, and only an empty store is
//! written to.

#[cfg(test)]
mod fuzz;

use std::io::BufRead;

use super::trees::{Change, Fault, IMPORTING, STORE_ID, Stop, Trees, store_error};
use super::{SledStore, installation};
use gateway_identity::{InstallationId, UserId};
use gateway_store::transfer::{
    IDS_SKIPPED, ImportCheck, LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, Line, TransferCounts,
    TransferError, read, ticket_key,
};
use gateway_store::{EventCount, Invitation, KnownNetwork, Queued, Revocation, Session, Ticket, User};

/// Records in one transaction: sled holds a transaction in memory until it is complete.
const TRANSACTION_RECORDS: usize = 512;

/// What the store becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importing {
    /// The installation of the export, if no id was given out here yet: its tokens stay good.
    Restore,
    /// An installation of its own, such as a copy to try things out: no token or link of the other one
    /// is good here, and nothing is sent that waits there.
    AsNew,
}

/// An export that was read and checked.
#[derive(Default)]
struct Export {
    installation: Option<InstallationId>,
    users: Vec<User>,
    sessions: Vec<Session>,
    familiar: Vec<(UserId, Vec<KnownNetwork>)>,
    revocations: Vec<Revocation>,
    tickets: Vec<([u8; 32], Ticket)>,
    invitations: Vec<Invitation>,
    errands: Vec<Queued>,
    audit: Vec<String>,
    tallies: Vec<EventCount>,
    import_check: ImportCheck,
}

impl SledStore {
    /// Fills this store, which must be empty, with an export. It is durable on return. Blocks.
    pub fn import(
        &self,
        input: &mut dyn BufRead,
        importing: Importing,
    ) -> Result<TransferCounts, TransferError> {
        let mut export = Export::default();
        (export.installation, export.import_check) = read(input, |record| export.keep(record))?;
        if importing == Importing::AsNew {
            export.leave_behind();
        }
        let counts = export.counts();
        let imported = self.0.durable.write_blocking(move |trees| {
            let empty = trees.all()[1..].iter().all(|tree| tree.is_empty());
            if empty { write(trees, &export).map(|()| true) } else { Ok(false) }
        })?;
        if !imported {
            return Err(TransferError::NotEmpty);
        }
        installation::record(&self.0.place.folder, self.read(Trees::installation)?);
        Ok(counts)
    }
}

impl Export {
    /// What is of the other installation alone: who is logged in there, what its mails link to, and
    /// what it has yet to send.
    fn leave_behind(&mut self) {
        self.installation = None;
        self.sessions.clear();
        self.tickets.clear();
        self.invitations.clear();
        self.errands.clear();
    }

    fn keep(&mut self, record: Line) -> Result<(), String> {
        match record {
            Line::User(user) => self.users.push(user),
            Line::Session(session) => self.sessions.push(session),
            Line::Familiar { user, networks } => self.familiar.push((user, networks)),
            Line::Revocation(revocation) => self.revocations.push(revocation),
            Line::Ticket { key, ticket } => self.tickets.push((ticket_key(&key)?, ticket)),
            Line::Invitation(invitation) => self.invitations.push(invitation),
            Line::Errand(errand) => self.errands.push(errand),
            Line::Audit { line } => self.audit.push(line),
            Line::Tally { hour, word, count } => self.tallies.push(EventCount { hour, word, count }),
            Line::Counter { .. } | Line::End(_) => {}
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
        let given_here = change.counter(LAST_USER_ID)?;
        for (name, last) in [
            (LAST_INVITATION_ID, export.import_check.last_invitation_id),
            (LAST_ERRAND_ID, export.import_check.last_errand_id),
            (LAST_USER_ID, export.import_check.last_user_id.max(given_here)),
        ] {
            change.set_counter(name, last.saturating_add(IDS_SKIPPED))?;
        }
        // A user who got an id here may have a token: it must not become somebody of the export.
        if let Some(id) = export.installation.filter(|_| given_here == 0) {
            change.meta.insert(STORE_ID, id.to_string().as_bytes())?;
        }
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
