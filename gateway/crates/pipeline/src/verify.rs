//! Verification of the token, and the count of those that fail it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use tracing::warn;

use super::extract::Credential;
use super::{DecisionTrace, Pipeline, Refusal, Snapshot};
use gateway_clock::{Stopwatch, Timestamp};
use gateway_telemetry::{Tokens, Verifications};
use gateway_token::{
    Algorithm, Asked, AuthenticClaims, AuthenticForeign, Candidate, Fault, ForeignClaims, PeerCertificate,
    RawToken, RefusedToken, TokenFault, Unproved, Untimely, VerifiedClaims,
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
pub(super) struct OwnTokens([Verifications; Algorithm::OWN.len()]);

impl OwnTokens {
    pub(super) fn new(tokens: &Tokens) -> Self {
        tokens.begin();
        Self(Algorithm::OWN.map(|algorithm| tokens.verifications(OURS, algorithm.name())))
    }

    fn by_algorithm(&self, algorithm: Algorithm) -> Option<&Verifications> {
        self.0.get(algorithm as usize)
    }
}

/// Whom what was presented speaks for, whether or not it was revoked.
pub(super) async fn verify(
    pipeline: &Pipeline,
    config: &Snapshot,
    credential: &Credential<'_>,
    client: IpAddr,
    trace: &mut DecisionTrace,
) -> Result<Verified, Refusal> {
    let (token, is_ours) = match credential {
        Credential::Token(token) => (*token, false),
        // Ours and no others: what a browser carries was handed to it by us.
        Credential::Cookies(_, carried) => (carried.access.ok_or(Refusal::NoToken)?, true),
        Credential::Certificate(certificate) => return by_certificate(pipeline, config, certificate, trace),
    };
    let now = pipeline.clock.now();
    // Our own tokens first: most are, and those of others are told from them by their header.
    let verified = match config.verifier.authenticate(token, now) {
        // A token that we signed is nobody else's.
        Ok(claims) => own(pipeline, claims, now),
        Err(_) if is_ours => {
            pipeline.metrics.tokens.invalid("none");
            Err(Refusal::TokenInvalid)
        }
        Err(_) => foreign(pipeline, config, token, now, trace).await,
    };
    verified.map_err(|refusal| counted(config, client, refusal))
}

pub(super) fn counted(config: &Snapshot, client: IpAddr, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::TokenInvalid | Refusal::TokenRefused(_) => config.failures.count(client, refusal),
        // Every client lets a token expire now and then: that is no attempt at anything.
        _ => refusal,
    }
}

