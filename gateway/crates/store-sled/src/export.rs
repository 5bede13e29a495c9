//! The store as text: one state of it, record by record, so that it takes little memory however much
//! there is. Each line is read back while it is written.

use std::io::Write;

use super::audit::text;
use super::familiar;
use super::trees::{Trees, store_error};
use super::{SledStore, codec};
use gateway_durable_sled::caught;
use gateway_store::transfer::{
    LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, Line, Lines, TransferCounts, TransferError,
};
use gateway_store::{Session, StoreError};

impl SledStore {
    /// Writes everything to `out`. It changes nothing, so that it works on a full disk, too; a
    /// record that cannot be read ends it with an error, and one that an import would refuse is
    /// written, and told of at the end. Writers wait meanwhile. Blocks.
    pub fn export(&self, out: &mut dyn Write) -> Result<TransferCounts, TransferError> {
        let _paused = self.0.durable.pause();
        let written = caught(|| write(self.trees(), Lines::to(out)));
        written.unwrap_or_else(|panic| Err(StoreError::Corrupt(panic).into()))
    }
}

fn write(trees: &Trees, mut lines: Lines<'_>) -> Result<TransferCounts, TransferError> {
    lines.begin(trees.installation()?)?;
    for name in [LAST_USER_ID, LAST_INVITATION_ID, LAST_ERRAND_ID] {
        let value = trees.counter(name)?;
        if value > 0 || name == LAST_USER_ID {
            lines.write(&Line::Counter { name: name.to_owned(), value })?;
        }
    }
    for entry in trees.users.iter() {
        lines.write(&Line::User(codec::decode("an account", &entry.map_err(store_error)?.1)?))?;
    }
    // A deletion that was broken off can leave something behind of an account: that is nobody's.
    let is_here = |user| trees.users.contains_key(codec::user_key(user)).map_err(store_error);
    for entry in trees.sessions.iter() {
        let session: Session = codec::decode("a session", &entry.map_err(store_error)?.1)?;
        if is_here(session.user)? {
            lines.write(&Line::Session(session))?;
        }
    }
    for entry in trees.familiar.iter() {
        let (key, value) = entry.map_err(store_error)?;
        let (user, networks) = (codec::user_id(&key)?, familiar::decode(&value)?);
        if is_here(user)? {
            lines.write(&Line::Familiar { user, networks })?;
        }
    }
    for entry in trees.revocations.iter() {
        let (key, value) = entry.map_err(store_error)?;
        lines.write(&Line::Revocation(codec::revocation(&key, &value)?))?;
    }
    for entry in trees.tickets.iter() {
        let (key, value) = entry.map_err(store_error)?;
        let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
        lines.write(&Line::Ticket { key, ticket: codec::decode("a ticket", &value)? })?;
    }
    for entry in trees.invitations.iter() {
        lines.write(&Line::Invitation(codec::decode("an invitation", &entry.map_err(store_error)?.1)?))?;
    }
    for entry in trees.errands.iter() {
        lines.write(&Line::Errand(codec::decode("an errand", &entry.map_err(store_error)?.1)?))?;
    }
    for entry in trees.audit.iter() {
        lines.write(&Line::Audit { line: text(&entry.map_err(store_error)?.1)? })?;
    }
    for entry in trees.tallies.iter() {
        let (key, value) = entry.map_err(store_error)?;
        let (hour, word) = codec::tally(&key)?;
        let count = codec::number("a count", &value)?;
        lines.write(&Line::Tally { hour, word: word.to_owned(), count })?;
    }
    lines.end()
}
