//! Forged and borrowed tokens: their headers, their kinds and their places. Their last part is in
//! `signatures`, and what they claim is in `claims`.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::Siege;
use crate::support::forge::{
    access, access_claims, encode, now, refresh, refresh_claims, sign, sign_text, with,
};
use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY};

/// Claims of Ada's, right in everything.
pub(super) fn good(siege: &Siege) -> Value {
    access_claims(&siege.ada)
}

/// Each of these tokens is refused, on a route and on an endpoint, with this code; and a good one
/// passes before and after, so that the battery could fail.
pub(super) fn all_are(siege: &Siege, code: &str, cases: &[(String, String)]) {
    passes(siege, "the control", &access(&good(siege)));
    assert!(!cases.is_empty());
    let client = siege.gateway.client();
    for (what, token) in cases {
        for path in ["/api/todos", "/optional", "/api/auth/profile"] {
            let reply = client.get(path).bearer(token).send();
            assert_eq!(reply.status, 401, "{what} on {path}");
            assert_eq!(reply.code(), code, "{what} on {path}");
            assert!(reply.header("www-authenticate").contains("error=\"invalid_token\""), "{what}");
        }
    }
    assert!(siege.got_through().is_empty(), "one of them reached the upstream");
    passes(siege, "the control", &access(&good(siege)));
    siege.stands();
}

/// This token is good on a route and on an endpoint.
pub(super) fn passes(siege: &Siege, what: &str, token: &str) {
    for path in ["/api/todos", "/optional", "/api/auth/profile"] {
        let reply = siege.gateway.client().get(path).bearer(token).send();
        assert_eq!(reply.status, 200, "{what} on {path}: {}", reply.text());
    }
    siege.upstream.forget();
}

pub(super) fn named<const N: usize>(cases: [(&str, String); N]) -> Vec<(String, String)> {
    cases.into_iter().map(|(what, token)| (what.to_owned(), token)).collect()
}

#[test]
fn no_algorithm_but_the_pinned_one_is_accepted_whatever_the_header_says() {
    let siege = Siege::begin();
    let claims = good(&siege).to_string();
    let algorithms = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "noNe",
        "",
        " ",
        "hs256",
        "Hs256",
        "HS256 ",
        " HS256",
        "HS256\\u0000",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "ES256",
        "ES384",
        "ES256K",
        "EdDSA",
        "Ed25519",
        "HS1",
        "MD5",
        "dir",
        "A128KW",
        "RSA-OAEP",
        "PBES2-HS256+A128KW",
        "HS256,none",
        "HS256\\u0020",
    ];
    let mut cases = Vec::new();
    for algorithm in algorithms {
        let header = format!(r#"{{"typ":"JWT","alg":"{algorithm}"}}"#);
        let signed = sign_text(&header, &claims, ACCESS_KEY);
        let (message, _) = signed.rsplit_once('.').unwrap();
        cases.push((format!("alg {algorithm:?}, signed with our key"), signed.clone()));
        cases.push((format!("alg {algorithm:?}, no signature"), format!("{message}.")));
        cases.push((format!("alg {algorithm:?}, two parts"), message.to_owned()));
    }
    all_are(&siege, "token_invalid", &cases);
}

