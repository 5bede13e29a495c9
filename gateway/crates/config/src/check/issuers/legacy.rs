//! The issuer that was there before: a shared secret, for a while.

use std::time::Duration;

use secrecy::SecretSlice;

use super::{IssuerSettings, ProofSettings};
use crate::check::Checker;
use crate::issuer_entry::{IssuerEntry, Typ};
use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_token::{HmacKey, Numbers};

impl Checker<'_> {
    pub(super) fn legacy(
        &mut self,
        entry: &IssuerEntry,
        secret: Option<&SecretSlice<u8>>,
        own_keys: &[Option<&SecretSlice<u8>>],
    ) -> Option<IssuerSettings> {
        let (place, before) = (format!("issuer `{}`", entry.name), self.faults.len());
        let published = entry.issuer.is_some()
            || entry.jwks_url.is_some()
            || !entry.audience.is_empty()
            || entry.ca_file.is_some()
            || entry.keys_file.is_some()
            || entry.without_iss
            || entry.danger_any_audience
            || entry.danger_allow_http
            || entry.typ != Typ::Any;
        if published {
            self.fault(format!("{place}: issuer, jwks_url, keys_file, without_iss, audience, danger_any_audience, typ, ca_file and danger_allow_http belong to kind = \"oidc\": legacy tokens name no issuer and no audience"));
        }
        if entry.crl_file.is_some() || !entry.roles.is_empty() {
            self.fault(format!("{place}: crl_file and roles belong to kind = \"certificate\""));
        }
        let name = self.issuer_name(entry);
        self.times(&place, entry);
        let until = self.until(&place, entry);
        let key = self.legacy_key(&place, entry, secret);
        let mut own = own_keys.iter().flatten().filter_map(|secret| HmacKey::new(secret).ok());
        if let Some(key) = &key
            && own.any(|own| key.same_as(&own))
        {
            self.fault(format!("{place}: LEGACY_JWT_SECRET_KEY is one of the gateway's own keys, too: the service that was there before could make tokens of this gateway; give the gateway a new one"));
        }
        let mapping = self.mapping(&place, entry, "user_id", Some("role"));
        let name = name.filter(|_| self.faults.len() == before)?;
        let (key, until, mut mapping) = (key?, until?, mapping?);
        // That its `user_id`s stay what they were is what it is there for.
        if mapping.numbers == Numbers::Refused {
            mapping.numbers = Numbers::Canonical;
        }
        if SystemClock.now() >= until {
            self.warnings.push(format!("{place}: its time was over on {until}: its tokens are refused; take it out of the configuration"));
        } else {
            self.warnings.push(format!("{place}: tokens of the service that was there before are accepted until {until}: whoever knows its secret can be anybody, and its user_id is what services get as X-User-Id"));
        }
        Some(IssuerSettings {
            name,
            leeway: Duration::from_secs(entry.leeway_seconds),
            lifetime_max: Duration::from_secs(entry.lifetime_max_seconds),
            mapping,
            proof: ProofSettings::Secret { key: Box::new(key), until },
        })
    }

    /// A day or a moment, in UTC.
    fn until(&mut self, place: &str, entry: &IssuerEntry) -> Option<Timestamp> {
        let text = entry.until.as_deref().unwrap_or_default();
        let until = Timestamp::parse(text);
        if until.is_none() {
            self.fault(format!("{place}: until = \"{text}\" is no day; a legacy issuer ends on one, such as until = \"2027-03-31\" (or \"2027-03-31T12:00:00Z\")"));
        }
        until
    }

    fn legacy_key(
        &mut self,
        place: &str,
        entry: &IssuerEntry,
        secret: Option<&SecretSlice<u8>>,
    ) -> Option<HmacKey> {
        let Some(secret) = secret else {
            self.fault(format!("{place}: LEGACY_JWT_SECRET_KEY (or LEGACY_JWT_SECRET_KEY_FILE) is not set: it is the secret that the service before signs its tokens with"));
            return None;
        };
        let strong = HmacKey::new(secret);
        match strong {
            Ok(key) => Some(key),
            Err(fault) if entry.danger_short_secret => match HmacKey::short(secret) {
                Ok(key) => {
                    self.warnings.push(format!("{place}: danger_short_secret = true: {fault}; whoever has one of its tokens can try out all short secrets, and then be anybody"));
                    Some(key)
                }
                Err(fault) => {
                    self.fault(format!("{place}: LEGACY_JWT_SECRET_KEY: {fault}"));
                    None
                }
            },
            Err(fault) => {
                self.fault(format!("{place}: LEGACY_JWT_SECRET_KEY: {fault}; if the service cannot have a longer one, danger_short_secret = true accepts it"));
                None
            }
        }
    }
}
