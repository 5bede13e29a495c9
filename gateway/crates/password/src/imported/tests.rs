//! What is read as a hash, and what it takes for right.

use super::*;

/// By Django 5.2, bcrypt 5.0 and argon2-cffi 25.1, of `Correct1`.
const MADE: [(&str, &str); 4] = [
    (
        "scrypt:16384:8:5",
        "scrypt$16384$xARNj1UV7MV7qTK2vE2zFi$8$5$ZGbfR/j49nvRYP9p0lfg71PyMzrFTs1tTM4eBmYEKl8PprHPC4FTwaroFCVYaajb0pFV0efJJdc11ehHkz7ooQ==",
    ),
    ("bcrypt:4", "$2a$04$SfqSRm3HqNkxbUyGxM7K0uZC2T8gpUQiR8awy2vu4f8qkTErrj4qS"),
    (
        "argon2id:m=65536,t=3,p=4",
        "$argon2id$v=19$m=65536,t=3,p=4$G5mjrDJ6uG18+Ar2wqvP+Q$rhCb3Ojvy7BpLIpZZVoXWpxyaLss9SJrhr6VwJVqnrA",
    ),
    (
        "argon2id:m=102400,t=2,p=8",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$cnZIVGc3Tng0T0ZHdzJ2eEp0Y1VOOA$clUgoJCbPrppPeVWX1iC3zg+gFqCs/4S5N00NFJfIuw",
    ),
];

#[test]
fn what_others_made_is_verified() {
    for (method, text) in MADE {
        let hash = ImportedHash::parse(text).unwrap();
        assert_eq!(hash.method().to_string(), method);
        assert!(hash.verify(b"Correct1"), "{text}");
        assert!(!hash.verify(b"Correct2"), "{text}");
        assert_eq!(format!("{hash:?}"), format!("ImportedHash({method}$…)"));
    }
}

#[test]
fn a_hash_is_whole_or_none() {
    let werkzeug = format!("pbkdf2:sha256:1000$salt${}", "ab".repeat(32));
    let django = format!("pbkdf2_sha256$1000$salt${}=", "A".repeat(43));
    let others = MADE.iter().map(|(_, text)| (*text).to_owned());
    for right in others.chain([werkzeug.clone(), django.clone()]) {
        assert!(ImportedHash::parse(&right).is_ok(), "{right}");
        // Wherever it is cut, and whatever is behind it. Those of argon2 may have several lengths.
        let cut = if right.contains("argon2") { right.rfind('$').unwrap() } else { right.len() };
        for end in 0..cut {
            assert!(ImportedHash::parse(&right[..end]).is_err(), "{}", &right[..end]);
        }
        for more in ["$", "$x", "0", "00", "=", " ", "\n", "ß"] {
            assert!(ImportedHash::parse(&format!("{right}{more}")).is_err(), "{right}{more}");
        }
        assert!(ImportedHash::parse(&format!(" {right}")).is_err());
    }
    for wrong in [
        "",
        "$$",
        "plain",
        "!KVJlgSDu8TCrSQDCB14a8UUxen7iLEGI8bPbB8x5",
        "md5$salt$d41d8cd98f00b204e9800998ecf8427e",
        &werkzeug.replace("ab", "zz"),
        &werkzeug.replace("salt", ""),
        &werkzeug.replace("salt", &"s".repeat(65)),
        &django.replace("salt", ""),
        &django.replace("1000", "0"),
        &django.replace("1000", "2000001"),
        &django.replace("sha256", "sha512"),
        &MADE[0].1.replace("16384", "1048576"),
        &MADE[0].1.replace("16384", "16383"),
        &MADE[1].1.replace("2a", "2x"),
        &MADE[1].1.replace("$04$", "$4$"),
        &MADE[1].1.replace("$04$", "$15$"),
        &MADE[1].1.replace("$04$", "$03$"),
        &MADE[1].1.replace("$04$", "$+4$"),
        &MADE[1].1.replace("SfqSR", "Sfq=R"),
        &MADE[2].1.replace("argon2id", "argon2d"),
        &MADE[2].1.replace("v=19", "v=16"),
        &MADE[2].1.replace("$v=19", ""),
        &MADE[2].1.replace("m=65536", "m=1048576"),
        &MADE[2].1.replace("G5mjrDJ6uG18+Ar2wqvP+Q", "G5mj"),
    ] {
        assert!(ImportedHash::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn to_bcrypt_a_password_ends_after_72_bytes_and_has_no_nul() {
    let hash_of = |password: &[u8]| {
        let method = Method::bcrypt(4).unwrap();
        let hash = method.derive(password, b"sixteen bytes ok", 23).unwrap();
        ImportedHash::new(method, b"sixteen bytes ok", hash).unwrap()
    };
    let long = "x".repeat(73);
    assert!(hash_of(long.as_bytes()).verify(&long.as_bytes()[..72]));
    assert!(!hash_of(long.as_bytes()).verify(&long.as_bytes()[..71]));
    assert!(hash_of(b"Correct1").verify(b"Correct1"));
    assert!(!hash_of(b"Correct1").verify(b"Correct1\0Correct1"));
    assert!(!hash_of(b"Correct1").verify(b"Correct1\0"));
    assert!(!hash_of(b"").verify(b"\0"));
}
