//! How the entries hold together. A line is JSON; its last member is the SHA-256 of the line without
//! that member, and the member before is the hash of the line before: who changes, removes or moves
//! a line must make all later ones anew.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Entry;
use gateway_clock::Timestamp;

/// The event by which the trail says that its beginning was removed, as its time was over.
pub(crate) const EXPIRED: &str = "audit_expired";

/// SHA-256 of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    fn digest(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    /// What a line says of itself, at its end.
    pub fn of_line(line: &str) -> Option<Self> {
        let start = line.len().checked_sub(66)?;
        Self::parse(line.get(start..start + 64)?)
    }

    /// 64 hexadecimal digits in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let (high, low) = (digit(*pair.first()?)?, digit(*pair.get(1)?)?);
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// From 1 on, without a gap.
    pub seq: u64,
    /// RFC 3339 in UTC, with milliseconds.
    pub time: String,
    #[serde(flatten)]
    pub entry: Entry,
    /// The hash of the entry before; zeros before the first.
    pub prev: String,
}

/// `,"hash":"` 64 digits `"}`
const TAIL: usize = 9 + 64 + 2;

/// The line of an entry, its texts within their bounds, and its hash. `None` only if it cannot be written as JSON, which has no way
/// to happen.
pub fn seal(seq: u64, at: Timestamp, entry: Entry, prev: Hash) -> Option<(String, Hash)> {
    let entry = entry.bounded();
    let sealed = Sealed { seq, time: at.to_millis_string(), entry, prev: prev.to_string() };
    let mut line = serde_json::to_string(&sealed).ok()?;
    let hash = Hash::digest(&line);
    line.truncate(line.len() - 1);
    line.push_str(&format!(",\"hash\":\"{hash}\"}}"));
    Some((line, hash))
}

/// What is wrong with a trail, at its first fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Break {
    #[error("line {line}: it is no entry of an audit trail")]
    Unreadable { line: u64 },
    #[error("entry {seq}: it was changed after it was written")]
    Changed { seq: u64 },
    #[error("entry {found} stands where entry {expected} should: something was removed, added or moved")]
    OutOfPlace { expected: u64, found: u64 },
    #[error("entry {seq} does not follow from the one before, which was changed or replaced")]
    Unlinked { seq: u64 },
    #[error("entry {seq} is there, and a search by its user does not find it: the index was changed")]
    Hidden { seq: u64 },
    #[error("it begins with entry {seq}, and no entry says that those before were removed")]
    Beheaded { seq: u64 },
    #[error("it ends with entry {found}, but {expected} were written")]
    CutOff { expected: u64, found: u64 },
    #[error("entry {seq} is not the one that was noted: the trail was written anew")]
    Rewritten { seq: u64 },
    #[error("entry {seq} was noted, and the trail begins later: whether it was written anew cannot be said")]
    NotedIsGone { seq: u64 },
}

/// A whole trail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    pub entries: u64,
    pub first: u64,
    pub last: u64,
    /// Of the last entry: noted elsewhere, it proves later that nothing before it was rewritten.
    pub head: Hash,
}

/// Proves a trail line by line.
#[derive(Debug, Default)]
pub struct Prover {
    lines: u64,
    proof: Proof,
    /// What the first line says is before it, until an entry vouches for it.
    unvouched: Option<(u64, Hash)>,
    /// The same, vouched for or not.
    before_first: Option<(u64, Hash)>,
    noted: Option<(u64, Hash)>,
}

impl Prover {
    /// `noted` is an entry's number and hash, kept elsewhere: it must be in the trail as it is.
    pub fn new(noted: Option<(u64, Hash)>) -> Self {
        Self { noted, ..Self::default() }
    }

    /// The next line, without its line break.
    pub fn take(&mut self, line: &str) -> Result<(), Break> {
        self.lines += 1;
        let unreadable = || Break::Unreadable { line: self.lines };
        let cut = line.len().checked_sub(TAIL).filter(|cut| line.is_char_boundary(*cut));
        let (body, tail) = line.split_at(cut.ok_or_else(unreadable)?);
        let said = tail.strip_prefix(",\"hash\":\"").and_then(|rest| rest.strip_suffix("\"}"));
        let said = said.and_then(Hash::parse).ok_or_else(unreadable)?;
        let body = format!("{body}}}");
        let sealed: Sealed = serde_json::from_str(&body).map_err(|_| unreadable())?;
        let prev = Hash::parse(&sealed.prev).ok_or_else(unreadable)?;
        let seq = sealed.seq;
        if Hash::digest(&body) != said {
            return Err(Break::Changed { seq });
        }
        if self.proof.entries == 0 {
            self.proof.first = seq;
            let before = seq.checked_sub(1).ok_or_else(unreadable)?;
            if before > 0 {
                self.unvouched = Some((before, prev));
                self.before_first = self.unvouched;
            } else if prev != Hash::default() {
                return Err(Break::Unlinked { seq });
            }
        } else if seq != self.proof.last + 1 {
            return Err(Break::OutOfPlace { expected: self.proof.last + 1, found: seq });
        } else if prev != self.proof.head {
            return Err(Break::Unlinked { seq });
        }
        if self.noted.is_some_and(|(noted, hash)| noted == seq && hash != said) {
            return Err(Break::Rewritten { seq });
        }
        if sealed.entry.event == EXPIRED && self.unvouched.is_some() && sealed.entry.detail == self.vouching()
        {
            self.unvouched = None;
        }
        self.proof = Proof { entries: self.proof.entries + 1, last: seq, head: said, ..self.proof };
        Ok(())
    }

    fn vouching(&self) -> Option<String> {
        self.unvouched.map(|(seq, hash)| vouch(seq, hash))
    }

    /// After the last line. `written` is how many there should have been, where that is known.
    pub fn finish(self, written: Option<u64>) -> Result<Proof, Break> {
        let found = self.proof.last;
        let noted = self.noted.map(|(seq, _)| seq);
        if let Some(expected) = written.into_iter().chain(noted).max().filter(|expected| *expected > found) {
            return Err(Break::CutOff { expected, found });
        }
        // A part of a trail is proved by the hash of the entry before it.
        if let Some((before, _)) = self.unvouched.filter(|before| Some(*before) != self.noted) {
            return Err(Break::Beheaded { seq: before + 1 });
        }
        // A noted entry that was the last to be removed is still named by the first that is left.
        if let Some((seq, hash)) = self.noted.filter(|(seq, _)| *seq < self.proof.first) {
            return match self.before_first {
                Some(before) if before == (seq, hash) => Ok(self.proof),
                Some((last, _)) if last == seq => Err(Break::Rewritten { seq }),
                _ => Err(Break::NotedIsGone { seq }),
            };
        }
        Ok(self.proof)
    }
}

/// What the event [`EXPIRED`] says of the last entry that was removed.
pub(crate) fn vouch(seq: u64, hash: Hash) -> String {
    format!("through {seq} {hash}")
}

#[cfg(test)]
mod tests;
