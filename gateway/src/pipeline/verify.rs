//! Verification of the token, and the count of those that fail it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use tracing::warn;

use super::{Pipeline, Refusal, Snapshot, Trail};
use crate::clock::{Stopwatch, Timestamp};
use crate::telemetry::{Tokens, Verifications};
use crate::token::{
    Algorithm, Asked, AuthenticClaims, AuthenticForeign, Candidate, ForeignClaims, PeerCertificate, RawToken,
    TokenFault, Unproved, VerifiedClaims,
};

/// What a certificate is counted as, in place of an algorithm: what signed it is its authority's matter.
const CERTIFICATE: &str = "x509";
/// What our own issuer is called in the metrics; no other one may have the name.
const OURS: &str = "gateway";

/// What a token proved: that somebody is a user of ours, or known to another issuer.
#[derive(Clone, Debug)]
pub(super) enum Verified {
    Own(VerifiedClaims),
    Foreign(Box<ForeignClaims>),
}

impl fmt::Display for Verified {
    /// As it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(claims) => write!(f, "user {}", claims.user()),
            Self::Foreign(claims) => {
                write!(f, "subject {} of issuer `{}`", claims.subject(), claims.issuer())
            }
        }
    }
}

/// What came of our own tokens: looked up once, and not for each request.
pub(super) struct OwnTokens([Verifications; Algorithm::ALL.len()]);

impl OwnTokens {
    pub(super) fn new(tokens: &Tokens) -> Self {
        tokens.begin();
        Self(Algorithm::ALL.map(|algorithm| tokens.of(OURS, algorithm.name())))
    }

    fn of(&self, algorithm: Algorithm) -> Option<&Verifications> {
        self.0.get(algorithm as usize)
    }
}

/// Our own tokens first: most are, and those of others are told from them by their header.
pub(super) async fn verify(
    pipeline: &Pipeline,
    now: &Snapshot,
    token: RawToken<'_>,
    client: IpAddr,
    trail: &mut Trail,
) -> Result<Verified, Refusal> {
    let moment = pipeline.clock.now();
    let verified = match now.verifier.authenticate(token, moment) {
        // A token that we signed is nobody else's.
        Ok(claims) => own(pipeline, claims, moment),
        Err(_) => foreign(pipeline, now, token, moment, trail).await,
    };
    verified.map_err(|refusal| counted(now, client, refusal))
}

/// Ours and no others: what a browser carries was handed to it by us.
pub(super) fn verify_own(
    pipeline: &Pipeline,
    now: &Snapshot,
    token: RawToken<'_>,
    client: IpAddr,
) -> Result<Verified, Refusal> {
    let moment = pipeline.clock.now();
    let verified = match now.verifier.authenticate(token, moment) {
        Ok(claims) => own(pipeline, claims, moment),
        Err(_) => {
            pipeline.metrics.tokens.invalid("none");
            Err(Refusal::TokenInvalid)
        }
    };
    verified.map_err(|refusal| counted(now, client, refusal))
}

fn counted(now: &Snapshot, client: IpAddr, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::TokenInvalid => now.failures.count(client, refusal),
        // Every client lets a token expire now and then: that is no attempt at anything.
        _ => refusal,
    }
}

fn own(pipeline: &Pipeline, claims: AuthenticClaims, moment: Timestamp) -> Result<Verified, Refusal> {
    let (counts, seen) = (pipeline.own_tokens.of(claims.algorithm()), claims.was_seen());
    match claims.in_time(moment) {
        Ok(claims) => {
            counts.iter().for_each(|counts| if seen { counts.seen.count() } else { counts.ok.count() });
            Ok(Verified::Own(claims))
        }
        Err(TokenFault::Expired) => {
            counts.iter().for_each(|counts| counts.expired.count());
            Err(Refusal::TokenExpired)
        }
        Err(TokenFault::Invalid) => {
            pipeline.metrics.tokens.invalid(OURS);
            Err(Refusal::TokenInvalid)
        }
    }
}

