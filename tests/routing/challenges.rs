//! What a refused client is told of where it has to be known.

use crate::support::command::check;
use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

const TOKEN_SERVICE: &str = "https://auth.example.com/token";

#[test]
fn a_route_says_in_which_realm_it_lies() {
    let upstream = Upstream::start();
    let realm = format!("realm = \"{TOKEN_SERVICE}\"");
    let gateway = Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")
        .upstream("app", &upstream.address.to_string())
        .route("registry", "/v2", "app", &realm)
        .route("staff", "/v2/staff", "app", &format!("{realm}\nroles = [\"admin\"]"))
        .route("plain", "/plain", "app", "")
        .start();
    let challenge = |path: &str, token: &str| {
        let request = gateway.client().get(path);
        let request = if token.is_empty() { request } else { request.bearer(token) };
        request.send().header("www-authenticate").to_owned()
    };
    let begin = format!("Bearer realm=\"{TOKEN_SERVICE}\"");
    assert_eq!(challenge("/v2/", ""), begin);
    assert!(challenge("/v2/", "x").starts_with(&format!("{begin}, error=\"invalid_token\"")));
    let user = gateway.user().access;
    assert!(challenge("/v2/staff", &user).starts_with(&format!("{begin}, error=\"insufficient_scope\"")));
    assert_eq!(challenge("/plain", ""), "Bearer realm=\"gateway\"");
    assert_eq!(challenge("/api/auth/profile", ""), "Bearer realm=\"gateway\"");
    let asked = gateway.client().get("/api/auth/verify").header("x-forwarded-method", "GET");
    assert_eq!(asked.header("x-forwarded-uri", "/v2/x").send().header("www-authenticate"), begin);
}

#[test]
fn whatever_a_realm_or_a_role_is_called_it_stays_within_its_quotes() {
    let upstream = Upstream::start();
    let odd = r#"realm = 'a "b" \c'"#;
    let gateway = Setup::new("[[issuers]]\nname = \"flask\"\nkind = \"legacy\"\nuntil = \"2999-12-31\"\n")
        .env("LEGACY_JWT_SECRET_KEY", "CANARY-legacy-secret-71c5a9e04b6d2f38-CANARY")
        .upstream("app", &upstream.address.to_string())
        .route("odd", "/odd", "app", &format!("{odd}\nroles = ['one\"two\\three']"))
        .start();
    let nobody = gateway.client().get("/odd").send();
    assert_eq!(nobody.header("www-authenticate"), r#"Bearer realm="a \"b\" \\c""#);
    let user = gateway.user().get("/odd");
    assert!(user.header("www-authenticate").ends_with(r#", scope="one\"two\\three""#), "{user:?}");
}

#[test]
fn a_realm_that_no_header_can_have_is_a_fault() {
    let long = "x".repeat(513);
    for wrong in ["", " ", "caf\u{e9}", "a\\nb", &long] {
        let routes = "[[upstreams]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n[[routes]]\nname = \"r\"\npath = \"/\"\nupstream = \"a\"\n";
        let (status, said) = check(&format!("{routes}realm = \"{wrong}\"\n"));
        assert_eq!(status, 78, "{said}");
        assert!(said.contains("route `r`: realm") && said.contains("512 characters"), "{said}");
    }
}
