//! Why a token of another issuer is refused: in a word for the log, and in a sentence with both values
//! for whoever has the token in hand. Its client is told neither.

use std::fmt;

use serde_json::Value;

use crate::Algorithm;
use crate::jwk::{FOREIGN_KID_BYTES_MAX, names, quoted};
use gateway_identity::IssuerName;

/// A token that is not accepted, and whose it said to be, where that is one of the configured issuers.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedToken {
    pub issuer: Option<IssuerName>,
    pub fault: Fault,
}

/// The first thing that is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It could not be read: which part, and why.
    Unreadable(&'static str),
    /// A member that makes it another thing, or changes how it is read.
    HeaderMember(&'static str),
    /// The header's `typ` is that of another kind of token.
    Typ(Box<str>),
    KeyName,
    /// None that there is here.
    AlgorithmUnknown(Box<str>),
    /// Not one of the issuer's `algorithms`.
    Algorithm {
        is: Algorithm,
        allowed: Vec<Algorithm>,
    },
    /// `iss` is our own, and the token is none of ours.
    Own,
    /// No issuer has this `iss`; those that there are.
    Issuer {
        is: Box<str>,
        known: Vec<Box<str>>,
    },
    /// It has no `iss`, and there is no issuer whose tokens have none.
    IssuerMissing,
    Audience {
        is: Option<Value>,
        allowed: Vec<String>,
    },
    /// The claim that makes it another kind of token.
    Kind(&'static str),
    /// Its key is none of the issuer's.
    Key,
    Signature,
    /// A claim that should be a moment, and is none.
    Time(&'static str),
    NotYet {
        claim: &'static str,
        ahead_seconds: u64,
        leeway_seconds: u64,
    },
    Lifetime {
        seconds: u64,
        allowed_seconds: u64,
    },
    TokenId,
    SubjectMissing {
        claim: Box<str>,
        named: Vec<Box<str>>,
    },
    Subject,
    /// Its subject could be read as the number of an account of ours.
    LikeAnAccount,
    /// It is by a shared secret, and no access token of the service before, or that one's time is over.
    Legacy,
}

impl Fault {
    /// The stable word, in the line of a request as `reason`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::HeaderMember(_) => "header",
            Self::Typ(_) => "typ",
            Self::KeyName => "kid",
            Self::AlgorithmUnknown(_) | Self::Algorithm { .. } => "algorithm",
            Self::Own => "own_issuer",
            Self::Issuer { .. } => "issuer",
            Self::IssuerMissing => "issuer_missing",
            Self::Audience { .. } => "audience",
            Self::Kind(_) => "kind",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Time(_) => "time",
            Self::NotYet { .. } => "not_yet",
            Self::Lifetime { .. } => "lifetime",
            Self::TokenId => "jti",
            Self::SubjectMissing { .. } => "subject_missing",
            Self::Subject => "subject",
            Self::LikeAnAccount => "subject_numeric",
            Self::Legacy => "legacy",
        }
    }

    /// What can be done about it, by whoever set the issuer up.
    pub fn mend(&self, issuer: Option<&IssuerName>) -> String {
        let name = issuer.map_or("the issuer", IssuerName::as_str);
        let text = match self {
            Self::Unreadable(_) | Self::HeaderMember(_) | Self::TokenId | Self::Time(_) => {
                "It is for the issuer to mend: no setting accepts it."
            }
            Self::Typ(_) | Self::Kind(_) => {
                "Send the access token: an ID token, a refresh token and the like admit nobody to a service."
            }
            Self::KeyName => {
                return format!("Name the key in at most {FOREIGN_KID_BYTES_MAX} bytes that can be seen.");
            }
            Self::AlgorithmUnknown(_) => "Have the issuer sign by another algorithm.",
            // No issuer may have it.
            Self::Algorithm { is, .. } if !Algorithm::ASYMMETRIC.contains(is) => {
                "Have the issuer sign by another algorithm."
            }
            Self::Algorithm { allowed, .. } if allowed.is_empty() => {
                "Log in at the gateway: what has no issuer is taken from the service before alone, by its secret."
            }
            Self::Algorithm { is, .. } => {
                return format!(
                    "Add \"{is}\" to `algorithms` of `{name}`, if that is what it is to sign by."
                );
            }
            Self::Own => "Log in again.",
            Self::Issuer { .. } => {
                "Write `issuer` exactly as tokens have it, or add an [[issuers]] for it (docs/issuers.md)."
            }
            Self::IssuerMissing => {
                "Have the issuer name itself, or say `without_iss = true` of the one whose tokens these are."
            }
            Self::Audience { .. } => {
                return format!(
                    "Have the issuer put one of them into `aud`, or add what it puts there to `audience` of `{name}`, if it is meant for you."
                );
            }
            Self::Key => {
                "If its key was changed just now, wait for `refetch_seconds`; else look at what the issuer publishes."
            }
            Self::Signature => {
                "It was changed, or is signed by a key that only has the same name: get another one from the issuer."
            }
            Self::NotYet { .. } => {
                return format!("Set the clocks, or raise `leeway_seconds` of `{name}`.");
            }
            Self::Lifetime { .. } => {
                return format!(
                    "Have the issuer make it shorter, or raise `lifetime_max_seconds` of `{name}`: a logout is remembered as long."
                );
            }
            Self::SubjectMissing { .. } => {
                return format!("Name the claim that says who it is in `subject_claim` of `{name}`.");
            }
            Self::Subject => {
                return format!("Name another claim in `subject_claim` of `{name}`.");
            }
            Self::LikeAnAccount => {
                return format!("subject_prefix = \"{name}:\" of issuer `{name}` tells them apart.");
            }
            Self::Legacy => "Log in at the gateway.",
        };
        text.to_owned()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => f.write_str(why),
            Self::HeaderMember(name) => write!(f, "its header has `{name}`"),
            Self::Typ(typ) => write!(f, "its header says `typ` {}, which is no access token", quoted(typ)),
            Self::KeyName => write!(
                f,
                "its `kid` is no text, longer than {FOREIGN_KID_BYTES_MAX} bytes, or has characters that nobody can see"
            ),
            Self::AlgorithmUnknown(name) => write!(
                f,
                "its algorithm {} is none that is verified here; there are {}",
                quoted(name),
                names(&Algorithm::ASYMMETRIC)
            ),
            Self::Algorithm { is, allowed } if allowed.is_empty() => {
                write!(f, "its algorithm {is} is not HS256")
            }
            Self::Algorithm { is, allowed } => {
                write!(f, "its algorithm {is} is none of `algorithms`, {}", names(allowed))
            }
            Self::Own => f.write_str(
                "it names this gateway as its issuer, and is none of its access tokens: of another key, another installation or another audience, changed, or a refresh token",
            ),
            Self::Issuer { is, known } if known.is_empty() => {
                write!(f, "its `iss` is {}, and no issuer has one", quoted(is))
            }
            Self::Issuer { is, known } => {
                write!(f, "its `iss` is {}, and there are only {}", quoted(is), several(known))
            }
            Self::IssuerMissing => f.write_str("it has no `iss`"),
            Self::Audience { is: None, allowed } => {
                write!(f, "it has no `aud`; needed is one of {}", several(allowed))
            }
            Self::Audience { is: Some(Value::Array(is)), allowed } if is.iter().all(Value::is_string) => {
                let is: Vec<_> = is.iter().filter_map(Value::as_str).collect();
                write!(f, "its `aud` has none of {}, but {}", several(allowed), several(&is))
            }
            Self::Audience { is: Some(is), allowed } => {
                let is = is.as_str().map_or_else(|| quoted(&is.to_string()), quoted);
                write!(f, "its `aud` is {is}, and none of {}", several(allowed))
            }
            Self::Kind(claim) => {
                write!(f, "its claim `{claim}` says that it is another kind of token than an access token")
            }
            Self::Key => f.write_str("its key is none that its issuer publishes for signatures"),
            Self::Signature => f.write_str("its signature is not by the key that it names"),
            Self::Time("exp") => f.write_str("its `exp` is missing, or no number of seconds"),
            Self::Time(claim) => write!(f, "its `{claim}` is no number of seconds"),
            Self::NotYet { claim, ahead_seconds, leeway_seconds } => {
                write!(f, "its `{claim}` is {ahead_seconds} s in the future; allowed are {leeway_seconds} s")
            }
            Self::Lifetime { seconds, allowed_seconds } => {
                write!(f, "it lives for {seconds} s; allowed are {allowed_seconds} s (lifetime_max_seconds)")
            }
            Self::TokenId => f.write_str("its `jti` is no text, or an empty one"),
            Self::SubjectMissing { claim, named } => {
                write!(f, "it has no claim {}", quoted(claim))?;
                let some = !named.is_empty();
                if some { write!(f, "; there are {}", several(named)) } else { Ok(()) }
            }
            Self::Subject => f.write_str(
                "its subject is no text of 1 to 255 visible ASCII characters: no header could carry it to a service",
            ),
            Self::LikeAnAccount => {
                f.write_str("its subject could be read as the number of an account of this gateway")
            }
            Self::Legacy => f.write_str(
                "it is no access token (`type` or `token_type`) by the secret of the service before, or the time of that one is over",
            ),
        }
    }
}

