//! Issuers beside our own: whose tokens are accepted, and how they are proved and read.

mod legacy;
mod mapping;

use std::collections::HashSet;
use std::time::Duration;

use secrecy::SecretSlice;

use super::Checker;
use crate::adapter::jwks::JwksSettings;
use crate::clock::Timestamp;
use crate::config::file::File;
use crate::config::issuer_entry::{IssuerEntry, Kind, Typ};
use crate::config::suggest::hint;
use crate::identity::IssuerName;
use crate::token::{Algorithm, HmacKey, Mapping};

/// Each has a task of its own, and series of its own in the metrics.
const ISSUERS_MAX: usize = 16;

/// An issuer, checked.
pub struct IssuerSettings {
    pub name: IssuerName,
    pub leeway: Duration,
    pub lifetime_max: Duration,
    pub mapping: Mapping,
    pub proof: ProofSettings,
}

/// How its tokens prove themselves.
pub enum ProofSettings {
    Published { issuer: String, audience: Vec<String>, at_jwt_only: bool, jwks: Box<JwksSettings> },
    Secret { key: Box<HmacKey>, until: Timestamp },
}

impl Checker<'_> {
    pub(super) fn issuers(
        &mut self,
        file: &File,
        legacy_key: Option<&SecretSlice<u8>>,
        own_keys: &[Option<&SecretSlice<u8>>],
    ) -> Vec<IssuerSettings> {
        if file.issuers.len() > ISSUERS_MAX {
            self.fault(format!(
                "issuers: there are {}; at most {ISSUERS_MAX} are accepted",
                file.issuers.len()
            ));
        }
        let mut names = HashSet::new();
        let mut identifiers = HashSet::from([file.tokens.issuer.as_str()]);
        let mut checked = Vec::new();
        for entry in &file.issuers {
            let name = &entry.name;
            if !names.insert(name.as_str()) {
                self.fault(format!("issuers: the name `{name}` occurs twice"));
            }
            if let Some(issuer) = &entry.issuer
                && !identifiers.insert(issuer.as_str())
            {
                self.fault(format!(
                    "issuer `{name}`: issuer = \"{issuer}\" is that of another one, or tokens.issuer: nobody could tell whose tokens they are"
                ));
            }
            checked.extend(match entry.kind {
                Kind::Oidc => self.published(entry),
                Kind::Legacy => self.legacy(entry, legacy_key, own_keys),
            });
        }
        let legacy = file.issuers.iter().filter(|entry| entry.kind == Kind::Legacy).count();
        if legacy > 1 {
            self.fault("issuers: there can be one of kind = \"legacy\": its tokens name no issuer");
        }
        if legacy == 0 && legacy_key.is_some() {
            self.warnings.push(
                "LEGACY_JWT_SECRET_KEY is set, and there is no issuer of kind = \"legacy\": it is not used"
                    .to_owned(),
            );
        }
        checked
    }

    fn published(&mut self, entry: &IssuerEntry) -> Option<IssuerSettings> {
        let (place, before) = (format!("issuer `{}`", entry.name), self.faults.len());
        if entry.until.is_some() || entry.danger_short_secret {
            self.fault(format!("{place}: until and danger_short_secret belong to kind = \"legacy\""));
        }
        let name = self.issuer_name(entry);
        let issuer = entry.issuer.clone().unwrap_or_default();
        if issuer.is_empty() {
            self.fault(format!("{place}: issuer is missing; it is what tokens have as `iss`, such as \"https://sso.example.com/realms/shop\""));
        }
        match &entry.jwks_url {
            Some(url) => self.url(&place, "jwks_url", url, entry.danger_allow_http),
            // An issuer that is no URL is one whose keys cannot be discovered.
            None if issuer.is_empty() => {}
            None => {
                self.url(&place, "issuer", &issuer, entry.danger_allow_http);
                if issuer.contains(['?', '#']) {
                    self.fault(format!("{place}: issuer = \"{issuer}\" has a query or fragment, so that its keys cannot be discovered; write jwks_url"));
                }
            }
        }
        if entry.audience.is_empty() || entry.audience.iter().any(String::is_empty) {
            self.fault(format!("{place}: audience is missing; without it tokens that were made for other services would be accepted here; write for example audience = [\"https://api.example.com\"]"));
        }
        let algorithms = self.algorithms(&place, entry);
        self.times(&place, entry);
        let mapping = self.mapping(&place, entry, "sub", None);
        let authorities = entry.ca_file.as_ref().map(|path| self.authorities(&place, "ca_file", path));
        if entry.danger_allow_http {
            self.warnings.push(format!(
                "{place}: danger_allow_http = true: whoever is on the way to it can be it, and give anybody's identity to anybody"
            ));
        }
        let name = name.filter(|_| self.faults.len() == before)?;
        let jwks = JwksSettings {
            name: name.clone(),
            issuer: issuer.clone(),
            jwks_url: entry.jwks_url.clone(),
            algorithms,
            authorities,
            allow_http: entry.danger_allow_http,
            timeout: Duration::from_millis(entry.timeout_ms),
            refresh: Duration::from_secs(entry.refresh_seconds),
            refetch: Duration::from_secs(entry.refetch_seconds),
            keep: Duration::from_secs(entry.keep_keys_seconds),
        };
        Some(IssuerSettings {
            name,
            leeway: Duration::from_secs(entry.leeway_seconds),
            lifetime_max: Duration::from_secs(entry.lifetime_max_seconds),
            mapping: mapping?,
            proof: ProofSettings::Published {
                issuer,
                audience: entry.audience.clone(),
                at_jwt_only: entry.typ == Typ::AccessToken,
                jwks: Box::new(jwks),
            },
        })
    }

    fn issuer_name(&mut self, entry: &IssuerEntry) -> Option<IssuerName> {
        let name = IssuerName::parse(&entry.name);
        if name.is_none() {
            self.fault(format!(
                "issuers: name = \"{}\" cannot be used; it is 1 to 32 lower-case letters, digits, - and _, and not \"own\" or \"gateway\", which is this gateway, nor \"none\"",
                entry.name
            ));
        }
        if entry.name.is_empty() {
            self.unread.push("issuers");
        }
        name
    }

    fn url(&mut self, place: &str, key: &str, url: &str, http: bool) {
        let parsed = url.parse::<http::Uri>().ok();
        let plain = parsed.as_ref().is_some_and(|uri| {
            uri.authority()
                .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
        });
        let scheme = parsed.as_ref().and_then(http::Uri::scheme_str);
        if !plain || !matches!(scheme, Some("https" | "http")) {
            self.fault(format!("{place}: {key} = \"{url}\" is no URL that can be fetched; write for example \"https://sso.example.com/realms/shop\""));
        } else if scheme == Some("http") && !http {
            self.fault(format!("{place}: {key} = \"{url}\" is not https: whoever is on the way could give anybody's identity to anybody; for a test, danger_allow_http = true allows it"));
        }
    }

    fn algorithms(&mut self, place: &str, entry: &IssuerEntry) -> Vec<Algorithm> {
        let mut algorithms = Vec::new();
        for text in &entry.algorithms {
            match Algorithm::named(text).filter(|known| Algorithm::ASYMMETRIC.contains(known)) {
                Some(algorithm) => algorithms.push(algorithm),
                None => {
                    let known = Algorithm::ASYMMETRIC.iter().map(|algorithm| algorithm.name());
                    self.fault(format!(
                        "{place}: algorithms: \"{text}\" cannot be used{}",
                        hint(text, known)
                    ));
                }
            }
        }
        if entry.algorithms.is_empty() {
            self.fault(format!("{place}: algorithms is empty: no token could be verified"));
        }
        algorithms
    }

    fn times(&mut self, place: &str, entry: &IssuerEntry) {
        let ranges = [
            ("leeway_seconds", entry.leeway_seconds, 0..=300),
            ("lifetime_max_seconds", entry.lifetime_max_seconds, 60..=31 * 86_400),
            ("timeout_ms", entry.timeout_ms, 100..=60_000),
            ("refresh_seconds", entry.refresh_seconds, 1..=86_400),
            ("refetch_seconds", entry.refetch_seconds, 1..=3_600),
            ("keep_keys_seconds", entry.keep_keys_seconds, 60..=31 * 86_400),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                self.fault(format!("{place}: {key} = {value}: allowed are {least} to {most}"));
            }
        }
        if entry.keep_keys_seconds < entry.refresh_seconds.max(entry.refetch_seconds) {
            self.fault(format!("{place}: keep_keys_seconds is shorter than refresh_seconds or refetch_seconds: its tokens would be refused in between"));
        }
    }
}
