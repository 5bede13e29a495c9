//! What is asked of each line of an export: the same of who writes one and of who reads one, so that what
//! was written can be read. It keeps no records, only what the next ones must fit to.

use std::collections::HashSet;

use super::{
    IDS_SKIPPED, LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, LINE_BYTES_MAX, Line, TransferCounts,
};
use crate::Prover;
use gateway_identity::{Email, SessionId, UserId};

/// Knows the lines so far, but for the header.
#[derive(Default)]
pub struct ImportCheck {
    pub last_user_id: u64,
    pub last_invitation_id: u64,
    pub last_errand_id: u64,
    /// Of the records so far, the last one included, whatever was wrong with it.
    pub counts: TransferCounts,
    prover: Prover,
    user_ids: HashSet<UserId>,
    emails: HashSet<Email>,
    session_ids: HashSet<SessionId>,
    tickets: HashSet<[u8; 32]>,
    invitation_ids: HashSet<u64>,
    errand_ids: HashSet<u64>,
    ended: bool,
}

impl ImportCheck {
    /// The record of the next line, without its line break, if it fits to those before it.
    pub(super) fn take(&mut self, text: &[u8]) -> Result<Line, String> {
        require(text.len() < LINE_BYTES_MAX, || format!("it is longer than {LINE_BYTES_MAX} bytes"))?;
        let record = serde_json::from_slice(text).map_err(|cause| cause.to_string())?;
        require(!self.ended, || "there is something after the end".to_owned())?;
        self.fits(&record)?;
        Ok(record)
    }

    /// After the last line.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        require(self.ended, || "the export is cut off: its last line is missing".to_owned())?;
        let proof = std::mem::take(&mut self.prover).finish(None);
        proof.map(drop).map_err(|broken| format!("the audit trail: {broken}"))
    }

    fn fits(&mut self, record: &Line) -> Result<(), String> {
        self.counts.add(record);
        match record {
            Line::Counter { name, value } => {
                let counter = match name.as_str() {
                    LAST_USER_ID => &mut self.last_user_id,
                    LAST_INVITATION_ID => &mut self.last_invitation_id,
                    LAST_ERRAND_ID => &mut self.last_errand_id,
                    _ => return Err(format!("there is no counter {name:?}")),
                };
                require(*counter == 0, || format!("{name} was set before"))?;
                // What comes back goes on above it.
                let has_room = *value <= UserId::MAX - IDS_SKIPPED;
                require(has_room, || format!("{name} leaves no room for more"))?;
                *counter = *value;
            }
            Line::User(user) => {
                let id = user.id.get();
                // Also what keeps `last_user_id` and the ids that JSON clients can read together.
                let given = id <= self.last_user_id && id <= UserId::MAX;
                require(given, || format!("user {id} is beyond the counter {LAST_USER_ID}"))?;
                require(self.user_ids.insert(user.id), || format!("user {id} was there before"))?;
                let fresh = self.emails.insert(user.email.clone());
                require(fresh, || format!("the address of user {id} was there before"))?;
            }
            Line::Session(session) => {
                let (id, user) = (session.id, session.user);
                let known = self.user_ids.contains(&user);
                require(known, || format!("session {id} belongs to user {user}, who is not here"))?;
                let fresh = self.session_ids.insert(id);
                require(fresh, || format!("session {id} was there before"))?;
            }
            Line::Familiar { user, .. } => {
                let known = self.user_ids.contains(user);
                require(known, || format!("networks of user {user}, who is not here"))?;
            }
            Line::Ticket { key, .. } => {
                let fresh = self.tickets.insert(ticket_key(key)?);
                require(fresh, || "this ticket was there before".to_owned())?;
            }
            Line::Invitation(invitation) => {
                let given = invitation.id <= self.last_invitation_id;
                require(given, || format!("{} is beyond {LAST_INVITATION_ID}", invitation.id))?;
                let fresh = self.invitation_ids.insert(invitation.id);
                require(fresh, || format!("invitation {} was there before", invitation.id))?;
            }
            Line::Errand(errand) => {
                let given = errand.id <= self.last_errand_id;
                require(given, || format!("{} is beyond {LAST_ERRAND_ID}", errand.id))?;
                // Two would be one errand that is due at two times.
                let fresh = self.errand_ids.insert(errand.id);
                require(fresh, || format!("errand {} was there before", errand.id))?;
            }
            Line::Audit { line } => {
                self.prover.take(line).map_err(|broken| format!("the audit trail: {broken}"))?;
            }
            Line::End(counts) => {
                let read = self.counts;
                require(*counts == read, || format!("{counts:?} were written, {read:?} are here"))?;
                self.ended = true;
            }
            // Of two about the same, the store keeps the wider one, and the sum of two counts.
            Line::Revocation(_) | Line::Tally { .. } => {}
        }
        Ok(())
    }
}

impl TransferCounts {
    fn add(&mut self, record: &Line) {
        let count = match record {
            Line::User(_) => &mut self.users,
            Line::Session(_) => &mut self.sessions,
            Line::Revocation(_) => &mut self.revocations,
            Line::Ticket { .. } => &mut self.tickets,
            Line::Invitation(_) => &mut self.invitations,
            Line::Errand(_) => &mut self.errands,
            Line::Audit { .. } => &mut self.audit,
            Line::Familiar { .. } | Line::Tally { .. } | Line::Counter { .. } | Line::End(_) => {
                return;
            }
        };
        *count += 1;
    }
}

/// 64 hexadecimal digits.
pub fn ticket_key(text: &str) -> Result<[u8; 32], String> {
    let parse = || {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, start) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(text.get(start..start + 2)?, 16).ok()?;
        }
        Some(bytes)
    };
    parse().ok_or_else(|| "the key of a ticket has 64 hexadecimal digits".to_owned())
}

fn require(sound: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    sound.then_some(()).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_thing_has_one_line() {
        let waiting = include_str!("../../../../../tests/fuzzing/corpus/export/waiting");
        for (record, fault) in [
            ("ticket", "this ticket was there before"),
            ("invitation", "invitation 2 was there before"),
            ("errand", "errand 3 was there before"),
            ("user", "user 1 was there before"),
        ] {
            let is_twice = |line: &str| line.starts_with(&format!("{{\"record\":\"{record}\""));
            let line = waiting.lines().find(|line| is_twice(line)).unwrap();
            let later = line.replace("\"due_at\":2", "\"due_at\":3").replace("\"0a", "\"0A");
            let mut import_check = ImportCheck::default();
            let mut lines = waiting.lines().skip(1).take_while(|line| !line.contains("\"end\""));
            lines.try_for_each(|line| import_check.take(line.as_bytes()).map(drop)).unwrap();
            assert_eq!(import_check.take(later.as_bytes()).unwrap_err(), fault);
        }
    }
}
