//! Issuers beside our own: whose tokens are accepted, and how they are proved and read.

mod certificate;
mod legacy;
mod mapping;
mod source;

use std::collections::HashSet;
use std::time::Duration;

use secrecy::SecretSlice;

use super::Checker;
use crate::file::File;
use crate::issuer_entry::{IssuerEntry, Kind, Typ};
use crate::suggest::hint;
use gateway_clock::Timestamp;
use gateway_identity::IssuerName;
use gateway_jwks::JwksSettings;
use gateway_token::{Algorithm, Authority, HmacKey, KeySet, Mapping};

/// Each has a task of its own, and series of its own in the metrics.
const ISSUERS_MAX: usize = 16;

/// Algorithms of signatures that there are and that are not verified here (RFC 7518 §3.1, RFC 8812,
/// RFC 9864): by a secret, by none, or by other curves.
const ELSEWHERE: [&str; 6] = ["HS256", "HS384", "HS512", "none", "ES256K", "Ed448"];

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
    Published {
        /// `None` where its tokens have no `iss`.
        issuer: Option<String>,
        audience: Vec<String>,
        algorithms: Vec<Algorithm>,
        at_jwt_only: bool,
        keys: KeysFrom,
    },
    Secret {
        key: Box<HmacKey>,
        until: Timestamp,
    },
    Authority(Box<Authority>),
}

/// The source of its keys.
pub enum KeysFrom {
    Issuer(Box<JwksSettings>),
    File(KeySet),
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
                Kind::Certificate => self.certificates_of(entry),
            });
        }
        self.authorities_apart(&checked);
        self.certificates_are_asked_for(file);
        let legacy = file.issuers.iter().filter(|entry| entry.kind == Kind::Legacy).count();
        let unnamed = file.issuers.iter().filter(|entry| entry.without_iss).count();
        if legacy + unnamed > 1 {
            self.fault("issuers: there can be one of kind = \"legacy\" or with without_iss = true: tokens that name no issuer must all be of the same");
        }
        self.named_by_a_route(file);
        if legacy == 0 && legacy_key.is_some() {
            self.warnings.push(
                "LEGACY_JWT_SECRET_KEY is set, and there is no issuer of kind = \"legacy\": it is not used"
                    .to_owned(),
            );
        }
        checked
    }

    /// An issuer whose tokens do not name it is accepted only where a route names it.
    fn named_by_a_route(&mut self, file: &File) {
        for IssuerEntry { name, .. } in file.issuers.iter().filter(|entry| entry.without_iss) {
            if !file.routes.iter().any(|route| route.issuers.contains(name)) {
                self.fault(format!("issuer `{name}`: without_iss = true, and no route names it: its tokens would be accepted nowhere; write issuers = [\"{name}\"] at the routes that they are for"));
            }
        }
    }

    fn published(&mut self, entry: &IssuerEntry) -> Option<IssuerSettings> {
        let (place, before) = (format!("issuer `{}`", entry.name), self.faults.len());
        if entry.until.is_some() || entry.danger_short_secret {
            self.fault(format!("{place}: until and danger_short_secret belong to kind = \"legacy\""));
        }
        if entry.crl_file.is_some() || !entry.roles.is_empty() {
            self.fault(format!("{place}: crl_file and roles belong to kind = \"certificate\""));
        }
        let name = self.issuer_name(entry);
        let issuer = entry.issuer.clone().filter(|issuer| !issuer.is_empty());
        match (&issuer, entry.without_iss) {
            (None, false) => self.fault(format!("{place}: issuer is missing; it is what tokens have as `iss`, such as \"https://sso.example.com/realms/shop\"; where they have none, write without_iss = true")),
            (Some(issuer), true) => self.fault(format!("{place}: without_iss = true says that its tokens have no `iss`, and issuer = \"{issuer}\" what it is; take out one or the other")),
            _ => {}
        }
        self.audience(&place, entry);
        let algorithms = self.algorithms(&place, entry);
        self.times(&place, entry);
        let mapping = self.mapping(&place, entry, "sub", None);
        let keys = self.keys_from(&place, entry, name.as_ref(), &algorithms);
        let name = name.filter(|_| self.faults.len() == before)?;
        Some(IssuerSettings {
            name,
            leeway: Duration::from_secs(entry.leeway_seconds),
            lifetime_max: Duration::from_secs(entry.lifetime_max_seconds),
            mapping: mapping?,
            proof: ProofSettings::Published {
                issuer,
                audience: entry.audience.clone(),
                algorithms,
                at_jwt_only: entry.typ == Typ::AccessToken,
                keys: keys?,
            },
        })
    }

    fn audience(&mut self, place: &str, entry: &IssuerEntry) {
        let named = !entry.audience.is_empty();
        match (named && !entry.audience.iter().any(String::is_empty), entry.danger_any_audience) {
            (true, false) => {}
            (false, true) if !named => self.warnings.push(format!(
                "{place}: danger_any_audience = true: tokens that it made for other services are accepted here, and whoever runs one of those can be any of its users"
            )),
            (_, true) => self.fault(format!("{place}: danger_any_audience = true says that any audience will do, and audience which ones; take out one or the other")),
            (false, false) => self.fault(format!("{place}: audience is missing; without it tokens that were made for other services would be accepted here; write for example audience = [\"https://api.example.com\"]; for an issuer whose tokens have no `aud`, and that serves nobody else, danger_any_audience = true accepts them")),
        }
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

    fn algorithms(&mut self, place: &str, entry: &IssuerEntry) -> Vec<Algorithm> {
        let mut algorithms = Vec::new();
        for text in &entry.algorithms {
            match Algorithm::named(text).filter(|known| Algorithm::ASYMMETRIC.contains(known)) {
                Some(algorithm) => algorithms.push(algorithm),
                None => {
                    let known = Algorithm::ASYMMETRIC.map(Algorithm::name);
                    // What is the name of another algorithm was meant, and is not mistyped.
                    let hint = match ELSEWHERE.contains(&text.as_str()) {
                        true => format!("; there are: {}", known.join(", ")),
                        false => hint(text, known.into_iter()),
                    };
                    self.fault(format!("{place}: algorithms: \"{text}\" cannot be used{hint}"));
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
            ("lifetime_max_seconds", entry.lifetime_max_seconds, 60..=366 * 86_400),
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
