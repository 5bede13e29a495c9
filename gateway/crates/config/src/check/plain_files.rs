//! Files that a configuration names: none of them is a pipe. To open one is to wait for whoever
//! writes to it, perhaps for ever, and what came out of it could not be read again at a reload.

use super::Checker;
use crate::file::File;
use crate::fingerprint::by_setting;
use crate::read_once::plain_file;

impl Checker<'_> {
    /// Before any of them is opened.
    pub(super) fn plain_files(&mut self, file: &File) {
        for (setting, path) in by_setting(file) {
            self.faults.extend(plain_file(&path).err().map(|fault| format!("{setting}: {fault}")));
        }
    }
}
