//! Where the keys of an issuer come from: from itself, or from a file that the operator has.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use super::KeysFrom;
use crate::check::Checker;
use crate::issuer_entry::IssuerEntry;
use gateway_identity::IssuerName;
use gateway_jwks::JwksSettings;
use gateway_token::{Algorithm, KeySet};

/// More than any file of public keys.
const FILE_BYTES_MAX: u64 = 256 * 1_024;

impl Checker<'_> {
    pub(super) fn keys_from(
        &mut self,
        place: &str,
        entry: &IssuerEntry,
        name: Option<&IssuerName>,
        algorithms: &[Algorithm],
    ) -> Option<KeysFrom> {
        let authorities = entry.ca_file.as_ref().map(|path| self.authorities(place, "ca_file", path));
        if let Some(path) = &entry.keys_file {
            if entry.jwks_url.is_some() || entry.ca_file.is_some() || entry.danger_allow_http {
                self.fault(format!("{place}: jwks_url, ca_file and danger_allow_http belong to keys that are fetched, and keys_file says where they are instead; take out one or the other"));
            }
            return self.keys_of_file(place, path, algorithms).map(KeysFrom::File);
        }
        let issuer = entry.issuer.clone().unwrap_or_default();
        match &entry.jwks_url {
            Some(url) => self.url(place, "jwks_url", url, entry.danger_allow_http),
            None if entry.without_iss => self.fault(format!("{place}: without_iss = true, so that nobody can say where its keys are: write keys_file or jwks_url")),
            // It was complained of already.
            None if issuer.is_empty() => {}
            // An issuer that is no URL is one whose keys cannot be discovered.
            None => {
                self.url(place, "issuer", &issuer, entry.danger_allow_http);
                if issuer.contains(['?', '#']) {
                    self.fault(format!("{place}: issuer = \"{issuer}\" has a query or fragment, so that its keys cannot be discovered; write jwks_url"));
                }
            }
        }
        if entry.danger_allow_http {
            self.warnings.push(format!(
                "{place}: danger_allow_http = true: whoever is on the way to it can be it, and give anybody's identity to anybody"
            ));
        }
        Some(KeysFrom::Issuer(Box::new(JwksSettings {
            name: name?.clone(),
            issuer,
            jwks_url: entry.jwks_url.clone(),
            algorithms: algorithms.to_vec(),
            authorities,
            allow_http: entry.danger_allow_http,
            timeout: Duration::from_millis(entry.timeout_ms),
            refresh: Duration::from_secs(entry.refresh_seconds),
            refetch: Duration::from_secs(entry.refetch_seconds),
            keep: Duration::from_secs(entry.keep_keys_seconds),
        })))
    }

    /// Its keys are those of this moment: a reload reads them again.
    fn keys_of_file(&mut self, place: &str, path: &Path, algorithms: &[Algorithm]) -> Option<KeySet> {
        let mut text = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text))
            .map_err(|fault| fault.to_string())
            .and_then(|length| match length as u64 > FILE_BYTES_MAX {
                true => Err(format!("it is larger than {FILE_BYTES_MAX} bytes")),
                false => KeySet::given(&text, algorithms).map_err(|fault| fault.to_string()),
            });
        let shown = path.display();
        let keys =
            read.map_err(|fault| self.fault(format!("{place}: keys_file = \"{shown}\": {fault}"))).ok()?;
        for one in keys.left_out() {
            self.warnings.push(format!("{place}: keys_file = \"{shown}\": not used is {one}"));
        }
        Some(keys)
    }

    pub(super) fn url(&mut self, place: &str, key: &str, url: &str, http: bool) {
        let parsed = url.parse::<http::Uri>().ok();
        let plain = parsed.as_ref().is_some_and(|uri| {
            uri.authority()
                .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
        });
        // A password in the URL would stand in the log otherwise.
        let shown = url.split_once("://").and_then(|(scheme, rest)| {
            let authority = rest.split(['/', '?', '#']).next()?;
            Some(format!("{scheme}://…{}", rest.get(authority.rfind('@')?..)?))
        });
        let shown = shown.as_deref().unwrap_or(url);
        let scheme = parsed.as_ref().and_then(http::Uri::scheme_str);
        if !plain || !matches!(scheme, Some("https" | "http")) {
            self.fault(format!("{place}: {key} = \"{shown}\" is no URL that can be fetched; write for example \"https://sso.example.com/realms/shop\""));
        } else if scheme == Some("http") && !http {
            self.fault(format!("{place}: {key} = \"{shown}\" is not https: whoever is on the way could give anybody's identity to anybody; for a test, danger_allow_http = true allows it"));
        }
    }
}
