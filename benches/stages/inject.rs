//! The headers of the request that goes out: theirs stripped, ours set.

use divan::Bencher;
use gateway_pipeline::{Reserved, inject};

use crate::in_process::{Outgoing, PROTECTED, admit, forwarded, headers, pipeline, revoked};
use crate::support;

fn injected(bencher: Bencher<'_, '_>, target: &str) {
    let issuer = support::issuer();
    let sent = headers(Some(&support::tokens(&issuer, 1)[0]));
    let admitted = admit(&pipeline(&issuer, &revoked(0), true), target, &sent).expect("it may pass");
    let (from, reserved) = (forwarded(), Reserved::default());
    bencher
        .with_inputs(|| Outgoing(sent.clone()))
        .bench_local_refs(|outgoing| inject(&admitted, &reserved, &from, outgoing));
}

#[divan::bench]
fn with_an_identity(bencher: Bencher<'_, '_>) {
    injected(bencher, PROTECTED);
}

#[divan::bench]
fn without_one(bencher: Bencher<'_, '_>) {
    injected(bencher, "/public/42");
}
