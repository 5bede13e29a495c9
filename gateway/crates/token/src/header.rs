//! The JOSE header: only what we sign ourselves is accepted (RFC 8725 §3.1, RFC 7515 §4.1.11).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Algorithm;
use super::jwk::is_kid;

/// All members that a header of ours may have. Any other one (`crit`, `b64`, `jku`, `x5u`, `jwk`,
/// `x5c`, `zip`, `enc`, `cty`) refuses the token, and a member that occurs twice does so, too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header<'a> {
    pub(super) alg: &'a str,
    #[serde(default)]
    typ: Option<&'a str>,
    #[serde(default)]
    pub(super) kid: Option<&'a str>,
}

impl Header<'_> {
    /// Whether it says exactly this. The algorithm is pinned by the key: the header may agree with
    /// it, and never choose it. `kid` is there where keys have names, and only there.
    pub(super) fn says(&self, algorithm: Algorithm, kid: Option<&str>) -> bool {
        self.alg == algorithm.name() && self.kid == kid
    }
}

/// The header, if it is one that we could have written.
pub(super) fn read(decoded: &[u8]) -> Option<Header<'_>> {
    let text = std::str::from_utf8(decoded).ok()?;
    // A derived structure would also be read from an array, without its names.
    text.trim_ascii_start().starts_with('{').then_some(())?;
    let header: Header<'_> = serde_json::from_str(text).ok()?;
    let usual = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    (usual && header.kid.is_none_or(is_kid)).then_some(header)
}

/// The header of a token that a named key signs, encoded. Neither name needs escaping.
pub(super) fn write(algorithm: Algorithm, kid: &str) -> String {
    typed("JWT", algorithm, kid)
}

/// The same for another type than a plain token's (RFC 8725 §3.11).
pub(super) fn typed(typ: &str, algorithm: Algorithm, kid: &str) -> String {
    let text = format!(r#"{{"typ":"{typ}","alg":"{algorithm}","kid":"{kid}"}}"#);
    URL_SAFE_NO_PAD.encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says_hs256(decoded: &[u8]) -> bool {
        read(decoded).is_some_and(|header| header.says(Algorithm::Hs256, None))
    }

    #[test]
    fn only_the_plain_header_of_the_pinned_algorithm_is_accepted() {
        for right in
            [r#"{"alg":"HS256"}"#, r#"{"typ":"JWT","alg":"HS256"}"#, r#"{ "alg" : "HS256", "typ":"jwt" }"#]
        {
            assert!(says_hs256(right.as_bytes()), "{right}");
        }
        for wrong in [
            r#"{}"#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":null}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"NONE"}"#,
            r#"{"alg":"nOnE"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":"HS384"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"HS256 "}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"none","alg":"HS256"}"#,
            r#"{"alg":"HS256","typ":"JWE"}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","jku":"https://a.example"}"#,
            r#"{"alg":"HS256","kid":"../../dev/null"}"#,
            r#"{"alg":"HS256","jwk":{}}"#,
            r#"{"alg":"HS256","zip":"DEF"}"#,
            r#"{"alg":"HS256","cty":"JWT"}"#,
            r#"{"alg":"HS256","x5c":[]}"#,
            r#"["HS256"]"#,
            r#""HS256""#,
            "",
            "\u{0}",
            r#"{"alg":"HS256"}{}"#,
            "\u{feff}{\"alg\":\"HS256\"}",
        ] {
            assert!(!says_hs256(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_has_a_name_is_named_exactly() {
        let says =
            |text: &str| read(text.as_bytes()).is_some_and(|header| header.says(Algorithm::EdDsa, Some("a")));
        for right in [r#"{"alg":"EdDSA","kid":"a"}"#, r#"{"kid":"a","typ":"JWT","alg":"EdDSA"}"#] {
            assert!(says(right), "{right}");
        }
        for wrong in [
            r#"{"alg":"EdDSA"}"#,
            r#"{"alg":"EdDSA","kid":null}"#,
            r#"{"alg":"EdDSA","kid":""}"#,
            r#"{"alg":"EdDSA","kid":"b"}"#,
            r#"{"alg":"EdDSA","kid":"A"}"#,
            r#"{"alg":"EdDSA","kid":"a "}"#,
            r#"{"alg":"EdDSA","kid":"\u0061"}"#,
            r#"{"alg":"EdDSA","kid":"a","kid":"a"}"#,
            r#"{"alg":"EdDSA","kid":["a"]}"#,
            r#"{"alg":"EdDSA","kid":0}"#,
            r#"{"alg":"HS256","kid":"a"}"#,
            r#"{"alg":"none","kid":"a"}"#,
            r#"{"alg":"EdDSA","kid":"a","jwk":{}}"#,
            r#"{"alg":"EdDSA","kid":"a","jku":"https://a.example"}"#,
            r#"{"alg":"EdDSA","kid":"a","x5u":"https://a.example"}"#,
            r#"{"alg":"EdDSA","kid":"a","crit":["b64"],"b64":false}"#,
        ] {
            assert!(!says(wrong), "{wrong}");
        }
        for no_kid in ["..\\dev\\null", "a\\u0000", "a b", "'or'1'='1", "ä", &"k".repeat(129)] {
            let header = format!(r#"{{"alg":"EdDSA","kid":"{no_kid}"}}"#);
            assert!(read(header.as_bytes()).is_none(), "{header}");
        }
    }
}
