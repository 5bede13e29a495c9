//! Whose a folder is, and who this is: by their names, where the system has some.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The names of the folder's owner and of the user that this runs as, where they are not the same.
pub fn owned_by_another(folder: &Path) -> Option<(String, String)> {
    let owner = std::fs::metadata(folder).ok()?.uid();
    (owner != rustix::process::geteuid().as_raw()).then(|| (name_of(owner), me()))
}

/// The name of the user that this runs as.
pub(super) fn me() -> String {
    name_of(rustix::process::geteuid().as_raw())
}

/// What to say where the folder cannot be read, since it is another user's.
pub(super) fn closed_to_us(folder: &Path) -> Option<String> {
    let denied = |fault: std::io::Error| fault.kind() == ErrorKind::PermissionDenied;
    std::fs::read_dir(folder).err().filter(|fault| fault.kind() == ErrorKind::PermissionDenied)?;
    // It may lie in one that is closed.
    let closed = folder.ancestors().find(|folder| !std::fs::metadata(folder).is_err_and(denied))?;
    let (owner, me) = owned_by_another(closed)?;
    Some(format!(
        "{} belongs to `{owner}`, and this is `{me}`, who cannot read it: run this as its owner, such as by `sudo -u {owner}`",
        closed.display()
    ))
}

pub(super) fn name_of(user: u32) -> String {
    let all = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = all.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    });
    // As `sudo -u` takes it.
    named.unwrap_or_else(|| format!("#{user}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_called_by_name_or_else_by_number() {
        assert_eq!(name_of(0), "root");
        assert_eq!(name_of(4_294_000_000), "#4294000000");
    }
}
