//! What a route requires: a whole decision where it is a token, and one where it is a role, too.
//! The difference is the stage.

use divan::{Bencher, black_box};
use gateway_pipeline::{Requires, UserLimit};

use crate::in_process::{PROTECTED, admit, headers, pipeline_with, revoked};
use crate::support;

fn required(bencher: Bencher<'_, '_>, any_role: &[&str]) {
    let issuer = support::issuer();
    let requires =
        Requires { any_role: any_role.iter().map(|role| (*role).into()).collect(), ..Requires::default() };
    let pipeline = pipeline_with(&issuer, &revoked(0), UserLimit(None), requires);
    let sender = headers(Some(&support::tokens(&issuer, 1)[0]));
    assert!(admit(&pipeline, PROTECTED, &sender).is_ok());
    bencher.bench_local(|| admit(&pipeline, black_box(PROTECTED), &sender));
}

#[divan::bench]
fn any_user(bencher: Bencher<'_, '_>) {
    required(bencher, &[]);
}

#[divan::bench]
fn one_of_four_roles(bencher: Bencher<'_, '_>) {
    required(bencher, &["admin", "support", "auditor", "user"]);
}
