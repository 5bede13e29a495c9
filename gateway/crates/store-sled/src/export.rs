//! The store as text: one state of it, record by record, so that it takes little memory however much
//! there is. Each line is read back while it is written.

use std::io::{BufWriter, Write};

use serde::Serialize;

use super::audit::text;
use super::familiar;
use super::import::header;
use super::import_check::ImportCheck;
use super::transfer::{FORMAT, FORMAT_VERSION, Header, Line};
use super::trees::{LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, Trees, store_error};
use super::{SledStore, TransferCounts, TransferError, codec};
use gateway_durable_sled::caught;
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
    lines.begin(&Header {
        format: FORMAT.to_owned(),
        version: FORMAT_VERSION,
        store_id: trees.installation()?,
    })?;
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

/// What is written, and read back.
struct Lines<'a> {
    out: BufWriter<&'a mut dyn Write>,
    import_check: ImportCheck,
    number: u64,
    /// The first line that no import would take, and why.
    fault: Option<(u64, String)>,
}

impl<'a> Lines<'a> {
    fn to(out: &'a mut dyn Write) -> Self {
        Self { out: BufWriter::new(out), import_check: ImportCheck::default(), number: 0, fault: None }
    }

    fn begin(&mut self, first: &Header) -> Result<(), TransferError> {
        self.put(first, |_, text| header(text).map(drop))
    }

    fn write(&mut self, line: &Line) -> Result<(), TransferError> {
        self.put(line, |import_check, text| import_check.take(text).map(drop))
    }

    fn end(mut self) -> Result<TransferCounts, TransferError> {
        let counts = self.import_check.counts;
        self.write(&Line::End(counts))?;
        self.out.flush().map_err(TransferError::Write)?;
        let unread = self.import_check.finish().err().map(|fault| (self.number, fault));
        match self.fault.or(unread) {
            None => Ok(counts),
            Some((line, fault)) => Err(TransferError::Unreadable { line, fault }),
        }
    }

    fn put(
        &mut self,
        line: &impl Serialize,
        read_back: impl FnOnce(&mut ImportCheck, &[u8]) -> Result<(), String>,
    ) -> Result<(), TransferError> {
        let mut text = codec::encode(line)?;
        self.number += 1;
        if let Err(fault) = read_back(&mut self.import_check, &text) {
            self.fault.get_or_insert((self.number, fault));
        }
        text.push(b'\n');
        self.out.write_all(&text).map_err(TransferError::Write)
    }
}
