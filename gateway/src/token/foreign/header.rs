//! The JOSE header of a token of another issuer. It may have members that we do not know, since it
//! is not ours; none of them may change how the token is read, or bring its own key.

use serde_json::Value;

use super::json;
use crate::token::{Algorithm, is_kid};

/// What a header says that matters here. None of it is trusted: the algorithm must be that of the
/// key, and `kid` only chooses among keys that are known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<Box<str>>,
    pub(super) typ: Type,
}

/// What kind of token it says to be (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `JWT`, or nothing.
    Unsaid,
}

/// Members that would make it another thing than a plain signed token, or choose the key
/// (RFC 7515 §4.1, RFC 7516 §4.1, RFC 7797 §3). A token that has one is refused, not read.
const REFUSED: [&str; 11] = ["crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc", "cty", "epk", "p2c"];

pub(super) fn header(decoded: &[u8]) -> Option<Header> {
    let mut members = json::object(decoded)?;
    if REFUSED.iter().any(|name| members.contains_key(*name)) {
        return None;
    }
    let mut text = |name: &str| match members.remove(name) {
        None => Some(None),
        Some(Value::String(text)) => Some(Some(text.into_boxed_str())),
        Some(_) => None,
    };
    let (alg, kid, typ) = (text("alg")??, text("kid")?, text("typ")?);
    let typ = match typ.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("jwt" | "application/jwt") => Type::Unsaid,
        Some("at+jwt" | "application/at+jwt") => Type::AccessToken,
        Some(_) => return None,
    };
    let usual = kid.as_deref().is_none_or(is_kid);
    usual.then_some(Header { algorithm: Algorithm::named(&alg)?, kid, typ })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_may_have_unknown_members_and_none_that_change_how_it_is_read() {
        let read = |text: &str| header(text.as_bytes());
        let plain = read(r#"{"alg":"RS256","typ":"JWT","kid":"a","x5t":"b"}"#).unwrap();
        assert_eq!((plain.algorithm, plain.kid.as_deref()), (Algorithm::Rs256, Some("a")));
        assert_eq!(plain.typ, Type::Unsaid);
        for typed in [r#"{"alg":"ES256","typ":"at+jwt"}"#, r#"{"alg":"Ed25519","typ":"application/AT+JWT"}"#]
        {
            assert_eq!(read(typed).unwrap().typ, Type::AccessToken, "{typed}");
        }
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(129));
        for wrong in [
            "{}",
            r#"{"alg":1}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":null}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256","kid":""}"#,
            r#"{"alg":"RS256","typ":"JOSE"}"#,
            r#"{"alg":"RS256","typ":"logout+jwt"}"#,
            r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","b64":true}"#,
            r#"{"alg":"RS256","jku":"https://a.example"}"#,
            r#"{"alg":"RS256","jwk":{}}"#,
            r#"{"alg":"RS256","x5u":"https://a.example"}"#,
            r#"{"alg":"RS256","x5c":[]}"#,
            r#"{"alg":"RS256","zip":"DEF"}"#,
            r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#,
            r#"{"alg":"RS256","cty":"JWT"}"#,
            r#"["RS256"]"#,
            "",
            &long,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
