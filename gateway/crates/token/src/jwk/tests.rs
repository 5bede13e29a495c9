//! Known answers of the RFCs, and keys that nobody should use.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const JOE: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 8037 A.2.
fn okp() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

/// RFC 7515 A.3.
fn ec() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

/// RFC 7515 A.2.
fn rsa() -> Value {
    json!({
        "kty": "RSA", "e": "AQAB",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    })
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

fn key(jwk: &Value, algorithm: Algorithm) -> Result<VerifyingKey, JwkFault> {
    Jwk::from_json(jwk.to_string().as_bytes())?.verifying(algorithm)
}

fn fault(jwk: &Value, algorithm: Algorithm) -> JwkFault {
    key(jwk, algorithm).unwrap_err()
}

#[test]
fn the_known_answers_of_the_rfcs_verify_and_nothing_beside_them() {
    for (jwk, algorithm, message, signature) in [
        (
            okp(),
            Algorithm::EdDsa,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
        (
            ec(),
            Algorithm::Es256,
            format!("eyJhbGciOiJFUzI1NiJ9.{JOE}"),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            rsa(),
            Algorithm::Rs256,
            format!("eyJhbGciOiJSUzI1NiJ9.{JOE}"),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
    ] {
        let key = key(&jwk, algorithm).unwrap();
        let signature = decode(signature.as_bytes()).unwrap();
        assert!(key.verifies(message.as_bytes(), &signature), "{algorithm}");
        assert!(!key.verifies(format!("{message}A").as_bytes(), &signature), "{algorithm}");
        for place in [0, signature.len() / 2, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[place] ^= 1;
            assert!(!key.verifies(message.as_bytes(), &changed), "{algorithm} {place}");
        }
        for wrong in [&signature[1..], &[], &[0; 64], &[signature.as_slice(), &[0]].concat()] {
            assert!(!key.verifies(message.as_bytes(), wrong), "{algorithm} {}", wrong.len());
        }
    }
}

#[test]
fn a_signature_by_one_padding_of_rsa_is_none_by_the_other() {
    let message = format!("eyJhbGciOiJSUzI1NiJ9.{JOE}");
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let own = super::super::signing_key::public_rsa(&pair).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    let padding = &aws_lc_rs::signature::RSA_PSS_SHA256;
    pair.sign(padding, &random, message.as_bytes(), &mut signature).unwrap();
    let key = |algorithm| VerifyingKey::new(algorithm, own.clone()).unwrap();
    assert!(key(Algorithm::Ps256).verifies(message.as_bytes(), &signature));
    assert!(!key(Algorithm::Rs256).verifies(message.as_bytes(), &signature));
}

#[test]
fn der_is_no_form_of_an_es256_signature() {
    let pair =
        aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING);
    let pair = pair.unwrap();
    let key = super::super::signing_key::public_ec(&pair).unwrap();
    let key = VerifyingKey::new(Algorithm::Es256, key).unwrap();
    let signature = pair.sign(&aws_lc_rs::rand::SystemRandom::new(), b"a.b").unwrap();
    assert!(!key.verifies(b"a.b", signature.as_ref()));
}

#[test]
fn the_thumbprints_are_those_of_the_rfcs() {
    let okp = key(&okp(), Algorithm::EdDsa).unwrap();
    assert_eq!(okp.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "RFC 8037 A.3");
    let rsa = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    });
    let rsa = key(&rsa, Algorithm::Rs256).unwrap();
    assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "RFC 7638 §3.1");
}

#[test]
fn what_is_published_is_read_back_as_the_same_key() {
    for (jwk, algorithm) in [(okp(), Algorithm::EdDsa), (ec(), Algorithm::Es256), (rsa(), Algorithm::Ps256)] {
        let one = key(&jwk, algorithm).unwrap();
        let published = one.jwk("a.b");
        assert_eq!((&published["kid"], &published["use"]), (&json!("a.b"), &json!("sig")));
        let read = Jwk::from_value(&published).unwrap();
        assert_eq!((read.kid(), read.algorithms()), (Some("a.b"), Ok(vec![algorithm])));
        assert!(read.verifying(algorithm).unwrap().same_key_as(&one));
    }
}

/// Of each key of RSA that does not say which it is for.
const RSA: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

