//! A disk of a few megabytes, to be filled: a tmpfs of its own, mounted as root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it may be mounted; it is unmounted when this is dropped.
pub struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where nobody may mount: the caller then says what it leaves out.
    pub fn mount(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all room but this; removing the file gives it back.
    pub fn fill_but(&self, left_mebibytes: u64) -> PathBuf {
        let ballast = self.folder.path().join("ballast");
        let stat = rustix::fs::statvfs(self.folder.path()).unwrap();
        let free = stat.f_bavail * stat.f_frsize;
        let size = free.saturating_sub(left_mebibytes << 20);
        std::fs::write(&ballast, vec![1; usize::try_from(size).unwrap()]).unwrap();
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.folder.path()).output().ok();
    }
}
