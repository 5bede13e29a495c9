//! Whether a token was revoked: the embedded view, with few and with many revocations in it.

use divan::{Bencher, black_box};
use gateway_identity::{Generation, SessionId, TokenId, UserId};
use gateway_store::{Revocations as _, Subject};

use crate::in_process::{TOKENS, at_once, revoked};

#[divan::bench(args = [0, 1_000, 1_000_000])]
fn embedded(bencher: Bencher<'_, '_>, revocations: usize) {
    let view = revoked(revocations);
    let subject = |user| Subject {
        token: TokenId::random(),
        session: SessionId::random(),
        user: UserId::new(user).expect("an id above zero"),
        generation: Generation::default(),
    };
    let subjects: Vec<_> = (1..=TOKENS).map(subject).collect();
    let mut turns = subjects.iter().cycle();
    bencher
        .bench_local(|| at_once(view.check(black_box(turns.next().expect("there are subjects"))).answer()));
}
