//! Certificates as a credential: whom the authority of an issuer vouches for, by what is configured
//! now. That a client has the key of its certificate was proved by its handshake, before.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::digest;
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};

use super::Fault;
use super::claims::ForeignClaims;
use super::lists::{Listed, RevocationLists};
use super::signed::is_signed_by;
use super::verify::{ForeignIssuer, ForeignIssuers, Proof};
use super::way::Way;
use super::x509::{end, facts, is_authority};
use gateway_clock::Timestamp;
use gateway_identity::{IssuerName, RoleName, TokenId};

/// Authorities of one issuer; more are those of the machine, by which anybody is somebody.
const AUTHORITIES_MAX: usize = 16;

/// The authorities that sign the certificates of an issuer, and which certificates count no more.
pub struct Authority {
    anchors: Box<[TrustAnchor<'static>]>,
    /// The same as they were given.
    certificates: Box<[Vec<u8>]>,
    lists: RevocationLists,
    /// When the first of the authorities' own certificates is over.
    pub ends: Option<Timestamp>,
    /// What everybody has of whom it vouches for.
    roles: Box<[RoleName]>,
}

/// The chain that a client showed, its own certificate first.
pub struct PeerCertificate {
    chain: Box<[CertificateDer<'static>]>,
    /// What was found out of it, until something else is configured.
    known: Mutex<Option<Known>>,
}

struct Known {
    by: Arc<[Arc<ForeignIssuer>]>,
    /// At which moment it was asked.
    at: Timestamp,
    found: Result<Found, CertificateFault>,
}

struct Found {
    claims: ForeignClaims,
    lists_end: Option<Timestamp>,
}

impl Known {
    /// Whether it would be found again. That something is over says nothing of the time before; and
    /// when a list is over, others may still say enough.
    fn holds(&self, by: &Arc<[Arc<ForeignIssuer>]>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.by, by)
            && match &self.found {
                Ok(found) => found.lists_end.is_none_or(|end| now < end),
                Err(_) => self.at <= now,
            }
    }
}

/// Why a certificate says nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No authority of an issuer has signed it, for clients, and by an algorithm that is accepted.
    Unknown,
    Over,
    NotYet,
    Revoked,
    /// No list of revoked certificates is about it, or that list is over.
    Unlisted,
    /// It does not have exactly one of what names its holder, or one that no header could carry.
    Unnamed,
    /// Its subject could be read as the number of an account of ours.
    LikeAnAccount,
}

impl CertificateFault {
    /// The stable word, in the line of a request as `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_authority",
            Self::Over => "over",
            Self::NotYet => "not_yet",
            Self::Revoked => "revoked",
            Self::Unlisted => "unlisted",
            Self::Unnamed => "unnamed",
            Self::LikeAnAccount => "like_an_account",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no authority of an issuer has signed it for a client",
            Self::Over => "it is over, or one that it rests on is",
            Self::NotYet => "its time has not come",
            Self::Revoked => "its authority has revoked it",
            Self::Unlisted => "crl_file has no list in force of its authority, so that nobody knows whether it was revoked",
            Self::Unnamed => "it does not have exactly one of what subject_claim names, in visible ASCII",
            Self::LikeAnAccount => "its subject could be read as the number of an account of this gateway; subject_prefix tells them apart",
        })
    }
}

impl From<webpki::Error> for CertificateFault {
    fn from(fault: webpki::Error) -> Self {
        match fault {
            webpki::Error::CertExpired { .. } => Self::Over,
            webpki::Error::CertNotValidYet { .. } => Self::NotYet,
            webpki::Error::CertRevoked => Self::Revoked,
            webpki::Error::UnknownRevocationStatus | webpki::Error::CrlExpired { .. } => Self::Unlisted,
            _ => Self::Unknown,
        }
    }
}

impl Authority {
    /// From certificates and lists in DER.
    ///
    /// # Errors
    ///
    /// What cannot be used, and why.
    pub fn new(own: &[Vec<u8>], lists: &[Vec<u8>], roles: Box<[RoleName]>) -> Result<Self, String> {
        if own.len() > AUTHORITIES_MAX {
            return Err(format!(
                "has {} certificates; at most {AUTHORITIES_MAX} are taken, since whoever one of them certifies is somebody here: it must not be the machine's list of public authorities",
                own.len()
            ));
        }
        let mut anchors = Vec::new();
        for der in own {
            let der = CertificateDer::from(der.as_slice());
            if !is_authority(&der) {
                return Err("has a certificate that may not sign others (basicConstraints without CA:TRUE)"
                    .to_owned());
            }
            let anchor = webpki::anchor_from_trusted_cert(&der);
            anchors.push(
                anchor.map_err(|fault| format!("has a certificate that cannot be used: {fault}"))?.to_owned(),
            );
        }
        Ok(Self {
            anchors: anchors.into(),
            certificates: own.into(),
            lists: RevocationLists::read(lists)?,
            ends: own.iter().filter_map(|der| end(der)).min().map(Timestamp::from_seconds),
            roles,
        })
    }

    /// When the first of the lists that count is over: from then on nobody knows what was revoked.
    pub fn lists_end(&self) -> Option<Timestamp> {
        self.lists.first_end(&self.anchors).map(Timestamp::from_seconds)
    }

