//! Keys of an issuer that its operator has in a file: for issuers that publish none.

use std::path::PathBuf;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tempfile::TempDir;

use super::handmade::HandMade;
use super::provider::{AUDIENCE, before, get};
use crate::support::gateway::{Gateway, Setup};
use crate::support::keys::openssl_public_key;
use crate::support::upstream::Upstream;

/// A file of keys, and a service behind a gateway that reads it.
struct Given {
    folder: TempDir,
    upstream: Upstream,
}

impl Given {
    fn with(text: &str) -> Self {
        let given = Self { folder: tempfile::tempdir().unwrap(), upstream: Upstream::start() };
        given.write(text);
        given
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    fn setup(&self) -> Setup {
        let file = self.file();
        let entry = format!(
            "[[issuers]]\nname = \"batch\"\nissuer = \"urn:handmade\"\nkeys_file = \"{}\"\naudience = [\"{AUDIENCE}\"]",
            file.display()
        );
        before(&self.upstream, &[entry]).unlimited()
    }

    /// Why it is refused.
    fn fault(&self) -> String {
        let failed = self.setup().try_start().map(drop).unwrap_err();
        assert_eq!(failed.status.code(), Some(78), "{}", failed.stderr);
        failed.stderr
    }
}

fn status(gateway: &Gateway, issuer: &HandMade, header: &str) -> u16 {
    get(&gateway.client(), "/app", &issuer.sign(header, &issuer.claims("ada").to_string())).status
}

#[test]
fn keys_in_a_file_are_those_of_the_issuer_and_nobody_is_asked_for_others() {
    let (issuer, other) = (HandMade::start(), HandMade::start());
    for text in [json!({ "keys": [issuer.jwk()] }), issuer.jwk()] {
        let given = Given::with(&text.to_string());
        let gateway = given.setup().start();
        assert_eq!(status(&gateway, &issuer, r#"{"alg":"ES256","kid":"one"}"#), 200);
        assert_eq!(given.upstream.only().one("x-user-issuer"), "batch");
        assert_eq!(status(&gateway, &other, r#"{"alg":"ES256","kid":"one"}"#), 401);
        assert_eq!(status(&gateway, &issuer, r#"{"alg":"ES256","kid":"two"}"#), 401);
        assert_eq!(status(&gateway, &issuer, r#"{"alg":"ES384","kid":"one"}"#), 401);
    }
    assert!(issuer.keys.arrived().is_empty());
}

#[test]
fn a_key_in_pem_has_no_name_and_is_tried_whatever_the_token_says() {
    let (old, new, other) = (HandMade::start(), HandMade::start(), HandMade::start());
    let given = Given::with(&format!("The one of before\n{}\nand\n{}", old.pem(), new.pem()));
    let gateway = given.setup().start();
    for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","kid":"whatever"}"#] {
        for (issuer, wanted) in [(&old, 200), (&new, 200), (&other, 401)] {
            assert_eq!(status(&gateway, issuer, header), wanted, "{header}");
        }
    }
    assert_eq!(status(&gateway, &new, r#"{"alg":"RS256"}"#), 401);
}

#[test]
fn the_key_of_a_certificate_is_read_out_of_it() {
    let key = KeyPair::generate().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.serialized_der()).unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let given = Given::with(&certificate.pem());
    let gateway = given.setup().start();
    assert_eq!(status(&gateway, &HandMade::by(pair, |_| ()), r#"{"alg":"ES256"}"#), 200);
}

#[test]
fn the_keys_that_openssl_writes_are_read() {
    for (kind, more) in [
        ("RSA", "rsa_keygen_bits:2048"),
        ("EC", "ec_paramgen_curve:P-384"),
        ("EC", "ec_paramgen_curve:P-521"),
    ] {
        let given = Given::with("");
        openssl_public_key(&format!("{kind} -pkeyopt {more}"), &given.file());
        let gateway = given.setup().start();
        assert_eq!(gateway.user().get("/app").status, 200);
    }
}

#[test]
fn a_reload_reads_the_file_again_and_keeps_what_is_in_use_where_it_is_none() {
    let (old, new) = (HandMade::start(), HandMade::start());
    let given = Given::with(&old.pem());
    let gateway = given.setup().start();
    let statuses = || [&old, &new].map(|issuer| status(&gateway, issuer, r#"{"alg":"ES256"}"#));
    assert_eq!(statuses(), [200, 401]);
    given.write("no key");
    assert!(!gateway.reload(&given.setup()));
    assert_eq!(statuses(), [200, 401]);
    given.write(&new.pem());
    assert!(gateway.reload(&given.setup()));
    assert_eq!(statuses(), [401, 200]);
}

#[test]
fn a_file_that_holds_no_public_key_is_refused_with_what_it_holds() {
    let issuer = HandMade::start();
    let private = KeyPair::generate().unwrap().serialize_pem();
    let encrypted = private.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let mut secret = issuer.jwk();
    secret["d"] = json!("AAAA");
    for (text, said) in [
        (String::new(), "neither a JWK set"),
        ("{".to_owned(), "neither a JWK set"),
        (r#"{"keys":{}}"#.to_owned(), "neither a JWK set"),
        (r#"{"keys":[]}"#.to_owned(), "none of its keys can be used: there are none"),
        (r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned(), "its type is \"oct\""),
        (secret.to_string(), "whoever can read it can sign"),
        (private.clone(), "its block 1 of PEM is a private key"),
        (format!("{}{private}", issuer.pem()), "its block 2 of PEM is a private key"),
        (format!("{}{encrypted}", issuer.pem()), "its block 2 of PEM is a private key"),
        (
            format!("{{\"keys\":[{},{secret}]}}", issuer.jwk()),
            "key 2 (`kid` \"one\"): it has private members",
        ),
        (issuer.pem().replace("MFkw", "MFkx"), "its block 1 of PEM is no public key"),
        (issuer.pem().repeat(5), "more than 4 keys"),
        (" ".repeat(300_000), "larger than 262144 bytes"),
    ] {
        let fault = Given::with(&text).fault();
        assert!(fault.contains("issuer `batch`: keys_file = ") && fault.contains(said), "{said}: {fault}");
        assert!(!fault.contains("MFkw") && !fault.contains("PRIVATE KEY"), "{fault}");
    }
    let given = Given::with("");
    std::fs::remove_file(given.file()).unwrap();
    assert!(given.fault().contains("No such file"));
}