#[test]
fn a_key_is_used_for_the_algorithm_of_its_type_and_for_no_other() {
    for (jwk, right) in [(okp(), &[Algorithm::EdDsa][..]), (ec(), &[Algorithm::Es256]), (rsa(), &RSA)] {
        for algorithm in Algorithm::ASYMMETRIC.into_iter().chain([Algorithm::Hs256]) {
            let made = key(&jwk, algorithm);
            assert_eq!(made.is_ok(), right.contains(&algorithm), "{jwk} {algorithm}");
        }
    }
    let only = with(rsa(), "alg", "PS256");
    assert!(key(&only, Algorithm::Ps256).is_ok());
    assert_eq!(fault(&only, Algorithm::Rs256), JwkFault::NotFor(Algorithm::Rs256));
    assert!(key(&with(okp(), "alg", "Ed25519"), Algorithm::EdDsa).is_ok());
    for (jwk, alg) in [
        (okp(), "ES256"),
        (ec(), "RS256"),
        (rsa(), "HS256"),
        (rsa(), "ES384"),
        (ec(), "ES384"),
        (rsa(), "RSA-OAEP"),
        (rsa(), ""),
    ] {
        let refused = fault(&with(jwk, "alg", alg), Algorithm::Rs256);
        assert_eq!(refused, JwkFault::Algorithm(alg.to_owned()));
    }
}

#[test]
fn a_key_for_something_else_than_verifying_is_refused() {
    for (member, value, fine) in [
        ("use", json!("sig"), true),
        ("use", json!("jwt-svid"), true),
        ("use", Value::Null, true),
        ("use", json!("x509-svid"), false),
        ("use", json!("enc"), false),
        ("use", json!(""), false),
        ("key_ops", Value::Null, true),
        ("key_ops", json!(["verify"]), true),
        ("key_ops", json!(["sign", "verify"]), true),
        ("key_ops", json!(["sign"]), false),
        ("key_ops", json!([]), false),
    ] {
        let made = key(&with(okp(), member, value.clone()), Algorithm::EdDsa);
        let fault = value.as_str().map_or(JwkFault::Operations, |usage| JwkFault::Use(usage.to_owned()));
        assert_eq!(made.err(), (!fine).then_some(fault), "{member} {value}");
    }
    assert_eq!(fault(&with(okp(), "d", "AAAA"), Algorithm::EdDsa), JwkFault::Private);
    assert_eq!(fault(&json!({"kty": "oct", "k": "AAAA"}), Algorithm::Hs256), JwkFault::Type("oct".into()));
}

#[test]
fn numbers_that_are_no_key_are_refused() {
    for (jwk, algorithm, wanted) in [
        (with(okp(), "crv", "Ed448"), Algorithm::EdDsa, JwkFault::Curve("Ed448".into())),
        (with(okp(), "crv", "X25519"), Algorithm::EdDsa, JwkFault::Curve("X25519".into())),
        (with(ec(), "crv", "P-384"), Algorithm::Es256, JwkFault::NotFor(Algorithm::Es256)),
        (with(ec(), "crv", "P-384"), Algorithm::Es384, JwkFault::NoSuchKey),
        (with(ec(), "crv", "P-521"), Algorithm::Es512, JwkFault::NoSuchKey),
        (with(ec(), "crv", "secp256k1"), Algorithm::Es256, JwkFault::Curve("secp256k1".into())),
        (with(okp(), "x", "AAAA"), Algorithm::EdDsa, JwkFault::Member("x")),
        (with(okp(), "x", Value::Null), Algorithm::EdDsa, JwkFault::Member("x")),
        (with(ec(), "y", ec()["x"].clone()), Algorithm::Es256, JwkFault::NoSuchKey),
        (with(ec(), "y", ""), Algorithm::Es256, JwkFault::Member("y")),
        (with(ec(), "y", "AAAA"), Algorithm::Es256, JwkFault::Member("y")),
        (
            with(ec(), "y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0="),
            Algorithm::Es256,
            JwkFault::Member("y"),
        ),
        (with(rsa(), "n", "AQAB"), Algorithm::Rs256, JwkFault::RsaSize(17)),
        (with(rsa(), "n", ""), Algorithm::Rs256, JwkFault::NoSuchKey),
        (with(rsa(), "e", "AQ"), Algorithm::Rs256, JwkFault::RsaExponent),
        (with(rsa(), "e", "Aw"), Algorithm::Rs256, JwkFault::RsaExponent),
        (with(rsa(), "e", "AQAA"), Algorithm::Rs256, JwkFault::RsaExponent),
        (with(rsa(), "e", "AAAB"), Algorithm::Rs256, JwkFault::RsaExponent),
        (with(rsa(), "e", "_________________w"), Algorithm::Rs256, JwkFault::RsaExponent),
        (with(rsa(), "e", ""), Algorithm::Rs256, JwkFault::RsaExponent),
        (with(okp(), "kid", "a\nb"), Algorithm::EdDsa, JwkFault::Kid),
        (with(okp(), "kid", "a\u{85}"), Algorithm::EdDsa, JwkFault::Kid),
        (with(okp(), "kid", "k".repeat(513)), Algorithm::EdDsa, JwkFault::Kid),
    ] {
        assert_eq!(fault(&jwk, algorithm), wanted, "{jwk}");
    }
    let too_long = URL_SAFE_NO_PAD.encode([0xff; 1_025]);
    assert_eq!(fault(&with(rsa(), "n", too_long), Algorithm::Rs256), JwkFault::RsaSize(8_200));
}