fn own(pipeline: &Pipeline, claims: AuthenticClaims, now: Timestamp) -> Result<Verified, Refusal> {
    let (counts, seen) = (pipeline.own_tokens.by_algorithm(claims.algorithm()), claims.was_seen());
    match claims.in_time(now) {
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
    config: &Snapshot,
    token: RawToken<'_>,
    now: Timestamp,
    trace: &mut DecisionTrace,
) -> Result<Verified, Refusal> {
    let tokens = &pipeline.metrics.tokens;
    let candidate = candidate(config, token, trace).inspect_err(|_| tokens.invalid("none"))?;
    let issuer = candidate.issuer().as_str();
    let authentic = proved(&candidate, now, trace).await.inspect_err(|refusal| {
        if matches!(refusal, Refusal::TokenInvalid | Refusal::TokenRefused(_)) {
            tokens.invalid(issuer);
        }
    })?;
    let counts = tokens.verifications(issuer, authentic.algorithm().name());
    match authentic.in_time(now) {
        Ok(claims) => {
            counts.ok.count();
            Ok(Verified::Foreign(Box::new(claims)))
        }
        Err(Untimely::Expired(ago)) => {
            counts.expired.count();
            trace.reason("verify", || format!("it expired {ago} s ago"));
            Err(Refusal::TokenExpired)
        }
        Err(Untimely::Early(fault)) => {
            tokens.invalid(issuer);
            Err(refused(&candidate, fault, trace))
        }
    }
}

/// Whom a certificate is for, by the authorities and lists that are configured now. It is no attempt at
/// anything that it is refused: its handshake was good, and a client cannot choose what it shows.
fn by_certificate(
    pipeline: &Pipeline,
    config: &Snapshot,
    certificate: &Arc<PeerCertificate>,
    trace: &mut DecisionTrace,
) -> Result<Verified, Refusal> {
    let tokens = &pipeline.metrics.tokens;
    match config.issuers.holder(certificate, pipeline.clock.now()) {
        Ok(claims) => {
            tokens.verifications(claims.issuer().as_str(), CERTIFICATE).ok.count();
            Ok(Verified::Foreign(Box::new(claims)))
        }
        Err(fault) => {
            tokens.invalid("none");
            trace.reason("verify", || fault.to_string());
            Err(Refusal::CertificateInvalid(fault))
        }
    }
}

/// A token that another issuer signed, whatever its time.
pub(super) async fn authentic(
    config: &Snapshot,
    token: RawToken<'_>,
    now: Timestamp,
) -> Result<AuthenticForeign, Refusal> {
    let trace = &mut DecisionTrace::silent();
    let candidate = candidate(config, token, trace)?;
    proved(&candidate, now, trace).await
}

/// A token that is none of ours, if it could be one of another issuer's.
fn candidate<'a>(
    config: &'a Snapshot,
    token: RawToken<'a>,
    trace: &mut DecisionTrace,
) -> Result<Candidate<'a>, Refusal> {
    let (bytes, allowed) = (token.bytes(), config.token_bytes_max);
    if bytes > allowed {
        trace.reason("verify", || format!("it has {bytes} bytes; allowed are {allowed}"));
        return Err(Refusal::TokenTooLarge { bytes, allowed });
    }
    if config.issuers.is_empty() {
        return Err(Refusal::TokenInvalid);
    }
    config.issuers.candidate(token).map_err(|refused| {
        trace.reason("verify", || refused.fault.to_string());
        Refusal::TokenRefused(Box::new(refused))
    })
}

/// Where its key is unknown, the issuer is asked for its keys, and this waits for a short while.
/// That it is asked seldom is up to the source: however many such tokens come.
async fn proved(
    candidate: &Candidate<'_>,
    now: Timestamp,
    trace: &mut DecisionTrace,
) -> Result<AuthenticForeign, Refusal> {
    match candidate.prove(now) {
        Ok(authentic) => return Ok(authentic),
        Err(Unproved::NoKeys) => {}
        Err(Unproved::KeyUnknown) => {
            candidate.would_be_in_time(now).map_err(|fault| refused(candidate, fault, trace))?;
        }
        Err(Unproved::Refused(fault)) => return Err(refused(candidate, fault, trace)),
    }
    let source = candidate.source().ok_or(Refusal::TokenInvalid)?;
    let waiting = Stopwatch::start();
    let asked = source.refresh().await;
    trace.waited(waiting.elapsed());
    candidate.prove(now).map_err(|unproved| match (unproved, asked) {
        // Perhaps it is good: nobody could tell us.
        (Unproved::NoKeys, asked) | (Unproved::KeyUnknown, asked @ Asked::Silent) => {
            trace.reason("verify", || format!("its key is not known; {}", candidate.keys_in_words()));
            Refusal::IssuerUnavailable(asked)
        }
        (Unproved::KeyUnknown, Asked::Answered) => refused(candidate, Fault::Key, trace),
        (Unproved::Refused(fault), _) => refused(candidate, fault, trace),
    })
}

/// The client is told no more than that; the log has a word for it, and whoever asks with the token in
/// hand is told why.
fn refused(candidate: &Candidate<'_>, fault: Fault, trace: &mut DecisionTrace) -> Refusal {
    let issuer = candidate.issuer();
    trace.reason("verify", || match fault {
        Fault::Key => format!("{fault}; {}", candidate.keys_in_words()),
        Fault::LikeAnAccount => format!("{fault}; {}", fault.mend(Some(issuer))),
        _ => fault.to_string(),
    });
    if fault == Fault::LikeAnAccount && candidate.is_first_like_an_account() {
        warn!(%issuer, "a token is refused, and others like it: {fault}; {}", fault.mend(Some(issuer)));
    }
    Refusal::TokenRefused(Box::new(RefusedToken { issuer: Some(issuer.clone()), fault }))
}
