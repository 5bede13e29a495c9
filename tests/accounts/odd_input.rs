//! Whatever is sent to an endpoint of accounts: a clear refusal, and nothing else.

use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Reply, Request};
use crate::support::people::Person;

/// Method, path, and the fields that it reads.
type Endpoint = (&'static str, &'static str, &'static [&'static str]);

const ENDPOINTS: [Endpoint; 10] = [
    ("POST", "/api/auth/register", &["email", "password", "first_name", "last_name", "invitation"]),
    ("POST", "/api/auth/login", &["email", "password"]),
    ("PUT", "/api/auth/password", &["current_password", "new_password"]),
    ("POST", "/api/auth/password/forgot", &["email"]),
    ("POST", "/api/auth/password/reset", &["token", "password"]),
    ("POST", "/api/auth/email/verify", &["token"]),
    ("POST", "/api/auth/invitations", &["email", "role"]),
    ("DELETE", "/api/auth/profile", &["current_password"]),
    ("PATCH", "/api/auth/users/2", &["role", "is_active", "first_name", "last_name"]),
    ("PUT", "/api/auth/profile", &["first_name", "last_name"]),
];

/// Strings that something behind could take for more than a string. `login` and `register` have no
/// wait between guesses here.
const ODD: [&str; 12] = [
    "\0",
    "\r\nX-Injected: 1",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "../../../../etc/passwd",
    "' OR '1'='1' --",
    "\u{202e}\u{200b}\u{feff}",
    "😀𝕏é\u{301}",
    "\u{ffff}\u{10ffff}",
    "-1",
    "null",
    "%00%0d%0a",
    "a@example.com\nBcc: b@example.com",
];

fn request(gateway: &Gateway, admin: &Person, endpoint: &Endpoint) -> Request {
    gateway.client().request(endpoint.0, endpoint.1).bearer(&admin.access)
}

/// Refused, or for what is odd but not wrong served; in JSON, soon, and without a word from inside.
#[track_caller]
fn is_clear(reply: &Reply, about: &str) {
    assert!((200..300).contains(&reply.status) || (400..500).contains(&reply.status), "{about}: {reply:?}");
    let text = reply.text();
    assert!(reply.json().is_object(), "{about}: {text}");
    for inside in ["panicked", ".rs", "serde", "line 1 column", "sled", "argon2"] {
        assert!(!text.contains(inside), "{about}: {text}");
    }
}

fn patient() -> Gateway {
    Setup::new("").unlimited().start()
}

#[test]
fn a_field_of_the_wrong_type_is_refused_by_its_name() {
    let gateway = patient();
    let admin = gateway.admin();
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    let wrong = [
        json!(1),
        json!(1.5),
        json!(-1e300),
        json!([]),
        json!({}),
        json!(["a@example.com"]),
        json!({"$ne": ""}),
        deep,
    ];
    for endpoint in &ENDPOINTS {
        for field in endpoint.2 {
            for value in &wrong {
                let mut body = json!({});
                for other in endpoint.2.iter().filter(|other| *other != field && **other != "is_active") {
                    body[*other] = json!("Sound-Enough-1");
                }
                if endpoint.2.contains(&"role") {
                    body["role"] = json!("user");
                }
                body[*field] = value.clone();
                let reply = request(&gateway, &admin, endpoint).json(&body).send();
                let about = format!("{} {} {body}", endpoint.0, endpoint.1);
                is_clear(&reply, &about);
                // An invitation is looked at before the rest, which is as good a reason.
                let refused =
                    reply.status == 422 && reply.error().starts_with(&format!("{field} must be a "));
                let earlier = endpoint.1.ends_with("register") && reply.code() == "invitation_required";
                assert!(refused || earlier, "{about}: {}", reply.text());
            }
        }
    }
}