#[test]
fn another_hash_with_the_same_secret_and_signatures_of_nothing_are_refused() {
    let siege = Siege::begin();
    let claims = good(&siege).to_string();
    let mut cases = Vec::new();
    for (alg, hash) in [
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
        ("HS1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
    ] {
        for says in [alg, "HS256"] {
            let message = format!("{}.{}", encode(format!(r#"{{"alg":"{says}"}}"#)), encode(&claims));
            let tag = hmac::sign(&hmac::Key::new(hash, ACCESS_KEY.as_bytes()), message.as_bytes());
            cases.push((format!("{alg} that says {says}"), format!("{message}.{}", encode(tag))));
        }
    }
    for (alg, length) in
        [("RS256", 256), ("PS256", 256), ("ES256", 64), ("EdDSA", 64), ("HS256", 32), ("HS256", 0)]
    {
        let message = format!("{}.{}", encode(format!(r#"{{"alg":"{alg}"}}"#)), encode(&claims));
        cases.push((format!("{length} zeros for {alg}"), format!("{message}.{}", encode(vec![0; length]))));
    }
    for key in [
        "",
        "\0",
        "secret",
        "your-256-bit-secret",
        "your-secret-key",
        &ACCESS_KEY[1..],
        &ACCESS_KEY.to_lowercase(),
        &encode(ACCESS_KEY),
        REFRESH_KEY,
    ] {
        cases.push((format!("another key ({} bytes)", key.len()), sign(&good(&siege), key)));
    }
    all_are(&siege, "token_invalid", &cases);
}

#[test]
fn a_header_may_say_nothing_but_the_algorithm_and_the_type() {
    let siege = Siege::begin();
    let claims = good(&siege).to_string();
    let jwk = format!(r#"{{"kty":"oct","k":"{}"}}"#, encode(ACCESS_KEY));
    let members = [
        r#""crit":[]"#.to_owned(),
        r#""crit":["exp"]"#.into(),
        r#""crit":["b64"],"b64":false"#.into(),
        r#""crit":null"#.into(),
        r#""b64":false"#.into(),
        r#""b64":true"#.into(),
        r#""jku":"http://127.0.0.1:1/keys""#.into(),
        r#""x5u":"http://127.0.0.1:1/c""#.into(),
        format!(r#""jwk":{jwk}"#),
        r#""jwk":{}"#.into(),
        r#""x5c":["MIIB"]"#.into(),
        r#""x5t":"a""#.into(),
        r##""x5t#S256":"a""##.into(),
        r#""kid":"../../../../dev/null""#.into(),
        r#""kid":"/proc/sys/kernel/randomize_va_space""#.into(),
        r#""kid":"' OR '1'='1""#.into(),
        r#""kid":"x' UNION SELECT 'k';--""#.into(),
        r#""kid":"|id""#.into(),
        r#""kid":"$(id)""#.into(),
        r#""kid":"""#.into(),
        r#""kid":0"#.into(),
        r#""kid":"\u0000""#.into(),
        r#""zip":"DEF""#.into(),
        r#""enc":"A256GCM""#.into(),
        r#""cty":"JWT""#.into(),
        r#""epk":{}"#.into(),
        r#""alg":"HS256""#.into(),
        r#""alg":"none""#.into(),
        r#""typ":"JWT""#.into(),
        r#""\u0061lg":"none""#.into(),
        r#""\u0061lg":"HS256""#.into(),
        r#""p2c":2147483647"#.into(),
        r#""unknown":1"#.into(),
        r#""":1"#.into(),
        r#""alg\u0000":"none""#.into(),
    ];
    let mut cases = Vec::new();
    for member in members {
        let after = format!(r#"{{"typ":"JWT","alg":"HS256",{member}}}"#);
        let before = format!(r#"{{{member},"typ":"JWT","alg":"HS256"}}"#);
        cases.push((after.clone(), sign_text(&after, &claims, ACCESS_KEY)));
        cases.push((before.clone(), sign_text(&before, &claims, ACCESS_KEY)));
    }
    all_are(&siege, "token_invalid", &cases);
}

#[test]
fn a_header_that_is_not_one_plain_object_is_refused() {
    let siege = Siege::begin();
    let claims = good(&siege).to_string();
    let headers = [
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "1",
        r#""HS256""#,
        r#"["HS256"]"#,
        r#"["HS256","JWT"]"#,
        r#"[["alg","HS256"]]"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":1}"#,
        r#"{"alg":true}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":{"a":"HS256"}}"#,
        r#"{"ALG":"HS256"}"#,
        r#"{"Alg":"HS256"}"#,
        r#"{"alg ":"HS256"}"#,
        r#"{"alg":"HS256"}{}"#,
        r#"{"alg":"HS256"}x"#,
        r#"{"alg":"HS256"},"#,
        "{\"alg\":\"HS256\"}\0",
        "\u{feff}{\"alg\":\"HS256\"}",
        "{'alg':'HS256'}",
        "{alg:\"HS256\"}",
        r#"{"alg":"HS256",}"#,
        r#"{"alg":"HS256""#,
        r#"{/**/"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":1}"#,
        r#"{"alg":"HS256","typ":"JWE"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":["JWT"]}"#,
        r#"{"alg":"HS256","typ":""}"#,
    ];
    let mut cases: Vec<_> = headers
        .iter()
        .map(|header| (format!("{header:?}"), sign_text(header, &claims, ACCESS_KEY)))
        .collect();
    let deep = format!(r#"{{"alg":"HS256","x":{}1{}}}"#, "[".repeat(600), "]".repeat(600));
    cases.push(("a deep header".into(), sign_text(&deep, &claims, ACCESS_KEY)));
    all_are(&siege, "token_invalid", &cases);
    passes(&siege, "no typ", &sign_text(r#"{"alg":"HS256"}"#, &claims, ACCESS_KEY));
}

#[test]
fn access_and_refresh_tokens_never_stand_in_for_each_other() {
    let siege = Siege::begin();
    let claims = good(&siege);
    let of_refresh = refresh_claims(&siege.ada);
    let cases = named([
        ("a real refresh token", siege.ada.refresh.clone()),
        ("refresh claims, access key", access(&of_refresh)),
        ("refresh claims and a role, access key", access(&with(claims.clone(), "type", json!("refresh")))),
        ("access claims, refresh key", refresh(&claims)),
        ("refresh claims, refresh key", refresh(&of_refresh)),
    ]);
    all_are(&siege, "token_invalid", &cases);
    for (what, token) in [
        ("a real access token", siege.ada.access.clone()),
        ("access claims, refresh key", refresh(&claims)),
        ("refresh claims, access key", access(&of_refresh)),
        ("no session", refresh(&of_refresh)),
        ("expired", refresh(&with(with(of_refresh.clone(), "exp", json!(now())), "iat", json!(now() - 9)))),
        ("alg none", format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(of_refresh.to_string()))),
        ("64 KiB less the envelope", "a".repeat(60_000)),
    ] {
        let reply = siege.ada.refresh(&token, false);
        assert_eq!((reply.status, reply.code().as_str()), (401, "refresh_token_invalid"), "{what}");
    }
    assert_eq!(siege.ada.refresh(&siege.ada.refresh, false).status, 200);
}

#[test]
fn a_token_is_looked_for_in_one_place_only() {
    let siege = Siege::begin();
    let token = &siege.ada.access;
    let client = siege.gateway.client();
    for path in ["/api/todos", "/api/auth/profile"] {
        for name in ["access_token", "token", "authorization", "jwt", "bearer"] {
            let in_query = client.get(&format!("{path}?{name}={token}")).send();
            let in_cookie = client.get(path).header("cookie", &format!("{name}={token}")).send();
            let in_header = client.get(path).header(&format!("x-{name}"), token).send();
            for reply in [in_query, in_cookie, in_header] {
                assert_eq!((reply.status, reply.code().as_str()), (401, "token_missing"), "{name} on {path}");
            }
        }
        for value in [
            "Basic ",
            "Token ",
            "JWT ",
            "Bearer Bearer ",
            "Bearer, ",
            "Bearer=",
            "Bearer:",
            "",
            "Bearer\u{a0}",
        ] {
            let head =
                format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nAuthorization: {value}{token}\r\n\r\n");
            let reply = siege.raw(head).unwrap();
            assert_eq!(reply.status, 401, "{value:?} on {path}");
            assert!(reply.text().contains("\"token_missing\""), "{value:?} on {path}");
            assert!(reply.text().contains("not of the form"), "{value:?} on {path}: {}", reply.text());
        }
        let twice = siege.ada.request("GET", path).bearer(token).send();
        assert_eq!((twice.status, twice.code().as_str()), (400, "invalid_request"));
    }
    assert!(siege.got_through().is_empty());
    siege.stands();
}

#[test]
fn a_token_over_8_kib_is_not_looked_at_and_one_over_the_head_limit_ends_the_connection() {
    let siege = Siege::begin();
    let padded = |bytes: usize| access(&with(good(&siege), "padding", json!("p".repeat(bytes))));
    passes(&siege, "6 KiB", &padded(4_500));
    all_are(
        &siege,
        "token_too_large",
        &named([
            ("9 KiB", padded(6_500)),
            ("24 KiB", padded(17_000)),
            ("24 KiB of dots", ".".repeat(24_000)),
        ]),
    );
    for path in ["/api/todos", "/api/auth/profile"] {
        let reply = siege
            .raw(format!(
                "GET {path} HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {}\r\n\r\n",
                padded(48_000)
            ))
            .unwrap();
        assert_eq!(reply.status, 431, "{}", reply.head);
    }
    assert!(siege.got_through().is_empty());
    siege.stands();
}
