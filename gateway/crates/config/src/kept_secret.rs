//! Secrets of HS256 that the gateway made itself, in the data folder: the one in use, and those
//! that it replaced, each with the moment of that in its name.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretSlice};

use super::private_file;
use gateway_clock::Timestamp;

pub(super) const ACCESS: &str = "access.key";
pub(super) const REFRESH: &str = "refresh.key";

/// A secret that was replaced.
pub(super) struct Replaced {
    pub(super) path: PathBuf,
    pub(super) at: Timestamp,
    pub(super) secret: SecretSlice<u8>,
}

/// The secret of this name, if there is one.
pub(super) fn read(folder: &Path, name: &str) -> Result<Option<SecretSlice<u8>>, String> {
    let path = folder.join(name);
    // A broken link is no missing file: what it led to is to be put back.
    if path.symlink_metadata().is_err_and(|fault| fault.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    Ok(Some(SecretSlice::from(private_file::read(&path)?.to_vec())))
}

/// Makes the secret of this name, unless it is there.
pub(super) fn make(folder: &Path, name: &str) -> Result<SecretSlice<u8>, String> {
    if let Some(there) = read(folder, name)? {
        return Ok(there);
    }
    let secret = random();
    private_file::make_folder(folder)?;
    private_file::write(&folder.join(name), secret.expose_secret())?;
    Ok(secret)
}

/// The secrets that were replaced by the one of this name.
pub(super) fn replaced(folder: &Path, name: &str) -> Result<Vec<Replaced>, String> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(format!("{}: {fault}", folder.display())),
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(|fault| format!("{}: {fault}", folder.display()))?.path();
        let at = path.file_name().and_then(|file| file.to_str());
        let at = at.and_then(|file| file.strip_prefix(name)?.strip_prefix(".replaced-")?.parse().ok());
        if let Some(at) = at.map(Timestamp::from_seconds) {
            let secret = SecretSlice::from(private_file::read(&path)?.to_vec());
            all.push(Replaced { path, at, secret });
        }
    }
    all.sort_by_key(|replaced| replaced.at);
    Ok(all)
}

/// Puts a fresh secret in the place of the one of this name, which is kept beside it. Whenever it
/// is broken off, the one in use is there, whole.
pub(super) fn replace(folder: &Path, name: &str, now: Timestamp) -> Result<(), String> {
    let path = folder.join(name);
    let before = private_file::read(&path)?;
    let beside = |at: u64| folder.join(format!("{name}.replaced-{at}"));
    // Two in one second must not take each other's place.
    let at = (now.seconds()..).find(|at| !beside(*at).exists()).unwrap_or(now.seconds());
    private_file::write(&beside(at), &before)?;
    private_file::write(&path, random().expose_secret())
}

/// 366 random bits, as text: a key file can then be copied and pasted.
pub(super) fn random() -> SecretSlice<u8> {
    let bytes = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let text: String = bytes.iter().map(|part| part.simple().to_string()).collect();
    SecretSlice::from(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), "access.key").unwrap().is_none());
        let first = make(folder.path(), "access.key").unwrap();
        let again = make(folder.path(), "access.key").unwrap();
        assert_eq!(first.expose_secret(), again.expose_secret());
        assert_eq!(first.expose_secret().len(), 96);
        let path = folder.path().join("access.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let fault = read(folder.path(), "access.key").err().unwrap();
        assert!(fault.contains("chmod 600"), "{fault}");
    }

    #[test]
    fn one_that_is_replaced_is_kept_with_the_moment_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = make(folder.path(), "access.key").unwrap();
        make(folder.path(), "refresh.key").unwrap();
        for now in [7, 7, 9] {
            replace(folder.path(), "access.key", Timestamp::from_seconds(now)).unwrap();
        }
        let before = replaced(folder.path(), "access.key").unwrap();
        let moments: Vec<_> = before.iter().map(|replaced| replaced.at.seconds()).collect();
        assert_eq!(moments, [7, 8, 9]);
        assert_eq!(before[0].secret.expose_secret(), first.expose_secret());
        let now = read(folder.path(), "access.key").unwrap().unwrap();
        assert!(before.iter().all(|other| other.secret.expose_secret() != now.expose_secret()));
        assert!(replaced(folder.path(), "refresh.key").unwrap().is_empty());
    }
}
