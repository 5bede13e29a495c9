//! Verification of the token, and the count of those that fail it.

use std::fmt;
use std::net::IpAddr;

use super::{Pipeline, Refusal, Snapshot};
use crate::clock::Timestamp;
use crate::token::{Asked, AuthenticForeign, ForeignClaims, RawToken, TokenFault, Unproved, VerifiedClaims};

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

/// Our own tokens first: most are, and those of others are told from them by their header.
pub(super) async fn verify(
    pipeline: &Pipeline,
    now: &Snapshot,
    token: RawToken<'_>,
    client: IpAddr,
) -> Result<Verified, Refusal> {
    let moment = pipeline.clock.now();
    let verified = match now.verifier.verify(token, moment) {
        Ok(claims) => Ok(Verified::Own(claims)),
        // A token that we signed is nobody else's.
        Err(TokenFault::Expired) => Err(Refusal::TokenExpired),
        Err(TokenFault::Invalid) => foreign(now, token, moment).await,
    };
    verified.map_err(|refusal| match refusal {
        Refusal::TokenInvalid => now.failures.count(client, refusal),
        // Every client lets a token expire now and then: that is no attempt at anything.
        _ => refusal,
    })
}

async fn foreign(now: &Snapshot, token: RawToken<'_>, moment: Timestamp) -> Result<Verified, Refusal> {
    match authentic(now, token, moment).await?.in_time(moment) {
        Ok(claims) => Ok(Verified::Foreign(Box::new(claims))),
        Err(TokenFault::Expired) => Err(Refusal::TokenExpired),
        Err(TokenFault::Invalid) => Err(Refusal::TokenInvalid),
    }
}

/// A token that another issuer signed, whatever its time.
///
/// Where its key is unknown, the issuer is asked for its keys, and this waits for a short while.
/// That it is asked seldom is up to the source: however many such tokens come.
pub(super) async fn authentic(
    now: &Snapshot,
    token: RawToken<'_>,
    moment: Timestamp,
) -> Result<AuthenticForeign, Refusal> {
    let candidate = now.issuers.candidate(token).ok_or(Refusal::TokenInvalid)?;
    match candidate.prove(moment) {
        Ok(authentic) => return Ok(authentic),
        Err(Unproved::NoKeys) => {}
        Err(Unproved::KeyUnknown) if candidate.would_be_in_time(moment) => {}
        Err(_) => return Err(Refusal::TokenInvalid),
    }
    let source = candidate.source().ok_or(Refusal::TokenInvalid)?;
    let asked = source.refresh().await;
    candidate.prove(moment).map_err(|unproved| match (unproved, asked) {
        // Perhaps it is good: nobody could tell us.
        (Unproved::NoKeys, _) | (Unproved::KeyUnknown, Asked::Silent) => Refusal::IssuerUnavailable,
        _ => Refusal::TokenInvalid,
    })
}
