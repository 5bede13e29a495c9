//! Which claims of an issuer are whose facts.

use std::collections::BTreeMap;

use crate::check::Checker;
use crate::issuer_entry::IssuerEntry;
use gateway_identity::RoleName;
use gateway_token::{ClaimPath, Mapping, Numbers, begins_like_number, is_chosen};

impl Checker<'_> {
    pub(super) fn mapping(
        &mut self,
        place: &str,
        entry: &IssuerEntry,
        subject: &str,
        roles: Option<&str>,
    ) -> Option<Mapping> {
        let claim = entry.subject_claim.as_deref().unwrap_or(subject);
        let numbers = self.numbers(place, entry, claim);
        let subject = ClaimPath::new(claim);
        if subject.is_none() {
            self.fault(format!("{place}: subject_claim is empty: nobody would be anybody"));
        }
        let plain = |byte: u8| (b'!'..=b'~').contains(&byte);
        if !entry.subject_prefix.bytes().all(plain) || entry.subject_prefix.len() > 64 {
            self.fault(format!(
                "{place}: subject_prefix = \"{}\": at most 64 visible ASCII characters",
                entry.subject_prefix
            ));
        }
        let roles = entry.roles_claim.as_deref().or(roles).and_then(ClaimPath::new);
        if !entry.role_names.is_empty() && roles.is_none() {
            self.fault(format!("{place}: role_names needs roles_claim, which says where the roles are"));
        }
        let mut role_names = BTreeMap::new();
        for (theirs, ours) in &entry.role_names {
            match RoleName::parse(ours) {
                Some(role) => drop(role_names.insert(theirs.clone(), role)),
                None => self.fault(format!("{place}: role_names: \"{ours}\" cannot be handed on as a role: 1 to 128 ASCII characters without a comma")),
            }
        }
        Some(Mapping {
            subject: subject?,
            subject_prefix: entry.subject_prefix.as_str().into(),
            numbers,
            email: ClaimPath::new(&entry.email_claim),
            roles,
            role_names,
        })
    }

    /// What becomes of subjects that a service could read as the number of an account of ours.
    fn numbers(&mut self, place: &str, entry: &IssuerEntry, claim: &str) -> Numbers {
        let IssuerEntry { name, subject_prefix: prefix, .. } = entry;
        if begins_like_number(prefix) {
            self.warnings.push(format!("{place}: subject_prefix = \"{prefix}\" begins like a number, and tells nobody from the accounts of this gateway; let it begin with a letter, such as \"{name}:\""));
        }
        match (entry.danger_numeric_subjects, is_chosen(claim)) {
            (true, _) => Numbers::Accepted,
            (false, true) => {
                if prefix.is_empty() {
                    self.warnings.push(format!("{place}: subject_claim = \"{claim}\" is chosen by people: who is called like the number of an account here (\"7\", \"7up\") is refused, since services could take one for the other; subject_prefix = \"{name}:\" tells them apart, and lets all in"));
                }
                Numbers::RefusedAtStart
            }
            (false, false) => Numbers::Refused,
        }
    }
}
