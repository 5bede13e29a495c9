//! A small file beside the database that remembers how much was confirmed to clients.
//!
//! sled takes a damaged stretch of its log for the torn end of a crash: it goes back to the state
//! before it and says nothing, and takes an emptied file for a new database. Every change has a
//! number, and this file holds the last one that was answered. A database that ends before it has
//! lost what it had promised.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

const NAME: &str = "confirmed-changes";

/// Fixed, so that a later number overwrites an earlier one in place.
const DIGITS: usize = 20;

pub(super) struct Witness {
    file: File,
}

/// What the witness of a folder says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Testimony {
    /// There is none: the folder is new, or somebody removed it to go on with what is left.
    Silent,
    /// All changes up to this one were confirmed.
    Confirmed(u64),
    Unreadable,
}

impl Witness {
    pub(super) fn hear(folder: &Path) -> io::Result<Testimony> {
        let mut text = String::new();
        match File::open(folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Testimony::Silent),
            Err(error) => return Err(error),
            Ok(file) => {
                if file.take(64).read_to_string(&mut text).is_err() {
                    return Ok(Testimony::Unreadable);
                }
            }
        }
        let number = text.strip_suffix('\n').filter(|digits| digits.len() == DIGITS);
        let number = number.and_then(|digits| digits.parse().ok());
        Ok(number.map_or(Testimony::Unreadable, Testimony::Confirmed))
    }

    pub(super) fn call(folder: &Path, changes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(NAME))?;
        let witness = Self { file };
        witness.confirm(changes)?;
        witness.file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(witness)
    }

    /// To be called after the flush, never before: a number too small only sees less, a number too
    /// large would accuse a sound store. Not synced for the same reason.
    pub(super) fn confirm(&self, changes: u64) -> io::Result<()> {
        self.file.write_all_at(format!("{changes:0DIGITS$}\n").as_bytes(), 0)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_last_confirmed_number_is_remembered() {
        let folder = TempDir::new().unwrap();
        assert_eq!(Witness::hear(folder.path()).unwrap(), Testimony::Silent);

        let witness = Witness::call(folder.path(), 99_999).unwrap();
        witness.confirm(100_000).unwrap();
        assert_eq!(Witness::hear(folder.path()).unwrap(), Testimony::Confirmed(100_000));

        std::fs::write(folder.path().join(NAME), "12").unwrap();
        assert_eq!(Witness::hear(folder.path()).unwrap(), Testimony::Unreadable);
    }
}
