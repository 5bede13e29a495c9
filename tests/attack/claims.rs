//! Tokens that are signed with our own key and claim what they should not: had the key been
//! another program's too, or a claim been left out, the answer would still be no.

use serde_json::{Value, json};

use super::Siege;
use super::tokens::{all_are, good, named, passes};
use crate::support::forge::{access, now, refresh_claims, sign_bytes, sign_text, with};
use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY, Setup};

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// The claims as text, in which the value of one stands as it is written here.
fn with_text(claims: &Value, name: &str, value: &str) -> String {
    let marked = with(claims.clone(), name, json!("<<value>>")).to_string();
    sign_text(HEADER, &marked.replace("\"<<value>>\"", value), ACCESS_KEY)
}

/// The claims as text, and more text before the end of the object.
fn with_more(claims: &Value, more: &str) -> String {
    let text = claims.to_string();
    sign_text(HEADER, &format!("{},{more}}}", text.strip_suffix('}').unwrap()), ACCESS_KEY)
}

#[test]
fn no_claim_may_be_missing() {
    let siege = Siege::begin();
    let names = ["user_id", "email", "role", "iat", "exp", "type", "iss", "sub", "jti", "sid", "gen"];
    let mut cases: Vec<_> = names
        .iter()
        .map(|name| (format!("without {name}"), access(&with(good(&siege), name, Value::Null))))
        .collect();
    cases.push(("no claims".into(), access(&json!({}))));
    all_are(&siege, "token_invalid", &cases);
}

/// Not even where nothing is read: others might read it, and each in their own way.
#[test]
fn no_part_of_a_token_may_be_anything_but_utf8() {
    let siege = Siege::begin();
    let claims = good(&siege).to_string();
    let more = |part: &str, bytes: &[u8]| {
        let part = part.strip_suffix('}').unwrap();
        [part.as_bytes(), b",\"note\":\"", bytes, b"\"}"].concat()
    };
    let signed = |header: &[u8], payload: &[u8]| sign_bytes(header, payload, ACCESS_KEY);
    let mut cases = Vec::new();
    // Latin-1; no such byte; a slash in two bytes; half a pair.
    for bytes in [&b"J\xfcrgen"[..], b"\xff", b"\xc0\xaf", b"\xed\xa0\x80"] {
        let token = signed(HEADER.as_bytes(), &more(&claims, bytes));
        cases.push((format!("payload: {bytes:?}"), token));
        cases.push((format!("header: {bytes:?}"), signed(&more(HEADER, bytes), claims.as_bytes())));
    }
    all_are(&siege, "token_invalid", &cases);
    let utf8 = more(&claims, "J\u{fc}rgen".as_bytes());
    passes(&siege, "UTF-8", &signed(HEADER.as_bytes(), &utf8));
    let refresh = more(&refresh_claims(&siege.ada).to_string(), b"\xff");
    let refresh = sign_bytes(HEADER.as_bytes(), &refresh, REFRESH_KEY);
    let reply = siege.ada.refresh(&refresh, false);
    reply.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
}

#[test]
fn no_claim_may_be_of_another_type() {
    let siege = Siege::begin();
    let claims = good(&siege);
    let values = [
        r#""""#,
        r#""x""#,
        r#""1""#,
        "1.5",
        "1e3",
        "1.0",
        "-1",
        "-0.0",
        "1e400",
        "18446744073709551616",
        "true",
        "false",
        "null",
        "[]",
        "[1]",
        r#"["x"]"#,
        "{}",
        r#"{"x":1}"#,
        r#"{"$ne":null}"#,
    ];
    let names =
        ["user_id", "email", "role", "iat", "exp", "nbf", "type", "iss", "sub", "jti", "sid", "gen", "aud"];
    let mut cases = Vec::new();
    for name in names {
        for value in values {
            // Ada's own id in the one form that a subject has is no attack.
            if name == "sub" && value == format!("\"{}\"", siege.ada.id) {
                continue;
            }
            cases.push((format!("{name}: {value}"), with_text(&claims, name, value)));
        }
        let own = claims[name].to_string();
        let quoted = if own.starts_with('"') { format!("[{own}]") } else { format!("\"{own}\"") };
        cases.push((format!("{name}: its own value in another type"), with_text(&claims, name, &quoted)));
    }
    all_are(&siege, "token_invalid", &cases);
}

