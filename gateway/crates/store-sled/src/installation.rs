//! The installation's id in a file beside the store: for commands beside a running gateway, which has
//! the store to itself. The truth is in the store.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use gateway_identity::InstallationId;

/// The file's name in the store's folder.
const INSTALLATION: &str = "installation";

/// Whose tokens are good where this folder's store is; `None` where there was no start yet.
pub fn installation_of(folder: &Path) -> Option<InstallationId> {
    InstallationId::parse(fs::read_to_string(folder.join(INSTALLATION)).ok()?.trim_end())
}

/// Makes the file say so. That it cannot be written, on a full disk for example, keeps nobody from
/// anything but those commands.
pub fn record(folder: &Path, id: InstallationId) {
    if installation_of(folder) != Some(id)
        && let Err(fault) = write(folder, id)
    {
        tracing::warn!(error = %fault, "`gateway explain` and `gateway bench` will not know whose tokens are good here");
    }
}

/// A rename, so that whoever reads it meanwhile finds one of the two.
fn write(folder: &Path, id: InstallationId) -> io::Result<()> {
    let new = folder.join("installation.new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(format!("{id}\n").as_bytes())?;
    fs::rename(new, folder.join(INSTALLATION))
}
