//! Verification of the token, and the count of those that fail it.

use std::net::IpAddr;

use super::{Pipeline, Refusal, Snapshot};
use crate::token::{RawToken, TokenFault, VerifiedClaims};

pub(super) fn verify(
    pipeline: &Pipeline,
    now: &Snapshot,
    token: RawToken<'_>,
    client: IpAddr,
) -> Result<VerifiedClaims, Refusal> {
    let verified = now.verifier.verify(token, pipeline.clock.now());
    verified.map_err(|fault| match fault {
        // Every client lets a token expire now and then: that is no attempt at anything.
        TokenFault::Expired => Refusal::TokenExpired,
        TokenFault::Invalid => now.failures.count(client, Refusal::TokenInvalid),
    })
}