#[test]
fn no_claim_may_have_another_value() {
    let siege = Siege::begin();
    let (claims, id) = (good(&siege), siege.ada.id);
    let mut cases = Vec::new();
    let mut refused = |name: &str, values: &[&str]| {
        for value in values {
            cases.push((format!("{name}: {value}"), with_text(&claims, name, value)));
        }
    };
    refused(
        "role",
        &[
            r#""Admin""#,
            r#""ADMIN""#,
            r#""User""#,
            r#""admin ""#,
            r#""root""#,
            r#""user,admin""#,
            r#""admin\u0000""#,
        ],
    );
    refused("type", &[r#""Access""#, r#""ACCESS""#, r#""refresh""#, r#""reset""#, r#""id""#]);
    refused(
        "iss",
        &[r#""Gateway""#, r#""gateway ""#, r#""gateway/""#, r#""https://gateway""#, r#"["gateway"]"#],
    );
    refused(
        "user_id",
        &["0", "9007199254740992", "9223372036854775808", "18446744073709551615", &(id + 1).to_string()],
    );
    refused(
        "sub",
        &[
            &format!("\"0{id}\""),
            &format!("\"+{id}\""),
            &format!("\" {id}\""),
            &format!("\"{id} \""),
            &format!("\"{}\"", id + 1),
            &format!("\"{id}.0\""),
        ],
    );
    refused("aud", &[r#""gateway""#, r#"["gateway"]"#, r#""""#, "[]"]);
    let id = claims["jti"].as_str().unwrap();
    for name in ["jti", "sid"] {
        refused(
            name,
            &[
                &format!("\"{}\"", id.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A")),
                &format!("\"{}\"", id.replace('-', "")),
                &format!("\"{{{id}}}\""),
                &format!("\"urn:uuid:{id}\""),
                "\"*\"",
                "\"../../x\"",
            ],
        );
    }
    all_are(&siege, "token_invalid", &cases);
}

#[test]
fn a_claim_that_occurs_twice_refuses_the_token_whether_we_know_it_or_not() {
    let siege = Siege::begin();
    let claims = good(&siege);
    let mut cases = vec![
        ("an unknown one".to_owned(), with_more(&claims, r#""scope":"a","scope":"b""#)),
        ("an unknown one, escaped".into(), with_more(&claims, r#""scope":1,"\u0073cope":1"#)),
        ("a known one, escaped".into(), with_more(&claims, r#""\u0072ole":"admin""#)),
        ("an empty name".into(), with_more(&claims, r#""":1,"":2"#)),
    ];
    for name in claims.as_object().unwrap().keys() {
        cases
            .push((format!("{name}, the same"), with_more(&claims, &format!("\"{name}\":{}", claims[name]))));
        cases.push((format!("{name}, null"), with_more(&claims, &format!("\"{name}\":null"))));
    }
    cases.push(("role, raised".into(), with_more(&claims, r#""role":"admin""#)));
    all_are(&siege, "token_invalid", &cases);
    passes(&siege, "an unknown claim, once", &with_more(&claims, r#""scope":"a""#));
    let escaped = claims.to_string().replace("\"role\"", "\"\\u0072ole\"");
    passes(&siege, "a known one, escaped and once", &sign_text(HEADER, &escaped, ACCESS_KEY));
}

#[test]
fn claims_that_are_not_one_plain_object_are_refused() {
    let siege = Siege::begin();
    let claims = good(&siege);
    let text = claims.to_string();
    let values: Vec<_> = claims.as_object().unwrap().values().collect();
    let signed = |payload: &str| sign_text(HEADER, payload, ACCESS_KEY);
    let deep = |open: &str, shut: &str| {
        with_more(&claims, &format!("\"x\":{}1{}", open.repeat(300), shut.repeat(300)))
    };
    all_are(
        &siege,
        "token_invalid",
        &named([
            ("nothing", signed("")),
            ("null", signed("null")),
            ("a string", signed(&json!(text).to_string())),
            ("a number", signed("1")),
            ("an array", signed(&json!([claims]).to_string())),
            ("an array of the values", signed(&json!(values).to_string())),
            ("a second object", signed(&format!("{text}{{}}"))),
            ("a trailing comma", signed(&format!("{text},"))),
            ("a trailing NUL", signed(&format!("{text}\0"))),
            ("a byte order mark", signed(&format!("\u{feff}{text}"))),
            ("a comment", signed(&format!("{text}//"))),
            ("single quotes", signed(&text.replace('"', "'"))),
            ("cut", signed(&text[..text.len() - 1])),
            ("NaN", with_more(&claims, "\"x\":NaN")),
            ("a control character", with_more(&claims, "\"x\":\"\u{1}\"")),
            ("a lone surrogate", with_more(&claims, r#""\ud800":1"#)),
            ("deep and open", signed(&"[".repeat(5_000))),
            ("deep objects and open", signed(&"{\"a\":".repeat(1_000))),
        ]),
    );
    // What we do not know is skipped without a stack: it neither helps nor hurts.
    passes(&siege, "deep arrays", &deep("[", "]"));
    passes(&siege, "deep objects", &deep("{\"a\":", "}"));
}

#[test]
fn a_token_is_good_from_its_begin_to_the_second_before_its_end() {
    let siege = Siege::begin();
    let at = |iat: u64, exp: u64| with(with(good(&siege), "iat", json!(iat)), "exp", json!(exp));
    let now = now();
    all_are(
        &siege,
        "token_expired",
        &named([
            ("expired by one second", access(&at(now - 60, now - 1))),
            ("expired now", access(&at(now - 60, now))),
            ("expired long ago", access(&at(1_000, 2_000))),
            ("never alive", access(&at(now, now))),
        ]),
    );
    all_are(
        &siege,
        "token_invalid",
        &named([
            ("nbf in the future", access(&with(at(now, now + 3_600), "nbf", json!(now + 600)))),
            ("nbf at the end of time", access(&with(at(now, now + 3_600), "nbf", json!(u64::MAX)))),
            ("iat in the future", access(&at(now + 600, now + 1_200))),
            ("iat at the end of time", access(&at(u64::MAX - 1, u64::MAX))),
            ("longer than configured", access(&at(now, now + 3_601))),
            ("for ever", access(&at(now, u64::MAX))),
            ("from the beginning", access(&at(0, now + 60))),
            ("ends before it begins", access(&at(now + 4, now + 3))),
        ]),
    );
    passes(&siege, "a clock that is 4 s ahead", &access(&at(now + 4, now + 600)));
    passes(&siege, "nbf in the past", &access(&with(at(now, now + 600), "nbf", json!(now))));
    passes(&siege, "exactly the configured life", &access(&at(now, now + 3_600)));
}

#[test]
fn no_character_of_a_claim_can_become_a_header() {
    let siege = Siege::begin();
    let email = &siege.ada.email;
    let addresses = [
        format!("{email}\r\nX-User-Role: admin"),
        format!("{email}\nX-User-Role: admin"),
        format!("{email}\r"),
        format!("{email}\0"),
        format!("{email}\t"),
        format!(" {email}"),
        format!("{email} "),
        format!("{email}\u{7f}"),
        format!("{email}\u{85}"),
        format!("{email}\u{2028}"),
        format!("é{email}"),
        format!("{email},admin@example.com"),
        format!("{email};x"),
        format!("\"{email}"),
        email.to_uppercase(),
        format!("{}{email}", "a".repeat(300)),
    ];
    let cases: Vec<_> = addresses
        .iter()
        .map(|address| (format!("{address:?}"), access(&with(good(&siege), "email", json!(address)))))
        .collect();
    all_are(&siege, "token_invalid", &cases);
}

#[test]
fn a_token_of_another_audience_or_issuer_is_refused_where_one_is_configured() {
    let named_audience = |setup: Setup| {
        setup.env("GATEWAY__TOKENS__AUDIENCE", "todos").env("GATEWAY__TOKENS__ISSUER", "https://id.example")
    };
    let siege = Siege::with(named_audience);
    let own = with(with(good(&siege), "iss", json!("https://id.example")), "aud", json!("todos"));
    for (what, claims) in [("one", own.clone()), ("several", with(own.clone(), "aud", json!(["x", "todos"])))]
    {
        assert_eq!(
            siege.gateway.client().get("/api/todos").bearer(&access(&claims)).send().status,
            200,
            "{what}"
        );
    }
    for (name, value) in [
        ("aud", Value::Null),
        ("aud", json!("Todos")),
        ("aud", json!("")),
        ("aud", json!(["x"])),
        ("aud", json!([])),
        ("aud", json!(["todos", 1])),
        ("aud", json!({"todos": 1})),
        ("iss", json!("gateway")),
        ("iss", json!("https://id.example/")),
        ("iss", json!("HTTPS://id.example")),
    ] {
        let reply = siege
            .gateway
            .client()
            .get("/api/todos")
            .bearer(&access(&with(own.clone(), name, value.clone())))
            .send();
        assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"), "{name}: {value}");
    }
}
