//! What is written is read back, and what operators have is read as they mean it.

use serde_json::{Value, json};

use super::*;

const LATER: Timestamp = Timestamp::from_millis(1_800_000_000_007);
const UNDATED: Timestamp = Timestamp::from_seconds(7);

/// RFC 8037 A.1.
fn okp() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

/// RFC 7515 A.3.
fn ec() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    })
}

/// RFC 7515 A.2.
fn rsa() -> Value {
    json!({
        "kty": "RSA", "e": "AQAB",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "d": "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        "p": "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        "q": "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        "dp": "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        "dq": "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        "qi": "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuMm-9sVLyl5YvS7mjgFPxNkfZEnqNlHVfMHqYMVA",
    })
}

fn read(text: &str) -> Result<DatedKey, KeyFileFault> {
    DatedKey::read(text.as_bytes(), UNDATED)
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> String {
    jwk[name] = value.into();
    jwk.to_string()
}

#[test]
fn what_is_written_is_read_back_with_its_name_and_its_time() {
    for algorithm in Algorithm::OWN.into_iter().skip(1) {
        let made = DatedKey::generate(algorithm, LATER).unwrap();
        let text = made.write().unwrap();
        let again = read(&text).unwrap();
        assert_eq!((&again.kid, again.begins_at), (&made.kid, LATER));
        assert_eq!(again.key.algorithm(), algorithm);
        assert!(again.key.public().same_key_as(made.key.public()));
        assert!(text.contains("\nSigns from: 2027-01-15T08:00:00.007Z\n"), "{algorithm}");
    }
}

#[test]
fn pem_without_lines_before_it_is_named_by_its_thumbprint() {
    let made = DatedKey::generate(Algorithm::Rs256, LATER).unwrap();
    let text = made.write().unwrap();
    let bare = &text[text.find("-----BEGIN").unwrap()..];
    let again = read(bare).unwrap();
    assert_eq!((&again.kid, again.begins_at), (&made.kid, UNDATED));
    assert_eq!(again.key.algorithm(), Algorithm::Rs256);
    let other = read(&format!("Algorithm: PS256\nKey: spring\n\n{bare}")).unwrap();
    assert_eq!((other.kid.as_str(), other.key.algorithm()), ("spring", Algorithm::Ps256));
}

#[test]
fn json_web_keys_are_read_when_both_their_parts_belong_together() {
    for (jwk, algorithm) in [(okp(), Algorithm::EdDsa), (ec(), Algorithm::Es256)] {
        let key = read(&jwk.to_string()).unwrap();
        assert_eq!((key.key.algorithm(), key.begins_at), (algorithm, UNDATED));
        assert_eq!(key.kid, key.key.public().thumbprint());
        let dated = read(&with(jwk.clone(), "nbf", 9)).unwrap();
        assert_eq!(dated.begins_at, Timestamp::from_seconds(9));
        assert_eq!(read(&with(jwk.clone(), "kid", "spring")).unwrap().kid, "spring");
        for (name, value) in [
            ("x", json!("xxDaGHN_Rgq04bMtRNGbvfEDUWjlVxGmFp-Qb8DFCWY")),
            ("d", json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2B")),
            ("d", json!("AAAA")),
            ("d", Value::Null),
            ("use", json!("enc")),
            ("key_ops", json!(["verify"])),
            ("alg", json!("HS256")),
            ("alg", json!("RS256")),
            ("kid", json!("a b")),
            ("crv", json!("P-521")),
        ] {
            assert!(read(&with(jwk.clone(), name, value.clone())).is_err(), "{name} {value}");
        }
        let noted = with(jwk.clone(), "note", "?").replace('?', "\u{ff}");
        assert!(read(&noted).is_ok());
        let latin: Vec<u8> = noted.chars().map(|letter| letter as u8).collect();
        assert!(DatedKey::read(&latin, UNDATED).is_err());
    }
}

#[test]
fn a_json_web_key_of_rsa_says_by_its_alg_which_padding_it_is_for() {
    let pair = SigningKey::generate(Algorithm::Rs256).unwrap();
    let public = pair.public().jwk("a");
    assert!(matches!(read(&public.to_string()), Err(KeyFileFault::Jwk(_) | KeyFileFault::Key(_))));
    assert!(read(&with(rsa(), "d", rsa()["p"].clone())).is_err());
    assert!(read(&with(rsa(), "oth", json!([]))).is_err());
}

#[test]
fn a_file_that_is_no_key_is_refused_and_its_contents_are_not_repeated() {
    let good = DatedKey::generate(Algorithm::EdDsa, LATER).unwrap().write().unwrap();
    let block = &good[good.find("-----BEGIN").unwrap()..];
    for text in [
        String::new(),
        "not a key".to_owned(),
        "{}".to_owned(),
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":7}".to_owned(),
        "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}".to_owned(),
        with(okp(), "kty", "EC"),
        good[..good.len() / 2].to_owned(),
        format!("{block}{block}"),
        block.replace("PRIVATE KEY", "PUBLIC KEY"),
        block.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        block.replace("MC4C", "MC5C"),
        format!("Algorithm: ES256\n{block}"),
        format!("Algorithm: none\n{block}"),
        format!("Signs from: soon\n{block}"),
        format!("Key: a b\n{block}"),
    ] {
        let fault = read(&text).err().map(|fault| fault.to_string());
        let fault = fault.unwrap_or_else(|| panic!("{text} was read"));
        assert!(!fault.contains("nWGxne") && !fault.contains("MC4C"), "{fault}");
    }
}
