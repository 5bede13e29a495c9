//! Any bytes as cookies: ours are those that a plain reading finds, and none of them goes on or is planted.

use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use http::{HeaderMap, HeaderName};
use proptest::prelude::*;

use super::{ACCESS, CSRF, CookieTokens, REFRESH, drop_set, take_out};
use gateway_fuzz::{Corpus, Held};
use gateway_token::RawToken;

const SPACE: [char; 2] = [' ', '\t'];

/// A field as text, each byte a character.
fn text(field: &HeaderValue) -> String {
    field.as_bytes().iter().copied().map(char::from).collect()
}

fn field(text: &str) -> HeaderValue {
    let bytes: Vec<u8> = text.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
    HeaderValue::from_bytes(&bytes).unwrap()
}

fn sent(name: &HeaderName, fields: impl IntoIterator<Item = HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(name, field);
    }
    headers
}

fn name(piece: &str) -> &str {
    piece.split('=').next().unwrap_or_default().trim_matches(SPACE)
}

fn is_ours(piece: &str) -> bool {
    [ACCESS, REFRESH, CSRF].contains(&name(piece))
}

/// The value of the one cookie of this name that a token can have; none where there are two.
fn only(fields: &[String], wanted: &str) -> Result<Option<String>, ()> {
    let pieces = fields.iter().flat_map(|field| field.split(';'));
    let named = pieces.filter(|piece| piece.contains('=') && name(piece) == wanted);
    let values: Vec<_> = named.map(|piece| piece.split_once('=').unwrap().1.trim_matches(SPACE)).collect();
    match values[..] {
        [] => Ok(None),
        [value] => Ok((value.is_ascii() && !value.is_empty()).then(|| value.to_owned())),
        _ => Err(()),
    }
}

fn without_ours(field: &str) -> Option<String> {
    let others: Vec<_> = field.split(';').filter(|piece| !is_ours(piece)).collect();
    let rest = others.join(";").trim_matches(SPACE).to_owned();
    (!rest.is_empty()).then_some(rest)
}

/// What a browser that keeps what it is given sends back (RFC 6265bis §5.6, §5.8.3).
fn sent_back(set: &str) -> Option<String> {
    let pair = set.split(';').next()?;
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    match (name.trim_matches(SPACE), value.trim_matches(SPACE)) {
        ("", "") => None,
        ("", value) => Some(value.to_owned()),
        (name, value) => Some(format!("{name}={value}")),
    }
}

fn law(bytes: &[u8]) -> Held {
    let fields: Result<Vec<_>, _> = bytes.split(|byte| *byte == b'\n').map(HeaderValue::from_bytes).collect();
    let Ok(fields) = fields else { return Ok(false) };
    let mut headers = sent(&COOKIE, fields.clone());
    let texts: Vec<String> = fields.iter().map(text).collect();
    let carried = CookieTokens::read((&headers).into());
    match (only(&texts, ACCESS), only(&texts, REFRESH)) {
        (Ok(access), Ok(refresh)) => {
            let read = carried.as_ref().map_err(|_| TestCaseError::fail("nothing occurs twice"))?;
            let (read_access, read_refresh) = read.map_or((None, None), |read| (read.access, read.refresh));
            prop_assert!(
                read_access == access.as_deref().map(RawToken::new),
                "another one than {:?}",
                access
            );
            prop_assert_eq!(read_refresh, refresh.as_deref());
        }
        _ => prop_assert!(carried.is_err(), "one of two was chosen"),
    }
    let is_taken = matches!(carried, Ok(Some(_)));

    let left: Vec<String> = match texts.iter().flat_map(|field| field.split(';')).any(is_ours) {
        true => texts.iter().filter_map(|field| without_ours(field)).collect(),
        false => texts.clone(),
    };
    take_out(&mut headers);
    prop_assert_eq!(headers.get_all(COOKIE).iter().map(text).collect::<Vec<_>>(), left);

    let mut answer = sent(&SET_COOKIE, fields);
    drop_set(&mut answer);
    let kept = answer.get_all(SET_COOKIE).iter().map(text);
    let back = kept.filter_map(|set| sent_back(&set)).collect::<Vec<_>>().join("; ");
    prop_assert!(!back.split(';').any(is_ours), "an upstream planted {}", back);
    prop_assert!(matches!(CookieTokens::read((&sent(&COOKIE, [field(&back)])).into()), Ok(None)));
    Ok(is_taken)
}

#[test]
fn our_cookies_are_those_of_a_plain_reading_and_nobody_else_gets_or_sets_them() {
    Corpus::new("cookie").hold(law);
}
