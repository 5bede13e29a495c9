//! What is counted: the calls that a request costs on its way through the decision.

use std::hint::black_box;
use std::sync::Arc;

use gateway_pipeline::{Reserved, canonical, inject};
use gateway_token::{Algorithm, install_cryptography};
use http::header::HeaderMap;

use crate::in_process::{
    Outgoing, PROTECTED, TOKENS, admit, forwarded, headers, issuer, pipeline, revoked, senders,
};
use crate::support;

/// How often a scenario is called while it is counted: once for each token.
pub(crate) const CALLS: u64 = TOKENS;

/// Makes everything that is needed, and returns the call; it is handed the number of the turn.
type Prepare = fn() -> Box<dyn FnMut(usize)>;

const ALL: [(&str, Prepare); 6] = [
    ("canonical path", || Box::new(|_| drop(black_box(canonical(black_box(PROTECTED)))))),
    ("admit, public route", public),
    ("admit, HS256, revocation and limit", || good(Algorithm::Hs256)),
    ("admit, HS256, bad signature", bad_signature),
    ("admit, ES256, seen before", || good(Algorithm::Es256)),
    ("inject", injected),
];

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.into_iter().map(|(name, _)| name)
}

/// Runs one scenario as Valgrind is to see it: the first pass fills what a running gateway has
/// filled already, and only the second one is counted.
pub(crate) fn run(name: &str) -> Result<(), String> {
    let prepare = ALL.into_iter().find(|(known, _)| *known == name).map(|(_, prepare)| prepare);
    let prepare = prepare.ok_or_else(|| format!("there is no scenario `{name}`"))?;
    install_cryptography()?;
    let mut call = prepare();
    (0..CALLS as usize).for_each(&mut call);
    counted_calls(&mut *call);
    Ok(())
}

/// Counting begins and ends with this function, which Valgrind finds by its name.
#[inline(never)]
fn counted_calls(call: &mut dyn FnMut(usize)) {
    (CALLS as usize..2 * CALLS as usize).for_each(call);
}

fn good(algorithm: Algorithm) -> Box<dyn FnMut(usize)> {
    let issuer = issuer(algorithm);
    let senders = senders(&issuer);
    let pipeline = pipeline(&issuer, &revoked(1_000), true);
    Box::new(move |turn| {
        let admitted = admit(&pipeline, black_box(PROTECTED), &senders[turn % senders.len()]);
        assert!(black_box(admitted).is_ok());
    })
}

fn of_one(target: &'static str, sender: HeaderMap, passes: bool) -> Box<dyn FnMut(usize)> {
    let pipeline = pipeline(&support::issuer(), &revoked(1_000), true);
    Box::new(move |_| assert_eq!(black_box(admit(&pipeline, black_box(target), &sender)).is_ok(), passes))
}

fn public() -> Box<dyn FnMut(usize)> {
    of_one("/public/42", headers(None), true)
}

fn bad_signature() -> Box<dyn FnMut(usize)> {
    let good = support::tokens(&support::issuer(), 1).remove(0);
    of_one(PROTECTED, headers(Some(&support::with_bad_signature(&good))), false)
}

fn injected() -> Box<dyn FnMut(usize)> {
    let issuer = support::issuer();
    let token = support::tokens(&issuer, 1).remove(0);
    let (sent, reserved) = (headers(Some(&token)), Reserved::default());
    let admitted = admit(&pipeline(&issuer, &revoked(0), true), PROTECTED, &sent).expect("a good token");
    let admitted = Arc::new(admitted);
    // Made before, so that only the change is counted.
    let mut outgoing: Vec<_> = (0..2 * CALLS).map(|_| Outgoing(sent.clone())).collect();
    Box::new(move |turn| inject(&admitted, &reserved, &forwarded(), &mut outgoing[turn]))
}
