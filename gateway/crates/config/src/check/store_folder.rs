//! The data folder as a start would meet it: whose it is, and who may write there.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::Access;

use super::{Checker, KeyPolicy};
use crate::file::File;
use crate::owner::{closed_to_us, me, name_of, owned_by_another};
use crate::private_file::refuse_open_store;
use crate::secret_source::Given;
use gateway_token::Algorithm;

impl Checker<'_> {
    /// Whether what is in it can be looked at. Only a start writes there, and a check says what one
    /// would meet.
    pub(super) fn store_folder(&mut self, file: &File, policy: KeyPolicy, given: Given) -> bool {
        let folder = &file.store.path;
        if !matches!(policy, KeyPolicy::MakeWhereMissing | KeyPolicy::Foresee) {
            return true;
        }
        // That it cannot be read is said with the keys, and what is no folder by who opens it.
        if closed_to_us(folder).is_some() || folder.exists() && !folder.is_dir() {
            return true;
        }
        let before = self.faults.len();
        match folder.is_dir() {
            true => {
                self.open_store(file, given);
                self.of_another(folder, policy);
            }
            false => self.can_be_made(folder),
        }
        self.faults.len() == before
    }

    /// Write access there is enough to replace our keys.
    fn open_store(&mut self, file: &File, given: Given) {
        let Err(open) = refuse_open_store(&file.store.path) else { return };
        let keeps_secrets = match file.tokens.algorithm {
            Algorithm::Hs256 => !(given.access && given.refresh),
            _ => file.tokens.keys_path.is_none(),
        };
        if keeps_secrets { self.fault(open) } else { self.warnings.push(open) }
    }

    fn can_be_made(&mut self, folder: &Path) {
        let shown = folder.display();
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let Some(above) = absolute.ancestors().skip(1).find(|above| above.exists()) else { return };
        if !is_allowed(above, Access::WRITE_OK | Access::EXEC_OK) {
            let (me, whose) = (me(), whose(above));
            self.fault(format!("store.path = \"{shown}\" cannot be made: {whose}, and this is `{me}`, who may not write there: run sudo install -d -o '{me}' -m 700 {shown}"));
        }
    }

    fn of_another(&mut self, folder: &Path, policy: KeyPolicy) {
        let shown = folder.display();
        if rustix::process::geteuid().is_root() {
            if let Some((owner, me)) = owned_by_another(folder) {
                self.as_root_on_anothers(folder, &owner, &me, policy);
            }
            return;
        }
        let (me, all) = (me(), Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK);
        if !is_allowed(folder, all) {
            let whose = whose(folder);
            self.fault(format!("store.path = \"{shown}\" cannot be used: {whose}, and this is `{me}`, who may not write there: run sudo chown -R '{me}' {shown}"));
        } else if let Some(strange) = of_store(folder).find(|entry| is_strange(entry)) {
            let whose = whose(&strange);
            self.fault(format!("store.path = \"{shown}\" cannot be used: {whose}, and this is `{me}`, who may not write it; a gateway or a command was once run there as somebody else: run sudo chown -R '{me}' {shown}"));
        }
    }

    /// Root may do everything, and its files then keep the owner's gateway from starting.
    fn as_root_on_anothers(&mut self, folder: &Path, owner: &str, me: &str, policy: KeyPolicy) {
        let shown = folder.display();
        let told = format!(
            "store.path = \"{shown}\" belongs to `{owner}`, and this is `{me}`: what a start makes there would keep its owner's gateway from starting; run it as its owner, such as by `sudo -u '{owner}'`"
        );
        let its = |entry: std::path::PathBuf| uid_of(&entry).is_some_and(|uid| Some(uid) == uid_of(folder));
        match (of_store(folder).any(its), policy) {
            // A check as root is usually for a gateway that another user starts.
            (_, KeyPolicy::Foresee) => self.notes.push(told),
            (true, _) => self.fault(told),
            // Where nothing is yet, root may be the one who is to run it, as in many a container.
            (false, _) => {
                if entries(folder).next().is_none() {
                    self.warnings.push(told);
                }
            }
        }
    }
}

/// What a start has to read and write. A volume may have more in it that is not ours, as `lost+found`.
fn of_store(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    const NAMES: [&str; 9] =
        ["db", "conf", "blobs", "lock", "witness", "installation", "access.key", "refresh.key", "csrf.key"];
    entries(folder).filter(|entry| {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        NAMES.contains(&name) || name.starts_with("snap.")
    })
}

fn entries(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// Somebody else's, and not open to us by its group either.
fn is_strange(path: &Path) -> bool {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return false };
    let needed = if metadata.is_dir() {
        Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK
    } else {
        Access::READ_OK | Access::WRITE_OK
    };
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    (metadata.is_file() || metadata.is_dir()) && !is_ours && !is_allowed(path, needed)
}

fn is_allowed(path: &Path, access: Access) -> bool {
    rustix::fs::access(path, access).is_ok()
}

fn uid_of(path: &Path) -> Option<u32> {
    Some(std::fs::symlink_metadata(path).ok()?.uid())
}

fn whose(path: &Path) -> String {
    let owner = uid_of(path).map(name_of).unwrap_or_default();
    format!("{} belongs to `{owner}`", path.display())
}
