//! What is wrong with an issuer is said before anything starts; and each configuration that the
//! guide shows is one that starts.

use std::path::Path;

use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY, Setup, run};
use crate::support::keys::openssl_public_key;
use crate::support::upstream::Upstream;

/// What is said of this issuer; nothing if it can be started.
fn faults(entry: &str) -> String {
    let config = tempfile::NamedTempFile::new().unwrap();
    let rest = "[[upstreams]]\nname = \"a\"\naddress = \"unix:/run/a.sock\"\n[[routes]]\nname = \"a\"\npath = \"/\"\nupstream = \"a\"\n";
    std::fs::write(config.path(), format!("{entry}\n{rest}")).unwrap();
    let keys = [("JWT_SECRET_KEY", ACCESS_KEY), ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY)];
    let (status, _, said) = run(&["check", "--config", config.path().to_str().unwrap()], &keys);
    if status == 0 { String::new() } else { said }
}

fn issuer(lines: &str) -> String {
    let mut entry = "[[issuers]]\n".to_owned();
    for (key, value) in [
        ("name", "name = \"sso\""),
        ("issuer", "issuer = \"https://sso.example.com/realms/shop\""),
        ("audience", "audience = [\"https://api.example.com\"]"),
    ] {
        if !lines.lines().any(|line| line.starts_with(&format!("{key} "))) {
            entry.push_str(value);
            entry.push('\n');
        }
    }
    entry + lines
}

#[test]
fn what_an_issuer_cannot_be_is_said_with_its_mend() {
    assert_eq!(faults(&issuer("")), "");
    for (lines, said) in [
        ("name = \"Keycloak\"", "1 to 32 lower-case letters"),
        ("name = \"own\"", "which is this gateway"),
        ("name = \"gateway\"", "which is this gateway"),
        ("issuer = \"\"", "issuer is missing"),
        ("issuer = \"sso.example.com\"", "is no URL that can be fetched"),
        ("issuer = \"http://sso.example.com\"", "is not https"),
        ("issuer = \"https://sso.example.com/?realm=a\"", "write jwks_url"),
        ("issuer = \"https://me:secret@sso.example.com\"", "is no URL that can be fetched"),
        ("issuer = \"gateway\"\njwks_url = \"https://sso.example.com/keys\"", "or tokens.issuer"),
        ("jwks_url = \"http://sso.example.com/keys\"", "danger_allow_http"),
        ("jwks_url = \"file:///etc/passwd\"", "is no URL that can be fetched"),
        ("audience = []", "audience is missing"),
        ("audience = [\"\"]", "audience is missing"),
        ("algorithms = []", "no token could be verified"),
        ("algorithms = [\"HS256\"]", "\"HS256\" cannot be used; there are: RS256, RS384"),
        ("algorithms = [\"ES256K\"]", "\"ES256K\" cannot be used; there are: RS256, RS384"),
        ("algorithms = [\"none\"]", "\"none\" cannot be used"),
        ("algorithms = [\"RS257\"]", "did you mean `RS256`?"),
        ("kind = \"oauth\"", "must be \"oidc\" or \"legacy\""),
        ("typ = \"jwt\"", "must be \"any\" or \"at+jwt\""),
        ("leeway_seconds = 301", "allowed are 0 to 300"),
        ("lifetime_max_seconds = 1", "allowed are 60"),
        ("lifetime_max_seconds = 31622401", "allowed are 60 to 31622400"),
        ("danger_any_audience = true", "take out one or the other"),
        ("keys_file = \"/nowhere/keys\"", "keys_file = \"/nowhere/keys\": No such file"),
        (
            "keys_file = \"/nowhere\"\njwks_url = \"https://sso.example.com/keys\"",
            "keys_file says where they are",
        ),
        ("without_iss = true", "take out one or the other"),
        ("issuer = \"\"\nwithout_iss = true", "write keys_file or jwks_url"),
        ("refresh_seconds = 0", "allowed are 1"),
        ("refetch_seconds = 0", "allowed are 1"),
        ("keep_keys_seconds = 60", "its tokens would be refused in between"),
        ("subject_claim = \"\"", "subject_claim is empty"),
        ("subject_prefix = \"a b\"", "visible ASCII"),
        ("role_names = { a = \"b\" }", "role_names needs roles_claim"),
        ("roles_claim = \"roles\"\nrole_names = { a = \"b,c\" }", "without a comma"),
        ("ca_file = \"/nowhere/ca.pem\"", "issuer `sso`: ca_file"),
        ("until = \"2999-12-31\"", "belong to kind = \"legacy\""),
        ("kind = \"legacy\"", "belong to kind = \"oidc\""),
        ("audiences = []", "did you mean `audience`?"),
    ] {
        let faults = faults(&issuer(lines));
        assert!(faults.contains(said), "{lines}: {faults}");
    }
    let twice = issuer("") + "\n" + &issuer("");
    assert!(faults(&twice).contains("the name `sso` occurs twice"));
    let legacy = "[[issuers]]\nname = \"flask\"\nkind = \"legacy\"\n";
    assert!(faults(legacy).contains("a legacy issuer ends on one"));
    assert!(faults(legacy).contains("LEGACY_JWT_SECRET_KEY (or LEGACY_JWT_SECRET_KEY_FILE) is not set"));
}

#[test]
fn a_route_names_issuers_that_there_are() {
    let faults = |route: &str| {
        faults(&format!("{}\n[[routes]]\nname = \"b\"\npath = \"/b\"\nupstream = \"a\"\n{route}", issuer("")))
    };
    assert_eq!(faults("issuers = [\"sso\", \"own\"]\nroles = [\"staff\"]"), "");
    assert!(faults("issuers = [\"ss0\"]").contains("there is no issuer `ss0`; did you mean `sso`?"));
    assert!(faults("issuers = [\"sso\"]\nauth = \"public\"").contains("issuers needs auth"));
    assert!(faults("roles = [\"a,b\"]").contains("no role that anybody can have"));
    let expect = "issuers = [\"sso\"]\n[[routes.expect]]\nas = \"user\"\npath = \"/b\"\n";
    assert!(faults(&format!("{expect}issuer = \"sso\"\nthen = \"allow\"")).is_empty());
    assert!(faults(&format!("{expect}then = \"insufficient_scope\"")).is_empty());
    assert!(faults(&format!("{expect}then = \"allow\"")).contains("would be `insufficient_scope`"));
}

/// The blocks of TOML in the guide.
fn examples() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/issuers.md");
    let guide = std::fs::read_to_string(path).unwrap();
    guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn each_configuration_of_the_guide_starts() {
    let examples = examples();
    assert!(examples.len() >= 3, "{examples:?}");
    let upstream = Upstream::start();
    let keys = tempfile::tempdir().unwrap();
    for (file, kind) in [("batch", "EC -pkeyopt ec_paramgen_curve:P-384"), ("django", "RSA")] {
        openssl_public_key(kind, &keys.path().join(format!("{file}.pem")));
    }
    for example in examples {
        let example = example.replace("127.0.0.1:8081", &upstream.address.to_string());
        let example = example.replace("/etc/gateway/", &format!("{}/", keys.path().display()));
        let gateway = Setup::new(&example)
            .env("LEGACY_JWT_SECRET_KEY", "CANARY-legacy-secret-8c1d7f3a5e0b9264-CANARY")
            .try_start()
            .unwrap_or_else(|failed| panic!("{example}\n{}", failed.stderr));
        // Nobody gets in without a token.
        let reply = gateway.client().get("/api/orders").send();
        reply.is_refused(401, "Missing authorization token", "token_missing");
    }
    assert!(upstream.arrived().is_empty());
}
