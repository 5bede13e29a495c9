//! The e-mail address of somebody, and whether their issuer says that nobody has verified it.

use serde_json::{Map, Value};

use super::path::{ClaimPath, holder};
use gateway_identity::Email;

/// The address, where there is one that the issuer does not call unverified. What speaks of that stands
/// among the claims or beside the address, and each of it has to say yes.
pub(super) fn email(path: &ClaimPath, claims: &Map<String, Value>) -> Option<Email> {
    let (beside, name) = holder(path, claims)?;
    let address = beside.get(name)?.as_str()?;
    let verified = |members: &Map<String, Value>| members.iter().all(|(name, value)| !denies(name, value));
    let nested = !std::ptr::eq(beside, claims);
    (verified(claims) && (!nested || verified(beside))).then(|| Email::parse(address).ok())?
}

/// OpenID Connect has `email_verified`. Libraries write it as their language does, and issuers that
/// must have names of their own put a URL before it.
const NAMES: [&str; 8] = [
    "emailverified",
    "verifiedemail",
    "isemailverified",
    "emailisverified",
    "emailconfirmed",
    "emailverifiedat",
    "emailconfirmedat",
    // Entra: whether the domain of the address is the tenant's own.
    "xmsedov",
];

/// Whether it is one of these names, in any spelling, and says anything but yes. `null` and whatever is
/// not known to be a yes say that nobody has verified it.
fn denies(name: &str, value: &Value) -> bool {
    let last = name.rsplit(['/', ':', '.', '#']).next().unwrap_or(name);
    let letters = || last.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let known = NAMES.iter().find(|known| letters().eq(known.bytes()));
    known.is_some_and(|known| !affirms(value, known.ends_with("at")))
}

/// Some say since when it is verified, in place of whether.
fn affirms(value: &Value, is_date: bool) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) if is_date => number.as_f64().is_some_and(|moment| moment > 0.0),
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(text) if is_date => text.starts_with(|c: char| ('1'..='9').contains(&c)),
        Value::String(text) => ["true", "1", "yes"].contains(&text.to_ascii_lowercase().as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_handed_on(path: &str, claims: &Value) -> bool {
        email(&ClaimPath::new(path).unwrap(), claims.as_object().unwrap()).is_some()
    }

    #[test]
    fn an_address_is_handed_on_unless_something_in_any_spelling_says_that_it_is_unverified() {
        for (name, yes, no) in [
            ("email_verified", json!(true), json!(false)),
            ("email_verified", json!("true"), json!("false")),
            ("email_verified", json!("True"), json!("")),
            ("email_verified", json!(1), json!(0)),
            ("email_verified", json!("1"), json!(null)),
            ("emailVerified", json!(true), json!(false)),
            ("EmailVerified", json!(true), json!([true])),
            ("verified_email", json!(true), json!({})),
            ("is_email_verified", json!("yes"), json!("no")),
            ("https://app.example.com/email_verified", json!(true), json!(false)),
            ("xms_edov", json!("1"), json!("0")),
            ("email_verified_at", json!("2026-01-01 00:00:00"), json!(null)),
            ("emailVerifiedAt", json!(1_767_225_600), json!(0)),
        ] {
            let says = |value: &Value| json!({ "email": "ada@example.org", name: value });
            assert!(is_handed_on("email", &says(&yes)), "{name}: {yes}");
            assert!(!is_handed_on("email", &says(&no)), "{name}: {no}");
        }
        assert!(is_handed_on("email", &json!({ "email": "ada@example.org", "verified": false })));
    }

    #[test]
    fn of_two_that_contradict_each_other_the_no_counts() {
        let both = json!({ "email": "a@example.org", "email_verified": true, "emailVerified": false });
        assert!(!is_handed_on("email", &both));
    }

    #[test]
    fn what_stands_beside_a_nested_address_is_about_it() {
        let nested = |inner: bool, outer: bool| {
            let user = json!({ "email": "a@example.org", "emailVerified": inner });
            is_handed_on("user.email", &json!({ "user": user, "email_verified": outer }))
        };
        assert!(nested(true, true) && !nested(false, true) && !nested(true, false));
    }
}
