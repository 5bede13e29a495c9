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
    for path in KeyFolder::from_settings(file).files() {
        let metadata = std::fs::metadata(&path).ok();
        (path, metadata.map(|file| (file.len(), file.modified().ok()))).hash(&mut hasher);
    }
    hasher.finish()
}

/// Files that are read again at each reload.
pub(super) fn named(file: &File) -> Vec<PathBuf> {
    by_setting(file).into_iter().map(|(_, path)| path).collect()
}

/// The same, each with the setting that names it.
pub(super) fn by_setting(file: &File) -> Vec<(String, PathBuf)> {
    let mut all = Vec::new();
    let mut add =
        |setting: String, path: Option<&PathBuf>| all.extend(path.map(|path| (setting, path.clone())));
    for (index, listener) in file.listeners.iter().enumerate() {
        let Some(tls) = &listener.tls else { continue };
        let key = format!("listeners[{index}].tls");
        for (at, one) in tls.certificates.iter().enumerate() {
            add(format!("{key}.certificates[{at}].certificate_file"), Some(&one.certificate_file));
            add(format!("{key}.certificates[{at}].key_file"), Some(&one.key_file));
        }
        add(format!("{key}.client_ca_file"), tls.client_ca_file.as_ref());
    }
    for (index, upstream) in file.upstreams.iter().enumerate() {
        let Some(tls) = &upstream.tls else { continue };
        let key = format!("upstreams[{index}].tls");
        add(format!("{key}.ca_file"), tls.ca_file.as_ref());
        add(format!("{key}.client_certificate_file"), tls.client_certificate_file.as_ref());
        add(format!("{key}.client_key_file"), tls.client_key_file.as_ref());
    }
    add("redis.ca_file".to_owned(), file.redis.ca_file.as_ref());
    add("mail.smtp.ca_file".to_owned(), file.mail.smtp.ca_file.as_ref());
    add("webhook.ca_file".to_owned(), file.webhook.ca_file.as_ref());
    for (index, issuer) in file.issuers.iter().enumerate() {
        add(format!("issuers[{index}].ca_file"), issuer.ca_file.as_ref());
        add(format!("issuers[{index}].crl_file"), issuer.crl_file.as_ref());
        add(format!("issuers[{index}].keys_file"), issuer.keys_file.as_ref());
    }
    all
}
