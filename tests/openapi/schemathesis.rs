//! Held by somebody else: schemathesis makes requests from the document, and looks whether the answers
//! are what it says. The short form of `./dev schemathesis`.

use std::collections::BTreeSet;

use super::{alone, document, operations};
use crate::support::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD};
use crate::support::project;
use crate::support::tools::python;

/// What a stranger cannot bring about: a token of a mail, a trusted proxy. And the document itself, which
/// schemathesis reads and does not try.
const OUT_OF_REACH: [&str; 5] = [
    "GET /api/auth/openapi.json",
    "POST /api/auth/email/verify",
    "POST /api/auth/password/reset",
    "GET /api/auth/verify",
    "GET /api/auth/verify/{path}",
];

#[test]
fn answers_are_what_the_document_says() {
    let whole = std::env::var_os("SCHEMATHESIS").is_some();
    let gateway = alone()
        .env("GATEWAY__COOKIES__ENABLED", "true")
        .env("GATEWAY__LIMITS__RECOVERY_ADDRESS", "unlimited")
        .env("GATEWAY__LIMITS__MAIL_ACCOUNT", "unlimited")
        .start();
    let own = project().join("tests/openapi");
    let folder = tempfile::tempdir().unwrap();
    let succeeded = folder.path().join("succeeded.json");
    let mut command = python("schemathesis");
    command
        // What it remembers of a run would be done first in the next one.
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(own.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("http://{}/api/auth/openapi.json", gateway.address))
        .args(["--no-color", "--phases"])
        .arg(if whole { "examples,coverage,fuzzing,stateful" } else { "examples,coverage" })
        .args(["--max-examples", if whole { "60" } else { "10" }])
        .args(if whole { &["--max-time", "170"][..] } else { &[] })
        .env("GATEWAY", format!("http://{}", gateway.address))
        .env("ADMIN_EMAIL", ADMIN_EMAIL)
        .env("ADMIN_PASSWORD", ADMIN_PASSWORD)
        .env("SUCCEEDED", &succeeded)
        .env("SCHEMATHESIS_HOOKS", own.join("hooks.py"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    if whole {
        println!("{said}");
    }
    let succeeded: BTreeSet<String> = serde_json::from_slice(&std::fs::read(succeeded).unwrap()).unwrap();
    let never: Vec<_> = operations(&document(&gateway))
        .into_iter()
        .filter(|one| !succeeded.contains(one) && !OUT_OF_REACH.contains(&one.as_str()))
        .collect();
    assert!(never.is_empty(), "never answered with a success: {never:?}\n{said}");
}
