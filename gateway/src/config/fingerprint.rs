//! Whether anything that a configuration is made of has changed: its own file, and those that it
//! names.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use super::file::File;
use super::key_folder::KeyFolder;
use super::read_once::plain_file;

/// The same as long as all files are; for comparing two looks of one process only.
pub fn fingerprint(path: Option<&Path>, file: &File) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in path.map(Path::to_owned).into_iter().chain(named(file)) {
        // A file that cannot be read is another state than each that it had.
        let read = plain_file(&path).ok().and_then(|()| std::fs::read(&path).ok());
        read.hash(&mut hasher);
    }
    // Private keys are not read more often than they have to be: when they were written is enough.
    for path in KeyFolder::of(file).files() {
        let metadata = std::fs::metadata(&path).ok();
        (path, metadata.map(|file| (file.len(), file.modified().ok()))).hash(&mut hasher);
    }
    hasher.finish()
}

/// Files that are read again at each reload.
pub(super) fn named(file: &File) -> Vec<PathBuf> {
    let of_listeners = file.listeners.iter().filter_map(|listener| listener.tls.as_ref()).flat_map(|tls| {
        let certificates = tls.certificates.iter();
        let pairs = certificates.flat_map(|one| [one.certificate_file.clone(), one.key_file.clone()]);
        pairs.chain(tls.client_ca_file.clone())
    });
    let of_upstreams = file.upstreams.iter().filter_map(|upstream| upstream.tls.as_ref()).flat_map(|tls| {
        [&tls.ca_file, &tls.client_certificate_file, &tls.client_key_file].into_iter().flatten().cloned()
    });
    let authorities = [&file.redis.ca_file, &file.mail.smtp.ca_file, &file.webhook.ca_file];
    let of_issuers =
        file.issuers.iter().flat_map(|issuer| [&issuer.ca_file, &issuer.crl_file, &issuer.keys_file]);
    let authorities = authorities.into_iter().chain(of_issuers).flatten().cloned();
    of_listeners.chain(of_upstreams).chain(authorities).collect()
}
