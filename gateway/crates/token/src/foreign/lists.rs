//! Lists of revoked certificates (RFC 5280 §5), and which of them count: of each authority, told by its
//! key and not by its name alone, the newest one.

use std::slice;

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, ExpirationPolicy, KeyUsage, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

use super::certificate::CertificateFault;
use super::signed::{algorithms, contents, is_signed_by};
use super::x509::{Issue, issue};

/// What an operator has of them.
#[derive(Debug, Default)]
pub struct RevocationLists(Box<[List]>);

#[derive(Debug)]
struct List {
    der: Box<[u8]>,
    known: CertRevocationList<'static>,
    issue: Issue,
}

/// How much lists must say of the certificates on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// None is revoked, as far as there are lists about it.
    AsFarAsKnown,
    /// The same, and there is one about the first certificate.
    Itself,
}

impl List {
    fn read(der: &[u8]) -> Result<Self, String> {
        let known = OwnedCertRevocationList::from_der(der).map_err(|fault| match fault {
            webpki::Error::UnsupportedDeltaCrl => {
                "has a list of changes only (a delta CRL), which is none without the whole one that it changes"
                    .to_owned()
            }
            fault => format!("has a list that cannot be used: {fault}"),
        })?;
        let issue = issue(der).ok_or("has a list that does not say when the next one is due (nextUpdate)")?;
        Ok(Self { der: der.into(), known: CertRevocationList::Owned(known), issue })
    }

    fn is_of(&self, name: &[u8], key: &[u8]) -> bool {
        self.known.issuer() == name && is_signed_by(&self.der, key)
    }

    /// Whether it says all that the other one says, and later; where both are of the same key.
    fn replaces(&self, other: &Self) -> bool {
        let place = |list: &Self| list.known.issuing_distribution_point().map(<[u8]>::to_vec);
        self.issue.is_after(&other.issue)
            && self.known.issuer() == other.known.issuer()
            && place(self) == place(other)
    }
}

impl RevocationLists {
    /// From DER.
    ///
    /// # Errors
    ///
    /// What cannot be used, and why.
    pub fn read(lists: &[Vec<u8>]) -> Result<Self, String> {
        lists.iter().map(|der| List::read(der)).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of an authority that count.
    fn newest(&self, name: &[u8], key: &[u8]) -> Vec<&List> {
        let own: Vec<_> = self.0.iter().filter(|list| list.is_of(name, key)).collect();
        own.iter().copied().filter(|list| !own.iter().any(|other| other.replaces(list))).collect()
    }

    pub(super) fn has_one_of(&self, authority: &TrustAnchor<'_>) -> bool {
        self.0.iter().any(|list| list.is_of(&authority.subject, &authority.subject_public_key_info))
    }

    /// When the first of those that count is over. Whose a list is that none of these authorities
    /// signed, nobody can tell: those of one name are taken for those of one.
    pub(super) fn first_end(&self, authorities: &[TrustAnchor<'_>]) -> Option<u64> {
        let signers = |list: &List| -> Vec<bool> {
            authorities.iter().map(|of| list.is_of(&of.subject, &of.subject_public_key_info)).collect()
        };
        let all: Vec<_> = self.0.iter().map(|list| (list, signers(list))).collect();
        let counts = |(list, by): &&(&List, Vec<bool>)| {
            !all.iter().any(|(other, other_by)| by == other_by && other.replaces(list))
        };
        all.iter().filter(counts).map(|(list, _)| list.issue.ends).min()
    }

    /// What they say of a way that is signed all along and in time: until when they say it, in seconds
    /// since 1970, where there are such about it.
    ///
    /// Only lists that count about this way are asked. A list with which nobody on it has to do may be
    /// over, or of another key of the same name.
    pub(super) fn judge(
        &self,
        way: &VerifiedPath<'_>,
        asked: Listed,
        at: UnixTime,
    ) -> Result<Option<u64>, CertificateFault> {
        if self.is_empty() {
            return Ok(None);
        }
        let (own, anchor) = (way.end_entity(), way.anchor());
        let between: Vec<_> = way.intermediate_certificates().collect();
        let keys = between.iter().map(|one| contents(&one.subject_public_key_info()).to_vec());
        let keys = keys.chain([anchor.subject_public_key_info.to_vec()]);
        let mut about = Vec::new();
        for (one, key) in [&**own].into_iter().chain(between.iter().copied()).zip(keys) {
            let lists = self.newest(one.issuer(), &key);
            // A number is given once, whatever part of its certificates a list is about.
            for list in &lists {
                match list.known.find_serial(one.serial()) {
                    Ok(None) => {}
                    Ok(Some(_)) => return Err(CertificateFault::Revoked),
                    Err(_) => return Err(CertificateFault::Unlisted),
                }
            }
            about.extend(lists);
        }
        // Of several that are about a certificate the first one is asked whether it is over.
        about.sort_by_key(|list| list.issue.ends);
        let known: Vec<_> = about.iter().map(|list| &list.known).collect();
        let Ok(lists) = RevocationOptionsBuilder::new(&known) else {
            return if asked == Listed::Itself { Err(CertificateFault::Unlisted) } else { Ok(None) };
        };
        let lists = lists.with_expiration_policy(ExpirationPolicy::Enforce);
        let whole =
            lists.with_depth(RevocationCheckDepth::Chain).with_status_policy(UnknownStatusPolicy::Allow);
        let itself =
            lists.with_depth(RevocationCheckDepth::EndEntity).with_status_policy(UnknownStatusPolicy::Deny);
        let between: Vec<CertificateDer<'_>> = between.iter().map(|one| one.der()).collect();
        for (lists, is_asked) in [(whole, true), (itself, asked == Listed::Itself)] {
            if is_asked {
                let (anchors, usage) = (slice::from_ref(anchor), KeyUsage::client_auth());
                own.verify_for_usage(algorithms(), anchors, &between, at, usage, Some(lists.build()), None)
                    .map_err(|fault| match fault {
                    webpki::Error::CertRevoked => CertificateFault::Revoked,
                    // The way was good without lists: what is wrong is with them.
                    _ => CertificateFault::Unlisted,
                })?;
            }
        }
        Ok(about.iter().map(|list| list.issue.ends).filter(|end| *end > at.as_secs()).min())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair};

    use super::*;

    #[test]
    fn a_list_of_changes_only_is_not_taken_for_a_whole_one() {
        let authority =
            Issuer::new(CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2024, 1, 1),
            next_update: rcgen::date_time_ymd(2999, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let mut der = list.signed_by(&authority).unwrap().der().to_vec();
        assert!(RevocationLists::read(&[der.clone()]).is_ok());
        // Where its number was, it says what it changes: 2.5.29.20 and 2.5.29.27.
        let at = der.windows(3).position(|oid| oid == [0x55, 0x1d, 20]).unwrap();
        der[at + 2] = 27;
        assert!(RevocationLists::read(&[der]).unwrap_err().contains("a delta CRL"));
    }
}
