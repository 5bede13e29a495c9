//! `jsonwebtoken::decode` of the same tokens, with a key that is prepared once, too.
//!
//! It is not the same work: it accepts more headers, duplicate claims among unknown ones, and any
//! `sub`; we also parse address, ids and role into types.

use std::collections::HashSet;

use divan::{Bencher, black_box};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use crate::support;

/// All claims of an access token, as somebody with `jsonwebtoken` alone would read them.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only that they are read is measured")]
struct Claims {
    user_id: u64,
    email: String,
    role: String,
    iat: u64,
    exp: u64,
    r#type: String,
    iss: String,
    sub: String,
    jti: String,
    sid: String,
    r#gen: u64,
}

fn decoded(bencher: Bencher<'_, '_>, token: &str, accepted: bool) {
    let key = DecodingKey::from_secret(support::ACCESS_KEY.as_bytes());
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.iss = Some(HashSet::from([support::ISSUER.to_owned()]));
    assert_eq!(decode::<Claims>(token, &key, &validation).is_ok(), accepted);
    bencher.bench_local(|| decode::<Claims>(black_box(token), &key, &validation));
}

#[divan::bench]
fn jsonwebtoken_hs256(bencher: Bencher<'_, '_>) {
    decoded(bencher, &support::tokens(&support::issuer(), 1)[0], true);
}

#[divan::bench]
fn jsonwebtoken_hs256_bad_signature(bencher: Bencher<'_, '_>) {
    let good = support::tokens(&support::issuer(), 1).remove(0);
    decoded(bencher, &support::with_bad_signature(&good), false);
}