#[test]
fn a_body_that_is_none_is_refused_in_the_contracts_order() {
    let gateway = patient();
    let admin = gateway.admin();
    for endpoint in &ENDPOINTS {
        let send = |body: &[u8], kind: &str| {
            request(&gateway, &admin, endpoint).header("content-type", kind).body(body).send()
        };
        let about = format!("{} {}", endpoint.0, endpoint.1);
        for body in [
            &b"["[..],
            b"[]",
            b"\"x\"",
            b"1",
            b"null",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":1}}",
            b"\xef\xbb\xbf{\"a\":1}",
        ] {
            let reply = send(body, "application/json");
            assert_eq!((reply.status, reply.code().as_str()), (400, "malformed_json"), "{about} {body:?}");
            let reply = send(body, "text/plain");
            assert_eq!((reply.status, reply.code().as_str()), (415, "unsupported_media_type"), "{about}");
        }
        let nested = "{\"a\":".repeat(8_000);
        assert_eq!(send(nested.as_bytes(), "application/json").code(), "malformed_json", "{about}");
        for filler in ["x", "\u{0}", "😀", "[", " "] {
            let body = json!({ "email": filler.repeat((65_537 / filler.len()) + 1) }).to_string();
            let reply = send(body.as_bytes(), "application/json");
            assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"), "{about}");
        }
        let nothing = request(&gateway, &admin, endpoint).send();
        is_clear(&nothing, &about);
    }
    admin.is_in();
}

#[test]
fn odd_and_huge_strings_do_no_harm() {
    let gateway = patient();
    let admin = gateway.admin();
    gateway.user();
    let huge = ["x".repeat(60_000), "é".repeat(30_000), "\\".repeat(30_000), "9".repeat(60_000)];
    let odd = ODD.iter().map(|text| (*text).to_owned()).chain(huge);
    let began = Stopwatch::start();
    for text in odd {
        for endpoint in &ENDPOINTS {
            let body: serde_json::Map<_, _> =
                endpoint.2.iter().map(|field| ((*field).to_owned(), Value::String(text.clone()))).collect();
            let reply = request(&gateway, &admin, endpoint).json(&Value::Object(body)).send();
            is_clear(&reply, &format!("{} {} {text:.40?}", endpoint.0, endpoint.1));
            assert!(!reply.headers.contains_key("x-injected"));
        }
    }
    assert!(began.elapsed() < Duration::from_secs(120), "one of them cost too much");
    let users = admin.get("/api/auth/users").is_served(200);
    assert_eq!(users["pagination"]["total"], 2, "nobody became an account by it: {users}");
    assert_eq!(admin.get("/api/auth/audit?event=invitation_made").json()["events"], json!([]));
    admin.is_in();
}

#[test]
fn odd_paths_and_queries_are_refused_or_ignored() {
    let gateway = patient();
    let admin = gateway.admin();
    let ids = [
        "0",
        "-1",
        "1e3",
        "18446744073709551616",
        "%20",
        "%ff",
        "%00",
        "a%0ab",
        "\u{30}x",
        "..",
        "%2e%2e",
        &*"9".repeat(2_000),
    ];
    for id in ids {
        for (method, path) in [
            ("DELETE", format!("/api/auth/users/{id}")),
            ("POST", format!("/api/auth/users/{id}/logout")),
            ("DELETE", format!("/api/auth/sessions/{id}")),
            ("DELETE", format!("/api/auth/invitations/{id}")),
        ] {
            let reply = admin.request(method, &path).send();
            is_clear(&reply, &path);
            assert!([400, 404, 405].contains(&reply.status), "{method} {path}: {}", reply.text());
        }
    }
    for query in [
        "?since=9999-12-31T23:59:59Z",
        "?since=-009999-01-01T00:00:00Z",
        "?until=%2B999999-01-01T00:00:00Z",
        "?until=1969-12-31T23:59:59Z",
        "?since=2026-01-01T00:00:00+99:99",
        "?since=%FF%FE",
        "?limit=18446744073709551615",
        "?limit=18446744073709551616",
        "?cursor=18446744073709551615",
        "?cursor=1",
        "?user_id=18446744073709551615",
        "?user_id=9223372036854775807",
        "?event=%00",
        "?a=b&&&=&=c&%",
        &*format!("?event={}", "x".repeat(7_000)),
        "?all=true%00",
    ] {
        for path in ["audit", "reports", "sessions", "profile/export", "users", "invitations"] {
            let reply = admin.get(&format!("/api/auth/{path}{query}"));
            is_clear(&reply, &format!("{path}{query:.60}"));
            assert!([200, 400, 422].contains(&reply.status), "{path}{query:.60}: {}", reply.text());
        }
    }
    admin.is_in();
}
