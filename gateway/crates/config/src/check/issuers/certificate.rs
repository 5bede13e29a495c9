//! An issuer that has no tokens: an authority that signs certificates of clients.

use std::time::Duration;

use super::{IssuerSettings, ProofSettings};
use crate::check::Checker;
use crate::file::File;
use crate::issuer_entry::{IssuerEntry, Kind, Typ};
use crate::listener_entry::ClientCertificates;
use crate::suggest::hint;
use gateway_clock::{Clock as _, SystemClock};
use gateway_edge::revoked;
use gateway_identity::RoleName;
use gateway_token::{Authority, SUBJECT_FACTS};

impl Checker<'_> {
    pub(super) fn certificates_of(&mut self, entry: &IssuerEntry) -> Option<IssuerSettings> {
        let (place, before) = (format!("issuer `{}`", entry.name), self.faults.len());
        let unset = IssuerEntry::default();
        let of_tokens = entry.issuer.is_some()
            || entry.jwks_url.is_some()
            || !entry.audience.is_empty()
            || entry.danger_allow_http
            || entry.typ != Typ::Any
            || entry.until.is_some()
            || entry.danger_short_secret
            || entry.keys_file.is_some()
            || entry.without_iss
            || entry.danger_any_audience
            || entry.algorithms != unset.algorithms
            || entry.leeway_seconds != unset.leeway_seconds
            || entry.lifetime_max_seconds != unset.lifetime_max_seconds;
        if of_tokens {
            self.fault(format!("{place}: issuer, without_iss, jwks_url, keys_file, audience, danger_any_audience, algorithms, typ, leeway_seconds, lifetime_max_seconds, danger_allow_http, until and danger_short_secret are about tokens, of which an issuer of kind = \"certificate\" has none"));
        }
        let name = self.issuer_name(entry);
        let subject = entry.subject_claim.as_deref().unwrap_or_default();
        if !SUBJECT_FACTS.contains(&subject) {
            self.fault(format!(
                "{place}: subject_claim = \"{subject}\" is nothing by which a certificate names its holder{}",
                hint(subject, SUBJECT_FACTS.into_iter())
            ));
        }
        let mapping = self.mapping(&place, entry, "subject", None);
        let authority = self.authority(&place, entry);
        let name = name.filter(|_| self.faults.len() == before)?;
        Some(IssuerSettings {
            name,
            leeway: Duration::ZERO,
            lifetime_max: Duration::MAX,
            mapping: mapping?,
            proof: ProofSettings::Authority(Box::new(authority?)),
        })
    }

    fn authority(&mut self, place: &str, entry: &IssuerEntry) -> Option<Authority> {
        let Some(path) = &entry.ca_file else {
            self.fault(format!("{place}: ca_file is missing: it has the authority whose certificates are believed, in PEM; the machine's public authorities never are"));
            return None;
        };
        let own = self.authorities(place, "ca_file", path);
        let lists = entry.crl_file.as_deref().map(revoked).transpose().unwrap_or_else(|fault| {
            self.fault(format!("{place}: crl_file: {fault}"));
            None
        });
        if entry.crl_file.is_none() {
            self.notes.push(format!("{place} has no crl_file: a certificate of it is good until it ends, whoever has its key by then"));
        }
        let mut roles = Vec::new();
        for text in &entry.roles {
            match RoleName::parse(text) {
                Some(role) => roles.push(role),
                None => self.fault(format!("{place}: roles: \"{text}\" cannot be handed on as a role: 1 to 128 ASCII characters without a comma")),
            }
        }
        if own.is_empty() {
            return None;
        }
        match Authority::new(&own, &lists.unwrap_or_default(), roles.into()) {
            Ok(authority) => {
                self.warn_of_ends(place, &authority);
                Some(authority)
            }
            Err(fault) => {
                self.fault(format!("{place}: ca_file or crl_file {fault}"));
                None
            }
        }
    }

    fn warn_of_ends(&mut self, place: &str, authority: &Authority) {
        let now = SystemClock.now();
        if let Some(end) = authority.ends.filter(|end| *end <= now) {
            self.warnings.push(format!("{place}: ca_file: an authority in it was over on {end}; what it signed is believed all the same: take it out if it should not be"));
        }
        if let Some(end) = authority.lists_end().filter(|end| *end <= now) {
            self.warnings.push(format!("{place}: crl_file: the newest list of an authority was to be replaced by {end}: its certificates are refused until there is a newer one"));
        }
        if authority.lists_are_of_others() {
            self.warnings.push(format!("{place}: crl_file has no list of an authority in ca_file: whomever one of those has certified itself is refused"));
        }
    }

    pub(super) fn authorities_apart(&mut self, issuers: &[IssuerSettings]) {
        let of_kind = issuers.iter().filter_map(|issuer| match &issuer.proof {
            ProofSettings::Authority(authority) => Some((&issuer.name, authority)),
            _ => None,
        });
        let all: Vec<_> = of_kind.collect();
        for (index, (name, authority)) in all.iter().enumerate() {
            for (other, before) in all.iter().take(index) {
                if before.shares_with(authority) {
                    self.fault(format!("issuers `{other}` and `{name}` have the same authority in ca_file: nobody could tell whose a certificate is"));
                } else if before.certifies(authority) || authority.certifies(before) {
                    self.fault(format!("issuers `{other}` and `{name}`: an authority in ca_file of one of them has certified one of the other: a client could choose by what it shows whose it is; put both into ca_file of one issuer, and tell their holders apart by `claims` of the routes"));
                }
            }
        }
    }

    pub(super) fn certificates_are_asked_for(&mut self, file: &File) {
        let asks = |tls: &crate::listener_entry::ListenerTlsEntry| {
            tls.client_certificates != ClientCertificates::Off || tls.client_ca_file.is_some()
        };
        let asked = file.listeners.iter().filter_map(|listener| listener.tls.as_ref()).any(asks);
        let issuer = file.issuers.iter().find(|issuer| issuer.kind == Kind::Certificate);
        if let Some(issuer) = issuer.filter(|_| !asked) {
            self.warnings.push(format!("issuer `{}` has certificates, and no listener asks for one: set client_certificates of its tls to \"optional\" or \"required\"", issuer.name));
        }
    }
}
