//! Which key signs when, and how long each verifies.

use std::sync::Arc;

use secrecy::SecretSlice;

use super::*;
use crate::{AccessGrant, Algorithm, Issuer, RawToken, TokenFault, TokenTerms, jwks};
use gateway_identity::{Email, Generation, InstallationId, Role, SessionId, UserId};

const HOUR: Duration = Duration::from_secs(3_600);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(4_000_000_000 + seconds)
}

fn key(kid: &str, begins: u64) -> DatedKey {
    DatedKey { kid: kid.to_owned(), ..DatedKey::generate(Algorithm::EdDsa, at(begins)).unwrap() }
}

fn secret(text: &str) -> HmacKey {
    HmacKey::new(&SecretSlice::from(text.as_bytes().to_vec())).unwrap()
}

fn former(text: &str, verifies_until: Option<Timestamp>) -> Secret {
    Secret { key: secret(text), source: String::new(), verifies_until }
}

fn ring(keys: Vec<DatedKey>) -> KeyRing {
    KeyRing::new(SignBy::Key, Vec::new(), keys, HOUR).unwrap()
}

fn issuer(access_keys: KeyRing) -> Issuer {
    let terms = TokenTerms {
        access_keys: Arc::new(access_keys),
        refresh_keys: Arc::new(ring(vec![key("refresh", 0)])),
        issuer: "gateway".into(),
        audience: None,
        access_lifetime: HOUR,
        refresh_lifetime: HOUR * 24,
    };
    Issuer { terms, installation: InstallationId::from_bytes([7; 16]) }
}

fn token(issuer: &Issuer, now: Timestamp) -> String {
    let email = Email::parse("ada@example.org").unwrap();
    let (user, session) = (UserId::new(7).unwrap(), SessionId::random());
    let grant = AccessGrant { user, email: &email, role: Role::User, session, generation: Generation(0) };
    issuer.access(grant, now).unwrap()
}

fn verdict(issuer: &Issuer, token: &str, now: Timestamp) -> Result<(), TokenFault> {
    issuer.verifier().verify(RawToken::new(token), now).map(drop)
}

fn states(ring: &KeyRing, now: Timestamp) -> Vec<(&str, KeyState)> {
    ring.states(now).map(|(key, state)| (key.dated.kid.as_str(), state)).collect()
}

#[test]
fn the_last_key_that_has_begun_signs_and_the_one_before_verifies_until_its_tokens_ended() {
    use KeyState::{Current, Next, Over, Previous};
    let ring = ring(vec![key("b", 1_000), key("a", 0), key("c", 9_000)]);
    for (now, wanted) in [
        (0, [Current, Next, Next]),
        (999, [Current, Next, Next]),
        (1_000, [Previous, Current, Next]),
        (4_599, [Previous, Current, Next]),
        (4_600, [Over, Current, Next]),
        (9_000, [Over, Previous, Current]),
        (12_600, [Over, Over, Current]),
        (99_999_999, [Over, Over, Current]),
    ] {
        let wanted: Vec<_> = ["a", "b", "c"].into_iter().zip(wanted).collect();
        assert_eq!(states(&ring, at(now)), wanted, "{now}");
    }
}

#[test]
fn a_lone_key_signs_before_its_time_and_keys_of_the_same_time_all_verify() {
    let lone = ring(vec![key("a", 500)]);
    assert_eq!(states(&lone, at(0)), [("a", KeyState::Current)]);
    let tied = ring(vec![key("b", 0), key("a", 0)]);
    assert_eq!(states(&tied, at(99_999)), [("a", KeyState::Previous), ("b", KeyState::Current)]);
}

#[test]
fn what_the_previous_key_signed_is_good_until_it_ends_and_not_a_moment_longer() {
    let issuer = issuer(ring(vec![key("a", 0), key("b", 1_000)]));
    let old = token(&issuer, at(999));
    let new = token(&issuer, at(1_000));
    assert_ne!(old.split('.').next(), new.split('.').next());
    for now in [1_000, 4_598] {
        assert_eq!(verdict(&issuer, &old, at(now)), Ok(()), "{now}");
    }
    assert_eq!(verdict(&issuer, &old, at(4_599)), Err(TokenFault::Expired));
    assert_eq!(verdict(&issuer, &new, at(4_599)), Ok(()));
    // The old key is good for no forgery once its time is over.
    let thief = super::tests::issuer(KeyRing {
        sign_by: SignBy::Key,
        secrets: Vec::new(),
        keys: Arc::into_inner(issuer.terms.access_keys).unwrap().keys.into_iter().take(1).collect(),
    });
    let forged = token(&thief, at(5_000));
    let honest = super::tests::issuer(ring(vec![key("b", 1_000)]));
    assert_eq!(verdict(&honest, &forged, at(5_001)), Err(TokenFault::Invalid));
}

