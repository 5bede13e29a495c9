//! All stages, as the proxy calls them.

use divan::{Bencher, black_box};
use http::HeaderMap;

use crate::in_process::{PROTECTED, admit, headers, pipeline, revoked, senders};
use crate::support;

/// Revocations, and whether each user is limited.
const EXTENTS: [(usize, bool); 4] = [(0, false), (0, true), (1_000_000, false), (1_000_000, true)];

#[divan::bench(args = EXTENTS)]
fn revoked_and_limited(bencher: Bencher<'_, '_>, (revocations, limited): (usize, bool)) {
    let issuer = support::issuer();
    let senders = senders(&issuer);
    let pipeline = pipeline(&issuer, &revoked(revocations), limited);
    // Each token is seen once before: what a first sight costs stands in `verify`.
    assert!(senders.iter().all(|sender| admit(&pipeline, PROTECTED, sender).is_ok()));
    let mut turns = senders.iter().cycle();
    bencher.bench_local(|| admit(&pipeline, black_box(PROTECTED), turns.next().expect("there are senders")));
}

fn of_one(bencher: Bencher<'_, '_>, target: &str, sender: &HeaderMap, passes: bool) {
    let pipeline = pipeline(&support::issuer(), &revoked(0), true);
    assert_eq!(admit(&pipeline, target, sender).is_ok(), passes);
    bencher.bench_local(|| admit(&pipeline, black_box(target), sender));
}

#[divan::bench]
fn public_route(bencher: Bencher<'_, '_>) {
    of_one(bencher, "/public/42", &headers(None), true);
}

#[divan::bench]
fn no_route(bencher: Bencher<'_, '_>) {
    of_one(bencher, "/nowhere", &headers(None), false);
}

#[divan::bench]
fn bad_signature(bencher: Bencher<'_, '_>) {
    let good = support::tokens(&support::issuer(), 1).remove(0);
    of_one(bencher, PROTECTED, &headers(Some(&support::with_bad_signature(&good))), false);
}
