//! The folder of our own private keys: one folder for each use, one file for each key.
//!
//! What is in it says everything: which key signs when follows from the times in the files, so
//! that there is no other state that could contradict them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::file::File as Settings;
use super::private_file;
use gateway_clock::Timestamp;
use gateway_token::{Algorithm, DatedKey};

/// What the keys of a folder are for. A key for one use is unknown to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    Access,
    Refresh,
    Assertion,
}

impl KeyUse {
    pub const ALL: [Self; 3] = [Self::Access, Self::Refresh, Self::Assertion];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Assertion => "assertion",
        }
    }
}

/// A key, and the file that it is in.
pub struct FoundKey {
    pub path: PathBuf,
    pub dated: DatedKey,
}

/// More files than any rotation leaves behind; each is read at every start and reload.
const FILES_MAX: usize = 64;

pub struct KeyFolder {
    path: PathBuf,
    /// A key in a file without a time signs so long after the file was written.
    publish_delay: Duration,
}

/// Held while keys are made and removed; another process waits for it.
pub struct Locked<'a> {
    folder: &'a KeyFolder,
    _lock: File,
}

impl KeyFolder {
    /// The one that the settings name.
    pub fn from_settings(settings: &Settings) -> Self {
        let tokens = &settings.tokens;
        let path = tokens.keys_path.clone().unwrap_or_else(|| settings.store.path.join("keys"));
        Self { path, publish_delay: Duration::from_secs(tokens.publish_delay_seconds) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub fn of_use(&self, usage: KeyUse) -> PathBuf {
        self.path.join(usage.name())
    }

    /// All files of all uses, read or not.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let entries = KeyUse::ALL.into_iter().flat_map(|usage| std::fs::read_dir(self.of_use(usage)));
        let mut paths: Vec<_> = entries.flatten().flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| !name_of(path).starts_with('.'));
        paths.sort();
        paths
    }

    /// All keys for a use; none where there is no such folder. Otherwise everything that is wrong.
    pub fn read(&self, usage: KeyUse, ignored: &mut Vec<String>) -> Result<Vec<FoundKey>, Vec<String>> {
        let folder = self.of_use(usage);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(vec![format!("{}: {fault}", folder.display())]),
        };
        for folder in [&self.path, &folder] {
            private_file::refuse_open_folder(folder).map_err(|fault| vec![fault])?;
        }
        let (mut keys, mut faults, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(fault) => faults.push(format!("{}: {fault}", folder.display())),
            }
        }
        // Drafts, and what mounted folders have beside their files.
        paths.retain(|path| !name_of(path).starts_with('.'));
        if paths.len() > FILES_MAX {
            return Err(vec![format!("{} has more than {FILES_MAX} files", folder.display())]);
        }
        paths.sort();
        for path in paths {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("pem" | "jwk" | "json") => match self.read_file(&path) {
                    Ok(dated) => keys.push(FoundKey { path, dated }),
                    Err(fault) => faults.push(fault),
                },
                _ => ignored.push(format!(
                    "{} is not used: the names of keys end with .pem, .jwk or .json",
                    path.display()
                )),
            }
        }
        if faults.is_empty() { Ok(keys) } else { Err(faults) }
    }

    fn read_file(&self, path: &Path) -> Result<DatedKey, String> {
        let contents = private_file::read(path)?;
        let written = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        let written = written.map_err(|fault| format!("{}: {fault}", path.display()))?;
        let written = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let undated = Timestamp::from_seconds(written).plus(self.publish_delay);
        DatedKey::read(&contents, undated).map_err(|fault| format!("{}: {fault}", path.display()))
    }

    /// Waits until no other process makes or removes keys. What a broken-off one left is removed.
    pub fn lock(&self) -> Result<Locked<'_>, String> {
        private_file::make_folder(&self.path)?;
        let explain = |fault: std::io::Error| format!("{}: {fault}", self.path.display());
        let lock = File::open(&self.path).map_err(explain)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|fault| explain(fault.into()))?;
        let locked = Locked { folder: self, _lock: lock };
        for usage in KeyUse::ALL {
            locked.remove_drafts(&self.of_use(usage));
        }
        Ok(locked)
    }
}

impl Locked<'_> {
    /// Makes a key, and puts it there whole. It is in nobody's use before they read the folder again.
    pub fn make(
        &self,
        usage: KeyUse,
        algorithm: Algorithm,
        begins_at: Timestamp,
    ) -> Result<FoundKey, String> {
        let folder = self.folder.of_use(usage);
        let explain = |fault: &dyn std::fmt::Display| format!("{}: {fault}", folder.display());
        let dated = DatedKey::generate(algorithm, begins_at).map_err(|fault| explain(&fault))?;
        let text = dated.write().map_err(|fault| explain(&fault))?;
        private_file::make_folder(&folder)?;
        private_file::refuse_open_folder(&folder)?;
        let moment: String =
            begins_at.to_string().chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
        // A name that no command takes for an option, and that sorts by time.
        let kid: String = dated.kid.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let path = folder.join(format!("{moment}-{kid}.pem"));
        private_file::write(&path, text.as_bytes())?;
        Ok(FoundKey { path, dated })
    }

    pub fn remove(&self, path: &Path) -> Result<(), String> {
        std::fs::remove_file(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
        path.parent().map_or(Ok(()), private_file::sync_folder)
    }

    /// They are nobody's: who makes keys holds the lock.
    pub(super) fn remove_drafts(&self, folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for draft in
            entries.map(|entry| entry.path()).filter(|path| name_of(path).starts_with(private_file::DRAFT))
        {
            // What cannot be removed is ignored whenever the folder is read.
            std::fs::remove_file(draft).ok();
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
