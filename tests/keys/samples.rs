//! The samples of `docs/samples`, each run as a service behind the gateway: they let through what
//! the gateway vouches for, and nothing else, also for somebody who goes around the gateway.

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lc_rs::signature::Ed25519KeyPair;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::forge::{claims, encode, now, sign_text, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Client;
use crate::support::keys::{header, kid, sign_by, sign_with};
use crate::support::people::{PASSWORD, Person};
use crate::support::tools::{Running, node, node_modules, python};

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples").join(path).canonicalize().unwrap()
}

/// A sample that runs behind a gateway.
struct Behind {
    gateway: Gateway,
    ada: Person,
    /// Straight to the sample.
    direct: Client,
    _sample: Running,
}

impl Behind {
    fn start(mut command: Command) -> Self {
        let gateway = Setup::new("").algorithm("EdDSA").publish_delay(0).start();
        command
            .env("JWKS_URL", format!("http://{}/.well-known/jwks.json", gateway.address))
            .env("ISSUER", "gateway")
            .env("AUDIENCE", "app");
        let mut sample = Running::start(command);
        let line = sample.line();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("it said: {line}"));
        let routes = Setup::new("")
            .upstream("app", address)
            .route("app", "/app", "app", "assertion = true")
            .route("other", "/other", "app", "assertion = \"other\"")
            .route("plain", "/plain", "app", "");
        assert!(gateway.reload(&routes));
        let ada = gateway.user();
        let direct = Client::new(address.parse().unwrap());
        Self { gateway, ada, direct, _sample: sample }
    }

    fn status(&self, assertion: &str) -> u16 {
        self.direct.get("/app").header("x-gateway-assertion", assertion).send().status
    }

    /// An assertion that is right in everything, made by somebody who has the key.
    fn good(&self) -> (Value, Value) {
        let kid = self.gateway.keys_list("assertion")[0]["kid"].clone();
        let said = json!({
            "iss": "gateway", "sub": "7", "aud": "app", "email": "ada@example.com", "role": "user",
            "iat": now(), "exp": now() + 60, "jti": uuid::Uuid::new_v4().to_string(),
        });
        (json!({"typ": "gateway-assertion+jwt", "alg": "EdDSA", "kid": kid}), said)
    }

    fn let_through_what_is_vouched_for(&self) {
        let reply = self.ada.get("/app");
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["sub"], self.ada.id.to_string());
        assert_eq!(reply.json()["email"], self.ada.email);
        assert_eq!(self.ada.get("/plain").status, 401, "none");
        assert_eq!(self.ada.get("/other").status, 401, "for another audience");
    }

    fn refuse_everything_else(&self) {
        let file = self.gateway.key_file("assertion");
        let (head, said) = self.good();
        let by = |head: &Value, said: &Value| sign_with(&file, &head.to_string(), &said.to_string());
        let claiming = |name: &str, value: Value| by(&head, &with(said.clone(), name, value));
        let heading = |name: &str, value: Value| by(&with(head.clone(), name, value), &said);
        let good = by(&head, &said);
        assert_eq!(self.status(&good), 200, "the control");
        assert_eq!(self.direct.get("/app").send().status, 401, "none, around the gateway");
        let foreign = Ed25519KeyPair::generate().unwrap();
        let published = self.gateway.jwks();
        let x = published.iter().find(|key| key["kid"] == head["kid"]).unwrap()["x"].as_str().unwrap();
        let as_secret = with(head.clone(), "alg", json!("HS256")).to_string();
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        let none = with(head.clone(), "alg", json!("none")).to_string();
        for (what, wrong) in [
            ("nothing in it", String::new()),
            ("noise", "a.b.c".to_owned()),
            ("no signature", format!("{unsigned}.")),
            ("half a signature", good[..good.len() - 20].to_owned()),
            ("alg none", format!("{}.{}.", encode(none), encode(said.to_string()))),
            ("a foreign key", sign_by(&foreign, &head.to_string(), &said.to_string())),
            ("the public key as a secret", sign_text(&as_secret, &said.to_string(), x)),
            ("an unknown key", heading("kid", json!("unknown"))),
            ("no kid", heading("kid", Value::Null)),
            ("another type", heading("typ", json!("JWT"))),
            ("no type", heading("typ", Value::Null)),
            ("expired", claiming("exp", json!(now() - 30))),
            ("no end", claiming("exp", Value::Null)),
            ("another audience", claiming("aud", json!("other"))),
            ("no audience", claiming("aud", Value::Null)),
            ("another issuer", claiming("iss", json!("somebody"))),
            ("no issuer", claiming("iss", Value::Null)),
            ("no subject", claiming("sub", Value::Null)),
            ("an access token", self.ada.access.clone()),
        ] {
            assert_eq!(self.status(&wrong), 401, "{what}");
        }
        assert_eq!(self.status(&good), 200, "the control");
    }

    fn follow_a_rotation(&self) {
        self.gateway.rotate(&["assertion", "access"]);
        assert!(self.gateway.reload_again());
        let again = self.gateway.log_in(&self.ada.email, PASSWORD);
        eventually("the sample fetched the new key", || again.get("/app").status == 200);
        assert_eq!(self.ada.get("/app").status, 200, "somebody who was there before");
    }
}

fn holds(command: Command) {
    let behind = Behind::start(command);
    behind.let_through_what_is_vouched_for();
    behind.refuse_everything_else();
    behind.follow_a_rotation();
}

#[test]
fn the_sample_in_python_lets_through_what_the_gateway_vouches_for() {
    let mut command = python("python");
    command.arg(sample("python/assertion.py"));
    holds(command);
}

#[test]
fn the_sample_in_node_lets_through_what_the_gateway_vouches_for() {
    // Modules are looked for beside the file that imports them.
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).unwrap();
    let copy = folder.path().join("assertion.mjs");
    std::fs::copy(sample("node/assertion.mjs"), &copy).unwrap();
    let mut command = node();
    command.arg(copy);
    holds(command);
}

#[test]
fn the_sample_in_go_lets_through_what_the_gateway_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("assertion");
    let built = Command::new("go")
        .arg("build")
        .arg("-o")
        .arg(&binary)
        .arg(sample("go/assertion.go"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .status();
    assert!(built.expect("go: run `./dev tools`").success());
    holds(Command::new(binary));
}

#[test]
fn the_sample_in_rust_lets_through_what_the_gateway_vouches_for() {
    let binary = Path::new(env!("CARGO_BIN_EXE_gateway")).with_file_name("examples").join("assertion");
    assert!(binary.exists(), "run `cargo build --workspace --all-targets`");
    holds(Command::new(binary));
}

#[test]
fn the_samples_name_what_the_gateway_sends() {
    let behind = Behind::start({
        let mut command = python("python");
        command.arg(sample("python/assertion.py"));
        command
    });
    let reply = behind.ada.get("/app");
    assert_eq!(reply.status, 200);
    let (head, said) = behind.good();
    let upstream = crate::support::upstream::Upstream::start();
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    assert!(behind.gateway.reload(&setup.route("app", "/app", "app", "assertion = true")));
    assert_eq!(behind.ada.get("/app").status, 200);
    let real = upstream.only().one("x-gateway-assertion").to_owned();
    assert_eq!(header(&real), head, "{}", kid(&real));
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&claims(&real)), names(&said));
}