/// Not more than a person reads.
fn several(texts: &[impl AsRef<str>]) -> String {
    const SHOWN_MAX: usize = 5;
    let shown: Vec<_> = texts.iter().take(SHOWN_MAX).map(|text| quoted(text.as_ref())).collect();
    let more = texts.len().saturating_sub(SHOWN_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_says_both_values_and_quotes_no_more_than_a_line() {
        let allowed = vec!["https://api.example.com".to_owned()];
        let said = |is: Value| Fault::Audience { is: Some(is), allowed: allowed.clone() }.to_string();
        assert_eq!(
            said(json!("account")),
            r#"its `aud` is "account", and none of "https://api.example.com""#
        );
        let two = said(json!(["a", "b\n"]));
        assert_eq!(two, r#"its `aud` has none of "https://api.example.com", but "a", "b\n""#);
        for long in
            [json!("x".repeat(9_000)), json!(vec!["x".repeat(99); 90]), json!({ "x": "x".repeat(9_000) })]
        {
            assert!(said(long).len() < 1_000);
        }
    }

    #[test]
    fn no_algorithm_is_advised_that_a_configuration_cannot_have() {
        for is in [Algorithm::Hs256, Algorithm::Rs256] {
            let mend = Fault::Algorithm { is, allowed: vec![Algorithm::Es256] }.mend(None);
            assert_eq!(mend.contains("Add"), Algorithm::ASYMMETRIC.contains(&is), "{mend}");
        }
    }

    #[test]
    fn a_life_that_is_too_long_is_told_with_what_is_allowed() {
        let fault = Fault::Lifetime { seconds: 604_800, allowed_seconds: 86_400 };
        assert_eq!(fault.to_string(), "it lives for 604800 s; allowed are 86400 s (lifetime_max_seconds)");
        let issuer = IssuerName::parse("passport").unwrap();
        assert!(fault.mend(Some(&issuer)).contains("`lifetime_max_seconds` of `passport`"));
    }
}