async fn foreign(
    pipeline: &Pipeline,
    now: &Snapshot,
    token: RawToken<'_>,
    moment: Timestamp,
    trail: &mut Trail,
) -> Result<Verified, Refusal> {
    let tokens = &pipeline.metrics.tokens;
    let Some(candidate) = now.issuers.candidate(token) else {
        tokens.invalid("none");
        return Err(Refusal::TokenInvalid);
    };
    let issuer = candidate.issuer().as_str();
    let authentic = proved(&candidate, moment, trail).await.inspect_err(|refusal| {
        if matches!(refusal, Refusal::TokenInvalid) {
            tokens.invalid(issuer);
        }
    })?;
    let counts = tokens.of(issuer, authentic.algorithm().name());
    match authentic.in_time(moment) {
        Ok(claims) => {
            counts.ok.count();
            Ok(Verified::Foreign(Box::new(claims)))
        }
        Err(TokenFault::Expired) => {
            counts.expired.count();
            Err(Refusal::TokenExpired)
        }
        Err(TokenFault::Invalid) => {
            tokens.invalid(issuer);
            Err(Refusal::TokenInvalid)
        }
    }
}

/// Whom a certificate is for, by the authorities and lists that are configured now. It is no attempt at
/// anything that it is refused: its handshake was good, and a client cannot choose what it shows.
pub(super) fn verify_certificate(
    pipeline: &Pipeline,
    now: &Snapshot,
    certificate: &Arc<PeerCertificate>,
    trail: &mut Trail,
) -> Result<Verified, Refusal> {
    let tokens = &pipeline.metrics.tokens;
    match now.issuers.holder(certificate, pipeline.clock.now()) {
        Ok(claims) => {
            tokens.of(claims.issuer().as_str(), CERTIFICATE).ok.count();
            Ok(Verified::Foreign(Box::new(claims)))
        }
        Err(unfit) => {
            tokens.invalid("none");
            trail.reason("verify", || unfit.to_string());
            Err(Refusal::CertificateInvalid(unfit))
        }
    }
}

/// A token that another issuer signed, whatever its time.
pub(super) async fn authentic(
    now: &Snapshot,
    token: RawToken<'_>,
    moment: Timestamp,
) -> Result<AuthenticForeign, Refusal> {
    let candidate = now.issuers.candidate(token).ok_or(Refusal::TokenInvalid)?;
    proved(&candidate, moment, &mut Trail::silent()).await
}

/// Where its key is unknown, the issuer is asked for its keys, and this waits for a short while.
/// That it is asked seldom is up to the source: however many such tokens come.
async fn proved(
    candidate: &Candidate<'_>,
    moment: Timestamp,
    trail: &mut Trail,
) -> Result<AuthenticForeign, Refusal> {
    match candidate.prove(moment) {
        Ok(authentic) => return Ok(authentic),
        Err(Unproved::NoKeys) => {}
        Err(Unproved::KeyUnknown) if candidate.would_be_in_time(moment) => {}
        Err(unproved) => return Err(refused(candidate, unproved, trail)),
    }
    let source = candidate.source().ok_or(Refusal::TokenInvalid)?;
    let waiting = Stopwatch::start();
    let asked = source.refresh().await;
    trail.waited(waiting.elapsed());
    candidate.prove(moment).map_err(|unproved| match (unproved, asked) {
        // Perhaps it is good: nobody could tell us.
        (Unproved::NoKeys, asked) | (Unproved::KeyUnknown, asked @ Asked::Silent) => {
            Refusal::IssuerUnavailable(asked)
        }
        (unproved, _) => refused(candidate, unproved, trail),
    })
}

/// The client is told no more than that; whoever set up the issuer is told what only they can mend.
fn refused(candidate: &Candidate<'_>, unproved: Unproved, trail: &mut Trail) -> Refusal {
    if unproved == Unproved::LikeAnAccount {
        let issuer = candidate.issuer();
        let why = "its subject could be read as the number of an account of this gateway";
        trail.reason("verify", || {
            format!("{why}; subject_prefix = \"{issuer}:\" of issuer `{issuer}` tells them apart")
        });
        if candidate.is_first_like_an_account() {
            warn!(%issuer, "a token is refused, and others like it: {why}; subject_prefix = \"{issuer}:\" tells them apart");
        }
    }
    Refusal::TokenInvalid
}
