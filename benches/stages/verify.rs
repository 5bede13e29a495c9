//! Verification, for each algorithm: of a token at first sight, of one that came before, and of one
//! with a bad signature.
//!
//! `first_sight` and `bad_signature` are the verification alone. `again` is a whole decision, with
//! no limit and nothing revoked, for tokens that each were admitted once: what is remembered of a
//! token is no business of a caller.

use divan::{Bencher, black_box};
use gateway_token::{Algorithm, RawToken};

use crate::in_process::{PROTECTED, TOKENS, admit, issuer, pipeline, revoked, senders};
use crate::support;

const ALGORITHMS: [Algorithm; 4] = [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

#[divan::bench(args = ALGORITHMS)]
fn first_sight(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let issuer = issuer(algorithm);
    let (verifier, now) = (issuer.verifier(), support::now());
    let tokens = support::tokens(&issuer, TOKENS);
    assert!(verifier.verify(RawToken::new(&tokens[0]), now).is_ok());
    let mut turns = tokens.iter().cycle();
    bencher.bench_local(|| {
        verifier.verify(RawToken::new(black_box(turns.next().expect("there are tokens"))), now)
    });
}

#[divan::bench(args = ALGORITHMS)]
fn again(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let issuer = issuer(algorithm);
    let senders = senders(&issuer);
    let pipeline = pipeline(&issuer, &revoked(0), false);
    for sender in &senders {
        assert!(admit(&pipeline, PROTECTED, sender).is_ok());
    }
    let mut turns = senders.iter().cycle();
    bencher.bench_local(|| admit(&pipeline, black_box(PROTECTED), turns.next().expect("there are senders")));
}

#[divan::bench(args = ALGORITHMS)]
fn bad_signature(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let issuer = issuer(algorithm);
    let (verifier, now) = (issuer.verifier(), support::now());
    let bad = support::with_bad_signature(&support::tokens(&issuer, 1)[0]);
    assert!(verifier.verify(RawToken::new(&bad), now).is_err());
    bencher.bench_local(|| verifier.verify(RawToken::new(black_box(&bad)), now));
}