    /// Whether there are lists, and none is of one of these authorities.
    pub fn lists_are_of_others(&self) -> bool {
        !self.lists.is_empty() && !self.anchors.iter().any(|anchor| self.lists.has_one_of(anchor))
    }

    /// Whether both have an authority in common: nobody could tell whose a certificate is.
    pub fn shares_with(&self, other: &Self) -> bool {
        let same = |one: &TrustAnchor<'_>, other: &TrustAnchor<'_>| {
            one.subject == other.subject && one.subject_public_key_info == other.subject_public_key_info
        };
        self.anchors.iter().any(|one| other.anchors.iter().any(|other| same(one, other)))
    }

    /// Whether an authority of this one has certified one of the other: whose a certificate of the latter
    /// is would be up to the client, by what it shows.
    pub fn certifies(&self, other: &Self) -> bool {
        let signed = |der: &Vec<u8>| {
            self.anchors.iter().any(|anchor| is_signed_by(der, &anchor.subject_public_key_info))
        };
        other.certificates.iter().any(signed)
    }

    fn prove(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Way, CertificateFault> {
        let (own, others) = chain.split_first().ok_or(CertificateFault::Unknown)?;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
        Way::prove(own, others, &self.anchors, (&self.lists, Listed::Itself), at)
    }
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerCertificate(…)")
    }
}

impl PeerCertificate {
    pub fn new(chain: impl IntoIterator<Item = CertificateDer<'static>>) -> Arc<Self> {
        Arc::new(Self { chain: chain.into_iter().collect(), known: Mutex::default() })
    }

    /// By what it is counted: itself, and who vouches for it.
    fn id(&self, issuer: &IssuerName) -> TokenId {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in [b"certificate", issuer.as_str().as_bytes()] {
            hash.update(part);
            hash.update(b"\0");
        }
        hash.update(self.chain.first().map_or(&[][..], |own| own));
        hash.finish().as_ref().first_chunk().copied().map_or_else(TokenId::random, TokenId::derived)
    }

    /// By the first issuer, in their order, whose authority has signed it. What that one says against it
    /// no other one takes back.
    fn find_out(&self, by: &[Arc<ForeignIssuer>], now: Timestamp) -> Result<Found, CertificateFault> {
        for issuer in by {
            let Proof::Authority(authority) = &issuer.proof else { continue };
            match authority.prove(&self.chain, now) {
                Ok(Way { until, lists_end }) => {
                    let claims = self.read(issuer, authority, until);
                    let claims = claims.inspect_err(|fault| tell_once(issuer, *fault))?;
                    return Ok(Found { claims, lists_end });
                }
                Err(CertificateFault::Unknown) => {}
                Err(telling) => return Err(telling),
            }
        }
        Err(CertificateFault::Unknown)
    }

    fn read(
        &self,
        issuer: &ForeignIssuer,
        authority: &Authority,
        refused_from: Timestamp,
    ) -> Result<ForeignClaims, CertificateFault> {
        let facts = self.chain.first().and_then(|own| facts(own)).ok_or(CertificateFault::Unnamed)?;
        let ForeignIssuer { name, mapping, .. } = issuer;
        let subject = mapping.only_subject(name, &facts).map_err(|fault| match fault {
            Fault::LikeAnAccount => CertificateFault::LikeAnAccount,
            _ => CertificateFault::Unnamed,
        })?;
        let mut roles = authority.roles.to_vec();
        roles.extend(mapping.whole_roles(&facts).into_iter().filter(|role| !authority.roles.contains(role)));
        Ok(ForeignClaims {
            token: self.id(name),
            subject,
            email: mapping.only_email(&facts),
            roles: roles.into(),
            refused_from,
            legacy: false,
            claims: Arc::new(facts),
            certificate: None,
        })
    }
}

/// Only whoever set up the issuer can mend it; a line for each would be its holder's to multiply.
fn tell_once(issuer: &ForeignIssuer, fault: CertificateFault) {
    if !issuer.told.swap(true, Ordering::Relaxed) {
        tracing::warn!(issuer = %issuer.name, "a client certificate is refused, and others like it: {fault}");
    }
}

impl ForeignIssuers {
    /// Whom a certificate is for. Its signatures are checked once for a connection, and again when
    /// something else is configured: a session that is resumed, and a connection that was there before,
    /// outlive no authority and no list. The time is looked at each time.
    pub fn holder(
        &self,
        certificate: &Arc<PeerCertificate>,
        now: Timestamp,
    ) -> Result<ForeignClaims, CertificateFault> {
        let mut known = certificate.known.lock();
        let by = &self.authorities;
        let known = match known.take().filter(|known| known.holds(by, now)) {
            Some(same) => known.insert(same),
            None => {
                let found = certificate.find_out(by, now);
                known.insert(Known { by: Arc::clone(by), at: now, found })
            }
        };
        let found = known.found.as_ref().map_err(|fault| *fault)?;
        if now >= found.claims.refused_from {
            return Err(CertificateFault::Over);
        }
        Ok(ForeignClaims { certificate: Some(Arc::clone(certificate)), ..found.claims.clone() })
    }
}
