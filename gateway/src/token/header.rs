//! The JOSE header: only what we sign ourselves is accepted (RFC 8725 §3.1, RFC 7515 §4.1.11).

use serde::Deserialize;

/// All members that a header of ours may have. Any other one (`crit`, `b64`, `jku`, `x5u`, `jwk`,
/// `x5c`, `zip`, `enc`, `cty`, and `kid`, as there is but one key) refuses the token, and a
/// member that occurs twice does so, too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    #[serde(default)]
    typ: Option<&'a str>,
}

/// Whether this decoded header says exactly HS256. The algorithm is pinned by the key: the header
/// may agree with it, and never choose it.
pub(super) fn says_hs256(decoded: &[u8]) -> bool {
    // A derived structure would also be read from an array, without its names.
    let is_object = decoded.trim_ascii_start().starts_with(b"{");
    is_object
        && serde_json::from_slice::<Header<'_>>(decoded).is_ok_and(|header| {
            header.alg == "HS256" && header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
