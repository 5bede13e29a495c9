//! The proxy, another proxy by `/api/auth/verify`, and an operator by `gateway explain` ask one page: of the
//! same request they hear the same.

use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

/// A request, and what is said of it.
struct Case {
    method: &'static str,
    target: &'static str,
    fields: &'static [&'static str],
    has_token: bool,
    word: &'static str,
}

const fn case(word: &'static str, method: &'static str, target: &'static str) -> Case {
    Case { method, target, fields: &[], has_token: false, word }
}

const fn with(case: Case, fields: &'static [&'static str]) -> Case {
    Case { fields, ..case }
}

const fn by_user(case: Case) -> Case {
    Case { has_token: true, ..case }
}

const PREFLIGHT: &[&str] = &["Origin: https://a.example", "Access-Control-Request-Method: GET"];

const CASES: [Case; 15] = [
    by_user(case("allow", "GET", "/app/x?y=1")),
    case("allow", "GET", "/open"),
    by_user(case("allow", "GET", "/%61pp")),
    case("token_missing", "GET", "/app"),
    with(case("token_invalid", "GET", "/app"), &["Authorization: Bearer x"]),
    with(case("token_missing", "GET", "/app"), &["Authorization: Basic eDp5"]),
    by_user(with(case("invalid_request", "GET", "/app"), &["Authorization: Bearer x"])),
    by_user(case("insufficient_scope", "GET", "/admin")),
    by_user(case("network_not_allowed", "GET", "/office")),
    case("not_found", "GET", "/nowhere"),
    case("ambiguous_path", "GET", "/app//x"),
    case("method_not_allowed", "DELETE", "/read"),
    by_user(case("method_not_allowed", "TRACE", "/app")),
    by_user(with(case("body_too_large", "POST", "/app"), &["Content-Length: 11"])),
    by_user(with(case("allow", "POST", "/app"), &["Content-Length: 10"])),
];

fn gateway(upstream: &Upstream) -> Gateway {
    Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\nexplain_to = [\"192.0.2.0/24\"]\n")
        .upstream("app", &upstream.address.to_string())
        .route("app", "/app", "app", "body_bytes_max = 10\ncors = { origins = [\"https://a.example\"] }")
        .route("open", "/open", "app", "auth = \"public\"")
        .route("admin", "/admin", "app", "roles = [\"admin\"]")
        .route("office", "/office", "app", "allow_networks = [\"10.0.0.0/8\"]")
        .route("read", "/read", "app", "methods = [\"GET\"]\nauth = \"public\"")
        .start()
}

impl Case {
    fn fields(&self, token: &str) -> Vec<String> {
        let own = self.has_token.then(|| format!("Authorization: Bearer {token}"));
        own.into_iter().chain(self.fields.iter().map(ToString::to_string)).collect()
    }

    /// What the proxy decides, as it tells an operator; and the status.
    fn sent(&self, gateway: &Gateway, token: &str) -> (String, u16) {
        let fields = self.fields(token).join("\r\n");
        let body = if fields.contains("Length: 10") { "0123456789" } else { "" };
        let request = format!(
            "{} {} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Gateway-Explain: 1\r\n{fields}\r\n\r\n{body}",
            self.method, self.target
        );
        let reply =
            Raw::connect(gateway.address).send(request.replace("\r\n\r\n\r\n", "\r\n\r\n")).head().unwrap();
        let why = reply.field("x-gateway-explain").unwrap_or_default();
        let verdict = why.rsplit("verdict: ").next().unwrap_or_default().to_owned();
        (verdict.replace("refuse, ", ""), reply.status)
    }

    /// What another proxy hears.
    fn asked(&self, gateway: &Gateway, token: &str) -> (String, u16) {
        let fields = self.fields(token).join("\r\n");
        let request = format!(
            "GET /api/auth/verify HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Method: {}\r\nX-Forwarded-Uri: {}\r\n{fields}\r\n\r\n",
            self.method, self.target
        );
        let reply =
            Raw::connect(gateway.address).send(request.replace("\r\n\r\n\r\n", "\r\n\r\n")).reply().unwrap();
        let code = || serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap()["code"].clone();
        let word = if reply.status == 200 { "allow".into() } else { code() };
        (word.as_str().unwrap().to_owned(), reply.status)
    }

    /// What an operator hears.
    fn explained(&self, gateway: &Gateway, token: &str) -> (String, u16) {
        let fields = self.fields(token);
        let fields = fields.iter().flat_map(|field| ["--header", field]);
        let asked = ["explain", "--json", "--client", "192.0.2.1", self.method, self.target];
        let arguments: Vec<_> = asked.into_iter().chain(fields).collect();
        let (_, said, wrong) = gateway.run(&arguments);
        let told: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{wrong}"));
        let word = told["code"].as_str().or(told["verdict"].as_str()).unwrap();
        (word.to_owned(), told["status"].as_u64().unwrap_or(200) as u16)
    }
}

#[test]
fn whoever_asks_about_a_request_hears_the_same() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let token = gateway.user().access;
    for case in &CASES {
        let about = format!("{} {} {:?}", case.method, case.target, case.fields);
        let (sent, status) = case.sent(&gateway, &token);
        assert_eq!(sent, case.word, "{about}");
        assert_eq!(case.asked(&gateway, &token), (sent.clone(), status), "another proxy: {about}");
        assert_eq!(case.explained(&gateway, &token), (sent, status), "an operator: {about}");
    }
}

#[test]
fn a_preflight_is_answered_where_the_answer_is_ours_and_judged_where_it_is_not() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let preflight = with(case("answer", "OPTIONS", "/app"), PREFLIGHT);
    assert_eq!(preflight.sent(&gateway, ""), ("answer, preflight".to_owned(), 204));
    assert_eq!(preflight.explained(&gateway, ""), ("answer".to_owned(), 204));
    // Its 204 would be taken for a yes.
    assert_eq!(preflight.asked(&gateway, ""), ("token_missing".to_owned(), 401));
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_header_that_is_none_is_no_question() {
    let gateway = gateway(&Upstream::start());
    for wrong in ["Content-Length", "a b: c", ": c"] {
        let (status, _, said) = gateway.run(&["explain", "GET", "/app", "--header", wrong]);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(&format!("--header `{wrong}` is no header")), "{said}");
    }
}

#[test]
fn an_endpoint_of_ours_is_one_for_all_who_ask_in_whatever_spelling() {
    let gateway = gateway(&Upstream::start());
    for target in ["/api/auth/login", "/%61pi/auth/login", "/.well-known/jwks.json"] {
        let (status, _, said) = gateway.run(&["explain", "GET", target]);
        assert!(status == 1 && said.contains("belongs to the gateway itself"), "{target}: {status} {said}");
        let asked = case("not_found", "GET", target).asked(&gateway, "");
        assert_eq!(asked, ("not_found".to_owned(), 404), "{target}");
    }
}
