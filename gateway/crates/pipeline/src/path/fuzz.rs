//! Any bytes as a request target: what has a canonical form means what was sent, to every reader alike.

use http::uri::PathAndQuery;
use proptest::prelude::*;

use super::{canonical, parts};
use gateway_fuzz::{Corpus, Held};

/// Percent-decoding, once (RFC 3986 §2.1). What is no escape stays.
fn decoded(text: &str) -> Vec<u8> {
    let digits = |text: &[u8]| u8::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok();
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        let escape = behind.get(..2).filter(|two| *first == b'%' && two.iter().all(u8::is_ascii_hexdigit));
        bytes.push(escape.and_then(digits).unwrap_or(*first));
        rest = if escape.is_some() { &behind[2..] } else { behind };
    }
    bytes
}

fn law(bytes: &[u8]) -> Held {
    let Ok(sent) = std::str::from_utf8(bytes) else { return Ok(false) };
    let Ok(found) = canonical(sent) else { return Ok(false) };
    let (path, query) = parts(found.as_str());
    let (path_sent, query_sent) = parts(sent);
    prop_assert_eq!(path, found.path());
    prop_assert_eq!(&canonical(found.as_str()).ok(), &Some(found.clone()), "it has another form yet");
    prop_assert!(found.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{}", found.as_str());
    prop_assert_eq!(decoded(path), decoded(path_sent), "{} is another path", path);
    prop_assert_eq!(query.map(decoded), query_sent.map(decoded), "{:?} is another query", query);

    let segments: Vec<_> = path.split('/').skip(1).collect();
    for (segment, place) in segments.iter().zip(1..) {
        let meant = decoded(segment);
        prop_assert!(!segment.is_empty() || place == segments.len(), "an empty segment in {}", path);
        prop_assert!(meant != b"." && meant != b"..", "a dot segment in {}", path);
        let divides = |byte: &u8| b"/\\;".contains(byte) || byte.is_ascii_control();
        prop_assert!(!meant.iter().any(divides), "{} could be two segments", segment);
    }

    // hyper's reader, and the WHATWG's, which resolves what it takes for a dot segment.
    let read = found.as_str().parse::<PathAndQuery>().unwrap();
    prop_assert_eq!(read.as_str(), found.as_str());
    let read = reqwest::Url::parse(&format!("http://a.example{}", found.as_str())).unwrap();
    prop_assert_eq!(read.path(), path);
    prop_assert_eq!(read.query().map(decoded), query.map(decoded));
    Ok(true)
}

#[test]
fn a_target_that_has_a_canonical_form_is_the_same_to_everybody() {
    Corpus::new("request_target").hold(law);
}
