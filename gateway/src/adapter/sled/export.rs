//! The store as text: one state of it, while others go on reading and, but for a moment, writing.

use std::io::{BufWriter, Write};

use sled::{IVec, Tree};

use super::audit::text;
use super::familiar;
use super::transfer::{FORMAT, FORMAT_VERSION, Header, Line};
use super::trees::{LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, Trees, store_error};
use super::{SledStore, TransferCounts, TransferError, codec};
use crate::store::StoreError;

/// What was in the trees at one moment, not decoded yet.
struct State {
    store_id: String,
    counters: Vec<(&'static str, u64)>,
    users: Vec<(IVec, IVec)>,
    sessions: Vec<(IVec, IVec)>,
    familiar: Vec<(IVec, IVec)>,
    revocations: Vec<(IVec, IVec)>,
    tickets: Vec<(IVec, IVec)>,
    invitations: Vec<(IVec, IVec)>,
    errands: Vec<(IVec, IVec)>,
    audit: Vec<(IVec, IVec)>,
    tallies: Vec<(IVec, IVec)>,
}

impl SledStore {
    /// Writes everything to `out`. It changes nothing, so that it works on a full disk, too; a
    /// record that cannot be read ends it with an error. Blocks.
    pub fn export(&self, out: &mut dyn Write) -> Result<TransferCounts, TransferError> {
        let state = {
            // Writers wait while we collect, not while `out` takes what we collected.
            let _paused = self.0.writer.pause();
            self.read(collect)?
        };
        let mut out = BufWriter::new(out);
        let header = Header { format: FORMAT.to_owned(), version: FORMAT_VERSION, store_id: state.store_id };
        write_line(&mut out, &header)?;
        let used = |(name, value): &&(&str, u64)| *value > 0 || *name == LAST_USER_ID;
        for (name, value) in state.counters.iter().filter(used) {
            write_line(&mut out, &Line::Counter { name: (*name).to_owned(), value: *value })?;
        }
        for (_, value) in &state.users {
            write_line(&mut out, &Line::User(codec::decode("an account", value)?))?;
        }
        for (_, value) in &state.sessions {
            write_line(&mut out, &Line::Session(codec::decode("a session", value)?))?;
        }
        for (key, value) in &state.familiar {
            let (user, networks) = (codec::user_id(key)?, familiar::decode(value)?);
            write_line(&mut out, &Line::Familiar { user, networks })?;
        }
        for (key, value) in &state.revocations {
            write_line(&mut out, &Line::Revocation(codec::revocation(key, value)?))?;
        }
        for (key, value) in &state.tickets {
            let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
            write_line(&mut out, &Line::Ticket { key, ticket: codec::decode("a ticket", value)? })?;
        }
        for (_, value) in &state.invitations {
            write_line(&mut out, &Line::Invitation(codec::decode("an invitation", value)?))?;
        }
        for (_, value) in &state.errands {
            write_line(&mut out, &Line::Errand(codec::decode("an errand", value)?))?;
        }
        for (_, value) in &state.audit {
            write_line(&mut out, &Line::Audit { line: text(value)? })?;
        }
        for (key, value) in &state.tallies {
            let (hour, word) = codec::tally(key)?;
            let count = codec::number("a count", value)?;
            write_line(&mut out, &Line::Tally { hour, word: word.to_owned(), count })?;
        }
        let count = |entries: &[_]| entries.len() as u64;
        let counts = TransferCounts {
            users: count(&state.users),
            sessions: count(&state.sessions),
            revocations: count(&state.revocations),
            tickets: count(&state.tickets),
            invitations: count(&state.invitations),
            errands: count(&state.errands),
            audit: count(&state.audit),
        };
        write_line(&mut out, &Line::End(counts))?;
        out.flush().map_err(TransferError::Write)?;
        Ok(counts)
    }
}

fn collect(trees: &Trees) -> Result<State, StoreError> {
    let all = |tree: &Tree| tree.iter().collect::<Result<_, _>>().map_err(store_error);
    Ok(State {
        store_id: trees.store_id()?,
        counters: [LAST_USER_ID, LAST_INVITATION_ID, LAST_ERRAND_ID]
            .into_iter()
            .map(|name| Ok((name, trees.counter(name)?)))
            .collect::<Result<_, StoreError>>()?,
        users: all(&trees.users)?,
        sessions: all(&trees.sessions)?,
        familiar: all(&trees.familiar)?,
        revocations: all(&trees.revocations)?,
        tickets: all(&trees.tickets)?,
        invitations: all(&trees.invitations)?,
        errands: all(&trees.errands)?,
        audit: all(&trees.audit)?,
        tallies: all(&trees.tallies)?,
    })
}

fn write_line(out: &mut impl Write, line: &impl serde::Serialize) -> Result<(), TransferError> {
    let mut text = codec::encode(line)?;
    text.push(b'\n');
    out.write_all(&text).map_err(TransferError::Write)
}
