//! Files that only their owner may read: read strictly, and written so that a crash leaves the
//! whole file or none.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::owner::{me, name_of};
use super::read_once::plain_file;

/// A private key of RSA with 8192 bits has less than a quarter of it.
const BYTES_MAX: u64 = 64 * 1_024;
/// How the names of files begin that are not whole yet.
pub(super) const DRAFT: &str = ".new-";

/// The contents, unless others can read them, too.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let explain = |fault: std::io::Error| format!("{}: {fault}", path.display());
    plain_file(path)?;
    let file = File::open(path).map_err(explain)?;
    // Of the file that is open, so that nobody can exchange it in between.
    let metadata = file.metadata().map_err(explain)?;
    if !is_trusted(metadata.uid(), path) {
        let (path, owner, me) = (path.display(), name_of(metadata.uid()), me());
        return Err(format!(
            "{path} belongs to `{owner}`, who knows it and may have put it there: a secret belongs to `{me}`, or to root; if it is the right one, run sudo chown '{me}' {path}"
        ));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(format!("{path} can be read by others (mode {:o}): chmod 600 {path}", mode & 0o777));
    }
    let mut contents = Zeroizing::new(Vec::with_capacity(4_096));
    file.take(BYTES_MAX + 1).read_to_end(&mut contents).map_err(explain)?;
    if contents.len() as u64 > BYTES_MAX {
        return Err(format!("{} has more than {BYTES_MAX} bytes: it is no key", path.display()));
    }
    Ok(contents)
}

/// Ours, or root's, who could read and write everything anyway. Root itself reads what somebody has in
/// a folder of theirs, as for a question about another user's gateway.
fn is_trusted(owner: u32, path: &Path) -> bool {
    let me = rustix::process::geteuid();
    let of_folder =
        || path.parent().and_then(|folder| std::fs::metadata(folder).ok()).map(|folder| folder.uid());
    owner == me.as_raw() || owner == 0 || me.is_root() && of_folder() == Some(owner)
}

/// What to say of a private key that more can read than have to. A group may read it where its owner
/// is somebody else: it is then by the group that we read it.
pub(super) fn open_to_others(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    let (mode, ours) = (metadata.permissions().mode(), metadata.uid() == rustix::process::geteuid().as_raw());
    let open = mode & 0o027 != 0 || ours && mode & 0o040 != 0;
    let shown = path.display();
    // A reader by group, or by mode for all, could not read the file any more with that mode.
    let mend = match (ours || rustix::process::geteuid().is_root(), metadata.gid()) {
        (true, _) => format!("chmod 600 {shown}"),
        (_, group) if group == rustix::process::getegid().as_raw() => format!("chmod 640 {shown}"),
        _ => format!(
            "chgrp {} {shown}, then chmod 640 {shown}, as it belongs to `{}`; a secret of Kubernetes is mounted with fsGroup and defaultMode: 0440",
            rustix::process::getegid().as_raw(),
            name_of(metadata.uid())
        ),
    };
    open.then(|| format!("{shown} can be read by others (mode {:o}): {mend}", mode & 0o777))
}

/// The same of the data folder. Where it is another's, as a mounted volume, it is by its group that we
/// write there.
pub(super) fn refuse_open_store(path: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let (mode, me) = (metadata.permissions().mode(), rustix::process::geteuid());
    let ours = metadata.uid() == me.as_raw();
    let others = if ours || me.is_root() { 0o022 } else { 0o002 };
    if mode & others == 0 {
        return Ok(());
    }
    let (path, mode) = (path.display(), mode & 0o777);
    let mend = match ours {
        true => format!("chmod 700 {path}"),
        false => {
            format!("write store.path = \"{path}/store\", which a start makes private, or chmod 750 {path}")
        }
    };
    Err(format!(
        "store.path: {path} can be written by others, who could put keys of their own in the place of the gateway's (mode {mode:o}): {mend}"
    ))
}

/// Write access to a folder of keys is enough to add one.
pub(super) fn refuse_open_folder(path: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let mode = metadata.permissions().mode();
    if mode & 0o022 != 0 {
        let path = path.display();
        return Err(format!(
            "{path} can be written by others, who could add keys of their own (mode {:o}): chmod 700 {path}",
            mode & 0o777
        ));
    }
    Ok(())
}

/// A folder of this path, private to its owner where it was not there.
pub(super) fn make_folder(path: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|fault| format!("{}: {fault}", path.display()))
}

/// Writes beside and renames, so that the name stands for the whole contents at every moment.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<(), String> {
    let explain = |fault: std::io::Error| format!("{}: {fault}", path.display());
    let (folder, draft) = beside(path);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&draft);
    let written = file.and_then(|mut file| file.write_all(contents).and_then(|()| file.sync_all()));
    let placed = written.and_then(|()| std::fs::rename(&draft, path));
    if placed.is_err() {
        // It may not have been made at all.
        std::fs::remove_file(&draft).ok();
    }
    placed.map_err(explain)?;
    sync_folder(&folder)
}

/// What was renamed, linked or removed in a folder is durable after this.
pub(super) fn sync_folder(folder: &Path) -> Result<(), String> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|fault| format!("{}: {fault}", folder.display()))
}

fn beside(path: &Path) -> (PathBuf, PathBuf) {
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let draft = folder.join(format!("{DRAFT}{}", uuid::Uuid::new_v4().simple()));
    (folder, draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_private_and_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        for contents in [&b"first"[..], b"second"] {
            write(&path, contents).unwrap();
            assert_eq!(read(&path).unwrap().as_slice(), contents);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("no/such/folder"), b"x").is_err());
    }

    #[test]
    fn what_others_can_read_or_write_is_refused_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        write(&path, b"x").unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(read(&path).unwrap_err().contains("chmod 600"), "{mode:o}");
        }
        for (mode, fine) in [(0o700, true), (0o755, true), (0o770, false), (0o1777, false)] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(refuse_open_folder(folder.path()).is_ok(), fine, "{mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, vec![b'x'; 64 * 1_024 + 1]).unwrap();
        assert!(read(&path).unwrap_err().contains("it is no key"));
    }
}
