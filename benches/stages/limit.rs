//! The limit for each user, and the fields that tell a client what is left.

use divan::{Bencher, black_box};
use gateway_identity::{SubjectKey, UserId};
use gateway_limits::fields;

use crate::in_process::{PROTECTED, admit, headers, limiter, pipeline, revoked};
use crate::support;

#[divan::bench(args = [1, 1_000, 100_000])]
fn charge(bencher: Bencher<'_, '_>, users: u64) {
    let limiter = limiter::<SubjectKey>("user");
    let user = |id| SubjectKey::from(UserId::new(id).expect("an id above zero"));
    let users: Vec<_> = (1..=users).map(user).collect();
    for user in &users {
        assert!(limiter.charge(user).is_ok());
    }
    let mut turns = users.iter().cycle();
    bencher.bench_local(|| limiter.charge(black_box(turns.next().expect("there are users"))));
}

#[divan::bench]
fn response_fields(bencher: Bencher<'_, '_>) {
    let issuer = support::issuer();
    let sender = headers(Some(&support::tokens(&issuer, 1)[0]));
    let admitted = admit(&pipeline(&issuer, &revoked(0), true), PROTECTED, &sender).expect("a good token");
    assert!(admitted.quota().charges().count() > 0);
    bencher.bench_local(|| fields(black_box(&admitted).quota().charges(), None));
}
