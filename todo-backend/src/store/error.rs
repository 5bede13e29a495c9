//! What can go wrong with the store, in words that say what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder's lock is held.
    #[error(
        "the data folder {} is in use by another process; stop that one, or use another folder",
        .0.display()
    )]
    InUse(PathBuf),

    /// The files do not hold what was written to them.
    #[error(
        "the todo store in {} is damaged ({why}); move the folder aside and restore your last \
         export with `todo-backend import`, or remove the file confirmed-changes from it to try \
         to go on with what is left",
        path.display()
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What gave it away.
        why: String,
    },

    /// An import did not come to its end.
    #[error(
        "an import into {} was interrupted; move the folder aside and import again",
        .0.display()
    )]
    HalfImported(PathBuf),

    /// Written by a version that this one does not know.
    #[error(
        "the todo store in {} has format {found}, and this version knows formats up to {known}; \
         use a newer todo-backend",
        path.display()
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that this version can read.
        known: u64,
    },

    /// The folder cannot be made, read or written.
    #[error("cannot use the data folder {}: {cause}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        cause: io::Error,
    },

    /// Too little free space for a write; reads go on.
    #[error("writes are refused: {0}")]
    NoSpace(String),

    /// sled failed at running time. After a failed write it takes no further ones.
    #[error("the todo store cannot be read or written: {0}")]
    Unavailable(String),

    /// An import into a store that has, or once had, todos.
    #[error("the data folder {} is not empty; import into a new one", .0.display())]
    NotEmpty(PathBuf),

    /// A line of an import that cannot be taken.
    #[error("line {line}: {why}; nothing was imported")]
    Import {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },

    /// The file of an import or export failed.
    #[error("{0}")]
    Transfer(#[from] io::Error),
}

impl StoreError {
    pub(super) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), why: why.into() }
    }
}

/// At running time; `open` has its own eyes for what sled says at start.
impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// What reading the trees can meet, before it is known where they lie.
#[derive(Debug)]
pub(super) enum Fault {
    Driver(sled::Error),
    /// The trees do not fit together.
    Broken(&'static str),
}

impl Fault {
    /// As `at`, while sled may still say that it cannot read its files.
    pub(super) fn at_open(self, path: &Path) -> StoreError {
        match self {
            Self::Driver(error) => super::open::refused(path, error),
            broken @ Self::Broken(_) => broken.at(path),
        }
    }

    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Driver(error) => error.into(),
            Self::Broken(why) => StoreError::damaged(path, why),
        }
    }
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        Self::Driver(error)
    }
}
