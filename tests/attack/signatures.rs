//! Tokens whose signature, or the text that was signed, was changed in the smallest way.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Siege;
use super::tokens::{all_are, good, named, passes};
use crate::support::forge::{access, access_claims, encode, sign_text, with};
use crate::support::gateway::ACCESS_KEY;

#[test]
fn a_signature_has_one_spelling_and_any_other_is_refused() {
    let siege = Siege::begin();
    // A signature in which both of base64url's own letters occur.
    let token = std::iter::repeat_with(|| access(&access_claims(&siege.ada)))
        .find(|token| {
            let tag = token.rsplit('.').next().unwrap();
            tag.contains('-') && tag.contains('_')
        })
        .unwrap();
    let (message, tag) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let signed = |tag: &str| format!("{message}.{tag}");
    let other = if tag.starts_with('A') { "B" } else { "A" };
    let mut cases = named([
        ("empty", signed("")),
        ("one character less", signed(&tag[..42])),
        ("half", signed(&tag[..22])),
        ("first only", signed(&tag[..1])),
        ("one character more", signed(&format!("{tag}A"))),
        ("twice", signed(&format!("{tag}{tag}"))),
        ("first altered", signed(&format!("{other}{}", &tag[1..]))),
        ("padded", signed(&format!("{tag}="))),
        ("padded twice", signed(&format!("{tag}=="))),
        ("escaped padding", signed(&format!("{tag}%3D"))),
        ("standard alphabet", signed(&tag.replace('-', "+").replace('_', "/"))),
        ("only the plus", signed(&tag.replace('-', "+"))),
        ("only the slash", signed(&tag.replace('_', "/"))),
        ("lower case", signed(&tag.to_lowercase())),
        ("hexadecimal", signed(&"ab".repeat(32))),
        ("escaped", signed(&tag.replace('-', "%2D"))),
        ("quoted", format!("\"{token}\"")),
        ("with a comma", format!("{token},")),
        ("twice with a comma", format!("{token},{token}")),
        ("one part", header.into()),
        ("two parts", message.into()),
        ("two parts, other", format!("{payload}.{tag}")),
        ("four parts", format!("{token}.{tag}")),
        ("four parts, empty last", format!("{token}.")),
        ("empty first", format!(".{token}")),
        ("five parts, as a JWE", format!("{header}.{payload}.{tag}.{tag}.{tag}")),
        ("five parts, empty ones", format!("{token}..")),
        ("dots", "..".into()),
        ("dots only", "....".into()),
        ("one dot", ".".into()),
        ("no header", format!(".{payload}.{tag}")),
        ("no payload", format!("{header}..{tag}")),
        ("the parts exchanged", format!("{payload}.{header}.{tag}")),
        ("nested", sign_text(r#"{"alg":"HS256","cty":"JWT"}"#, &token, ACCESS_KEY)),
        ("a token as claims", sign_text(r#"{"alg":"HS256"}"#, &token, ACCESS_KEY)),
    ]);
    // 43 characters carry 258 bits for 256: two bits of the last one are to be zero.
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = letters.find(&tag[42..]).unwrap();
    assert_eq!(last % 4, 0);
    for stray in 1..4 {
        let letter = letters.as_bytes()[last + stray] as char;
        cases.push((format!("stray bits {stray}"), signed(&format!("{}{letter}", &tag[..42]))));
    }
    all_are(&siege, "token_invalid", &cases);
    passes(&siege, "the token itself", &token);
}

#[test]
fn every_bit_of_a_token_counts() {
    let siege = Siege::begin();
    let token = access(&good(&siege));
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let cases: Vec<_> = (0..token.len())
        .step_by(3)
        .map(|index| {
            let mut bytes = token.clone().into_bytes();
            let place = letters.iter().position(|letter| *letter == bytes[index]).unwrap_or(7);
            bytes[index] = letters[(place + 1) % 64];
            (format!("character {index} altered"), String::from_utf8(bytes).unwrap())
        })
        .collect();
    all_are(&siege, "token_invalid", &cases);
}

#[test]
fn parts_that_are_not_strict_base64url_are_refused_even_when_signed() {
    let siege = Siege::begin();
    let claims = with(good(&siege), "padding", json!("??>>~~"));
    let header = r#"{"alg":"HS256" }"#;
    let signed = |header: String, payload: String| {
        let message = format!("{header}.{payload}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, ACCESS_KEY.as_bytes()), message.as_bytes());
        format!("{message}.{}", encode(tag))
    };
    let (first, second) = (encode(header), encode(claims.to_string()));
    passes(&siege, "the same in strict base64url", &signed(first.clone(), second.clone()));
    let standard = |text: &str| STANDARD.encode(text);
    all_are(
        &siege,
        "token_invalid",
        &named([
            ("a padded header", signed(standard(header), second.clone())),
            ("padded claims", signed(first.clone(), format!("{second}=="))),
            ("claims in the standard alphabet", signed(first.clone(), standard(&claims.to_string()))),
            ("a header in plain JSON", signed(header.replace(' ', ""), second.clone())),
            ("claims in plain JSON", signed(first.clone(), claims.to_string().replace(' ', ""))),
            ("an escaped dot", signed(first.clone(), second.clone()).replace('.', "%2E")),
            (
                "hexadecimal claims",
                signed(first, claims.to_string().bytes().map(|byte| format!("{byte:02x}")).collect()),
            ),
        ]),
    );
}
