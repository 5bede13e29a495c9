//! The JOSE header of a token of another issuer. It may have members that we do not know, since it
//! is not ours; none of them may change how the token is read, and no key is ever taken from one.

use serde_json::Value;

use super::Fault;
use super::json;
use crate::Algorithm;
use crate::jwk::is_foreign_kid;

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

/// Members that would make it another thing than a plain signed token, or that bring a key or a
/// parameter of one (RFC 7515 §4.1, RFC 7516 §4.1, RFC 7797 §3). A token that has one is refused.
///
/// Where a key or its certificate could be found (`jku`, `x5u`, `x5c`) is nothing of the kind: some
/// issuers always say it, and nobody here looks (RFC 8725 §3.10).
const REFUSED: [&str; 7] = ["crit", "b64", "jwk", "zip", "enc", "epk", "p2c"];

pub(super) fn header(decoded: &[u8]) -> Result<Header, Fault> {
    let unreadable = Fault::Unreadable("its header is no JSON object in which each name occurs once");
    let mut members = json::object(decoded).ok_or(unreadable)?;
    if let Some(name) = REFUSED.into_iter().find(|name| members.contains_key(*name)) {
        return Err(Fault::HeaderMember(name));
    }
    match members.get("cty") {
        None | Some(Value::Null) => {}
        // What it holds is read as claims, whatever it is called: another token would be no object.
        Some(Value::String(cty)) if ["jwt", "application/jwt"].contains(&&*cty.to_ascii_lowercase()) => {}
        Some(_) => return Err(Fault::HeaderMember("cty")),
    }
    let mut text = |name: &str| match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.into_boxed_str())),
        Some(_) => Err(()),
    };
    let kid = text("kid").map_err(|()| Fault::KeyName)?.filter(|kid| !kid.is_empty());
    if !kid.as_deref().is_none_or(is_foreign_kid) {
        return Err(Fault::KeyName);
    }
    let typ = text("typ").map_err(|()| Fault::Typ("?".into()))?;
    let typ = match typ.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("jwt" | "application/jwt") => Type::Unsaid,
        Some("at+jwt" | "application/at+jwt") => Type::AccessToken,
        Some(_) => return Err(Fault::Typ(typ.unwrap_or_default())),
    };
    let alg = text("alg").ok().flatten().unwrap_or_default();
    let algorithm = Algorithm::named(&alg).ok_or(Fault::AlgorithmUnknown(alg))?;
    Ok(Header { algorithm, kid, typ })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_may_have_members_that_change_nothing() {
        let read = |text: &str| header(text.as_bytes());
        let plain = read(r#"{"alg":"RS256","typ":"JWT","kid":"a","x5t":"b"}"#).unwrap();
        assert_eq!((plain.algorithm, plain.kid.as_deref()), (Algorithm::Rs256, Some("a")));
        assert_eq!(plain.typ, Type::Unsaid);
        for typed in [r#"{"alg":"ES256","typ":"at+jwt"}"#, r#"{"alg":"Ed25519","typ":"application/AT+JWT"}"#]
        {
            assert_eq!(read(typed).unwrap().typ, Type::AccessToken, "{typed}");
        }
        for ignored in
            [r#""jku":"https://a.example""#, r#""x5u":7"#, r#""x5c":[]"#, r#""cty":"JWT""#, r#""cty":null"#]
        {
            let header = read(&format!(r#"{{"alg":"RS256",{ignored}}}"#)).unwrap();
            assert_eq!(header, Header { algorithm: Algorithm::Rs256, kid: None, typ: Type::Unsaid });
        }
    }

    #[test]
    fn what_is_empty_is_not_there_and_a_key_may_have_any_name() {
        let kid = |kid: &str| {
            header(format!(r#"{{"alg":"RS256","typ":null,"kid":{kid}}}"#).as_bytes()).map(|header| header.kid)
        };
        for none in ["null", r#""""#] {
            assert_eq!(kid(none), Ok(None), "{none}");
        }
        for name in ["did:web:example.com#key-1", "{0b1c}", "a b|c?", "schl\u{fc}ssel", &"k".repeat(512)] {
            assert_eq!(kid(&format!("\"{name}\"")), Ok(Some(name.into())));
        }
        for wrong in ["7", r#""a\u0000""#, r#""a\nb""#, r#""a\u0085""#, &format!("\"{}\"", "k".repeat(513))] {
            assert_eq!(kid(wrong), Err(Fault::KeyName), "{wrong}");
        }
    }

    #[test]
    fn a_header_that_brings_a_key_or_changes_the_reading_is_refused() {
        for wrong in [
            "{}",
            r#"{"alg":1}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"es384"}"#,
            r#"{"alg":null}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","typ":"JOSE"}"#,
            r#"{"alg":"RS256","typ":7}"#,
            r#"{"alg":"RS256","typ":"logout+jwt"}"#,
            r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":null}"#,
            r#"{"alg":"RS256","b64":true}"#,
            r#"{"alg":"RS256","jwk":{}}"#,
            r#"{"alg":"RS256","jwk":null}"#,
            r#"{"alg":"RS256","zip":"DEF"}"#,
            r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#,
            r#"{"alg":"RS256","cty":"application/json"}"#,
            r#"{"alg":"RS256","cty":7}"#,
            r#"["RS256"]"#,
            "",
        ] {
            assert!(header(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