#[test]
fn a_key_that_is_over_verifies_nothing_although_it_is_still_there() {
    let both = ring(vec![key("a", 0), key("b", 1_000)]);
    let header = both.keys[0].header.clone();
    assert!(both.by_header(&header, at(4_599)).is_some());
    assert!(both.by_header(&header, at(4_600)).is_none());
}

#[test]
fn keys_of_the_same_name_and_the_same_key_twice_are_refused() {
    let twice = |keys| KeyRing::new(SignBy::Key, Vec::new(), keys, HOUR).err();
    assert_eq!(twice(vec![key("a", 0), key("a", 1)]), Some(RingFault::Twice("a".into())));
    let one = key("a", 0);
    let copy = DatedKey::read(one.write().unwrap().as_bytes(), at(0)).unwrap();
    let copy = DatedKey { kid: "b".into(), ..copy };
    assert_eq!(twice(vec![one, copy]), Some(RingFault::Twice("a".into())));
    assert_eq!(twice(Vec::new()), Some(RingFault::Empty));
    let no_secret = KeyRing::new(SignBy::Secret, Vec::new(), vec![key("a", 0)], HOUR);
    assert_eq!(no_secret.err(), Some(RingFault::Empty));
}

#[test]
fn a_secret_that_was_replaced_verifies_and_never_signs() {
    let old = issuer(KeyRing::of_secret(secret("the old secret: 0123456789abcdef")));
    let secrets = vec![
        former("the new secret: 0123456789abcdef", None),
        former("the old secret: 0123456789abcdef", Some(at(3_600))),
    ];
    let new = issuer(KeyRing::new(SignBy::Secret, secrets, Vec::new(), HOUR).unwrap());
    let (before, after) = (token(&old, at(0)), token(&new, at(0)));
    assert_eq!(verdict(&new, &before, at(3_599)), Ok(()));
    assert_eq!(verdict(&new, &token(&old, at(3_600)), at(3_601)), Err(TokenFault::Invalid));
    assert_eq!(verdict(&old, &after, at(1)), Err(TokenFault::Invalid));
}

#[test]
fn a_change_of_the_algorithm_ends_nothing() {
    let by_secret = issuer(KeyRing::of_secret(secret("the old secret: 0123456789abcdef")));
    let old = token(&by_secret, at(0));
    let kept = || vec![former("the old secret: 0123456789abcdef", None)];
    let to_keys = issuer(KeyRing::new(SignBy::Key, kept(), vec![key("a", 0)], HOUR).unwrap());
    let new = token(&to_keys, at(0));
    assert!(new.len() > old.len());
    assert_eq!(verdict(&to_keys, &old, at(1)), Ok(()));
    let keys = Arc::into_inner(to_keys.terms.access_keys).unwrap().keys;
    let dated = keys.into_iter().map(|key| key.dated).collect();
    let back = issuer(KeyRing::new(SignBy::Secret, kept(), dated, HOUR).unwrap());
    assert_eq!(verdict(&back, &new, at(1)), Ok(()));
    assert_eq!(token(&back, at(1)).split('.').next(), old.split('.').next());
}

#[test]
fn every_algorithm_signs_what_it_verifies_and_others_publish_it() {
    for algorithm in Algorithm::OWN.into_iter().skip(1) {
        let dated = DatedKey::generate(algorithm, at(0)).unwrap();
        let issuer = issuer(ring(vec![dated]));
        let token = token(&issuer, at(0));
        assert_eq!(verdict(&issuer, &token, at(1)), Ok(()), "{algorithm}");
        let published = jwks([&*issuer.terms.access_keys], at(0));
        assert_eq!(published["keys"][0]["alg"], algorithm.name());
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(published["keys"][0].get(private).is_none(), "{algorithm} {private}");
        }
    }
}