#[test]
fn a_point_that_anybody_could_sign_for_is_no_key() {
    let of = |first: u8, between: u8, last: u8| {
        let mut point = [between; 32];
        (point[0], point[31]) = (first, last);
        point
    };
    let mut order_8 = [0; 32];
    let text = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    for (index, byte) in order_8.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap();
    }
    let small = [0, 1].map(|first| of(first, 0, 0));
    let large = [0xec, 0xed, 0xee].map(|first| of(first, 0xff, 0x7f));
    for mut point in small.into_iter().chain(large).chain([order_8]) {
        for sign in [0, 0x80] {
            point[31] = point[31] & 0x7f | sign;
            let jwk = with(okp(), "x", URL_SAFE_NO_PAD.encode(point));
            assert_eq!(fault(&jwk, Algorithm::EdDsa), JwkFault::NoSuchKey, "{jwk}");
        }
    }
}

#[test]
fn zeros_before_a_number_are_none_of_it() {
    let number = |jwk: &Value, name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    for (jwk, name, algorithm) in
        [(ec(), "x", Algorithm::Es256), (rsa(), "n", Algorithm::Rs512), (rsa(), "e", Algorithm::Rs512)]
    {
        let one = key(&jwk, algorithm).unwrap();
        let longer = [&[0, 0], number(&jwk, name).as_slice()].concat();
        let other = key(&with(jwk, name, URL_SAFE_NO_PAD.encode(longer)), algorithm).unwrap();
        assert!(one.same_key_as(&other) && one.thumbprint() == other.thumbprint(), "{name}");
    }
    // A point of P-256 whose x begins with a zero.
    let pair = || {
        let pair = aws_lc_rs::signature::EcdsaKeyPair::generate(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        );
        let point = super::super::signing_key::public_ec(&pair.unwrap()).unwrap();
        VerifyingKey::new(Algorithm::Es256, point).unwrap()
    };
    let one = std::iter::repeat_with(pair).find(|key| number(&key.jwk("a"), "x")[0] == 0).unwrap();
    let whole = one.jwk("a");
    let short = URL_SAFE_NO_PAD.encode(&number(&whole, "x")[1..]);
    assert!(key(&with(whole, "x", short), Algorithm::Es256).unwrap().same_key_as(&one));
}

#[test]
fn a_key_of_others_is_called_what_they_like() {
    for kid in ["did:web:example.com#key-1", "{0b1c}", "a b", "a|b?", "schl\u{fc}ssel", &"k".repeat(512)] {
        let read = Jwk::from_value(&with(okp(), "kid", kid)).unwrap();
        assert_eq!(read.kid(), Some(kid));
    }
    for none in [json!(""), Value::Null] {
        assert_eq!(Jwk::from_value(&with(okp(), "kid", none)).unwrap().kid(), None);
    }
}

#[test]
fn a_fault_quotes_what_others_wrote_in_one_short_line() {
    let long = format!("a\n\u{1b}[2J{}", "x".repeat(10_000));
    let said = fault(&with(okp(), "kty", long.as_str()), Algorithm::EdDsa).to_string();
    assert!(said.len() < 250 && !said.contains(char::is_control), "{said}");
}

#[test]
fn what_is_no_json_object_or_says_a_thing_twice_is_no_key() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"["OKP"]"#,
        r#"{"kty":7}"#,
        r#"{"kty":"OKP","kty":"OKP"}"#,
        r#"{"kty":"OKP","x":"a","x":"a"}"#,
        r#"{"kty":"OKP","key_ops":"verify"}"#,
        r#"{"kty":"OKP""#,
    ] {
        let read = Jwk::from_json(text.as_bytes());
        assert!(matches!(read, Err(JwkFault::Malformed(_))), "{text}: {read:?}");
    }
    // Not even in a member that nobody reads.
    let read = Jwk::from_json(b"{\"kty\":\"OKP\",\"note\":\"\xff\"}");
    assert!(matches!(read, Err(JwkFault::Malformed(_))), "{read:?}");
}
