//! Certificates as a credential: whom the authority of an issuer vouches for, by what is configured
//! now. That a client has the key of its certificate was proved by its handshake, before.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::digest;
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

use super::Fault;
use super::claims::ForeignClaims;
use super::verify::{ForeignIssuer, ForeignIssuers, Proof};
use super::x509::{end, facts, is_authority, next_list};
use crate::clock::Timestamp;
use crate::identity::{IssuerName, RoleName, TokenId};

/// Authorities of one issuer; more are those of the machine, by which anybody is somebody.
const AUTHORITIES_MAX: usize = 16;

/// Who signs the certificates of an issuer, and which of them count no more.
pub struct Authority {
    anchors: Box<[TrustAnchor<'static>]>,
    lists: Box<[CertRevocationList<'static>]>,
    /// When the first of the lists is over: from then on nobody knows what was revoked.
    lists_end: Option<Timestamp>,
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
    found: Result<Found, Unfit>,
}

struct Found {
    claims: ForeignClaims,
    lists_end: Option<Timestamp>,
}

/// Why a certificate says nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No authority of an issuer has signed it, for clients, and as certificates are signed today.
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

impl fmt::Display for Unfit {
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

impl From<webpki::Error> for Unfit {
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
        let mut ends = lists.iter().map(|list| next_list(list));
        let lists_end = ends.try_fold(u64::MAX, |first, end| Some(first.min(end?)));
        let lists: Result<Vec<_>, _> =
            lists.iter().map(|der| OwnedCertRevocationList::from_der(der)).collect();
        let lists = lists.map_err(|fault| format!("has a list that cannot be used: {fault}"))?;
        let lists_end =
            lists_end.ok_or("has a list that does not say when the next one is due (nextUpdate)")?;
        Ok(Self {
            anchors: anchors.into(),
            lists_end: (!lists.is_empty()).then(|| Timestamp::from_seconds(lists_end)),
            lists: lists.into_iter().map(CertRevocationList::Owned).collect(),
            ends: own.iter().filter_map(|der| end(der)).min().map(Timestamp::from_seconds),
            roles,
        })
    }

    pub fn lists_end(&self) -> Option<Timestamp> {
        self.lists_end
    }

    /// Whether both have an authority in common: nobody could tell whose a certificate is.
    pub fn shares_with(&self, other: &Self) -> bool {
        let same = |one: &TrustAnchor<'_>, other: &TrustAnchor<'_>| {
            one.subject == other.subject && one.subject_public_key_info == other.subject_public_key_info
        };
        self.anchors.iter().any(|one| other.anchors.iter().any(|other| same(one, other)))
    }

    /// Until when the way from this certificate to one of the authorities is good.
    fn prove(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Timestamp, Unfit> {
        let (own, others) = chain.split_first().ok_or(Unfit::Unknown)?;
        let own = EndEntityCert::try_from(own)?;
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
        let lists: Vec<_> = self.lists.iter().collect();
        let mut good_until = Err(Unfit::Unknown);
        for revocation in questions(&lists) {
            let usage = KeyUsage::client_auth();
            let path =
                own.verify_for_usage(algorithms, &self.anchors, others, at, usage, revocation, None)?;
            good_until = first_end(&path).ok_or(Unfit::Unknown);
        }
        good_until
    }
}

/// What lists are asked: that none of the way is revoked as far as there are lists about it, and that
/// there is one about the certificate itself.
fn questions<'a>(lists: &'a [&'a CertRevocationList<'a>]) -> Vec<Option<RevocationOptions<'a>>> {
    let Ok(lists) = RevocationOptionsBuilder::new(lists) else { return vec![None] };
    let lists = lists.with_expiration_policy(ExpirationPolicy::Enforce);
    let whole = lists.with_depth(RevocationCheckDepth::Chain).with_status_policy(UnknownStatusPolicy::Allow);
    let own = lists.with_depth(RevocationCheckDepth::EndEntity).with_status_policy(UnknownStatusPolicy::Deny);
    vec![Some(whole.build()), Some(own.build())]
}

fn first_end(path: &VerifiedPath<'_>) -> Option<Timestamp> {
    let mut first = end(&path.end_entity().der())?;
    for one in path.intermediate_certificates() {
        first = first.min(end(&one.der())?);
    }
    Some(Timestamp::from_seconds(first))
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

    /// By the first issuer, in their order, whose authority has signed it.
    fn find_out(&self, by: &[Arc<ForeignIssuer>], now: Timestamp) -> Result<Found, Unfit> {
        let mut unfit = Unfit::Unknown;
        for issuer in by {
            let Proof::Authority(authority) = &issuer.proof else { continue };
            match authority.prove(&self.chain, now) {
                Ok(until) => {
                    let claims = self.read(issuer, authority, until);
                    let claims = claims.inspect_err(|unfit| tell_once(issuer, *unfit))?;
                    return Ok(Found { claims, lists_end: authority.lists_end });
                }
                Err(Unfit::Unknown) => {}
                Err(telling) => unfit = telling,
            }
        }
        Err(unfit)
    }

    fn read(
        &self,
        issuer: &ForeignIssuer,
        authority: &Authority,
        refused_from: Timestamp,
    ) -> Result<ForeignClaims, Unfit> {
        let facts = self.chain.first().and_then(|own| facts(own)).ok_or(Unfit::Unnamed)?;
        let ForeignIssuer { name, mapping, .. } = issuer;
        let subject = mapping.only_subject(name, &facts).map_err(|fault| match fault {
            Fault::LikeAnAccount => Unfit::LikeAnAccount,
            _ => Unfit::Unnamed,
        })?;
        let mut roles = authority.roles.to_vec();
        roles.extend(mapping.roles(&facts).into_iter().filter(|role| !authority.roles.contains(role)));
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
fn tell_once(issuer: &ForeignIssuer, unfit: Unfit) {
    if !issuer.told.swap(true, Ordering::Relaxed) {
        tracing::warn!(issuer = %issuer.name, "a client certificate is refused, and others like it: {unfit}");
    }
}

impl ForeignIssuers {
    /// Whom a certificate is for. Its signatures are checked once for a connection, and again when
    /// something else is configured: a session that is resumed, and a connection that was there before,
    /// outlive no authority and no list. The time is looked at each time.
    pub fn holder(&self, certificate: &Arc<PeerCertificate>, now: Timestamp) -> Result<ForeignClaims, Unfit> {
        let mut known = certificate.known.lock();
        let by = &self.authorities;
        let known = match known.take().filter(|known| Arc::ptr_eq(&known.by, by)) {
            Some(same) => known.insert(same),
            None => known.insert(Known { by: Arc::clone(by), found: certificate.find_out(by, now) }),
        };
        let found = known.found.as_ref().map_err(|unfit| *unfit)?;
        if now >= found.claims.refused_from {
            return Err(Unfit::Over);
        }
        if found.lists_end.is_some_and(|end| now >= end) {
            return Err(Unfit::Unlisted);
        }
        Ok(ForeignClaims { certificate: Some(Arc::clone(certificate)), ..found.claims.clone() })
    }
}
