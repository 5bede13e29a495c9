//! The bearer token out of the value of `Authorization`.

use divan::{Bencher, black_box};
use gateway_pipeline::credentials;

use crate::support;

#[divan::bench]
fn credentials_of_a_bearer(bencher: Bencher<'_, '_>) {
    let value = format!("Bearer {}", support::tokens(&support::issuer(), 1)[0]);
    assert!(credentials(&value).is_some());
    bencher.bench_local(|| credentials(black_box(&value)).is_some());
}
