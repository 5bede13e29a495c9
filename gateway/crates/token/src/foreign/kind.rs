//! What kind of token it is, by its claims. Issuers that do not say `at+jwt` sign ID tokens, refresh
//! tokens and logout tokens with the same keys: these admit nobody to a service.

use serde_json::{Map, Value};

/// What says so is no access token, in lower case.
const OTHERS: [&str; 6] = ["id", "id_token", "refresh", "refresh_token", "offline", "logout"];

/// The claim that says that it is another kind than an access token.
pub(super) fn other_kind(claims: &Map<String, Value>) -> Option<&'static str> {
    let claim = |name: &str| claims.get(name).filter(|value| !value.is_null());
    let text = |name: &str| claim(name).and_then(Value::as_str).map(str::to_ascii_lowercase);
    let is_other = |value: &Value| {
        value.as_str().is_some_and(|said| OTHERS.contains(&said.to_ascii_lowercase().as_str()))
    };
    // `typ` is Keycloak's own claim, `token_use` Cognito's, `token_type` simplejwt's, and `type` that of
    // many that sign refresh tokens with the same key.
    // Several kinds are said by a list.
    let says_other = |name: &&str| match claim(name) {
        Some(Value::Array(list)) => list.iter().any(is_other),
        said => said.is_some_and(is_other),
    };
    if let Some(name) = ["typ", "type", "token_type"].into_iter().find(says_other) {
        return Some(name);
    }
    if claim("token_use").is_some() && text("token_use").as_deref() != Some("access") {
        return Some("token_use");
    }
    // OpenID Connect Core §3.1.3.6, Back-Channel Logout §2.4. Keycloak's access tokens had a nonce.
    let bearer = text("typ").is_some_and(|typ| typ == "bearer");
    let of_clients = ["at_hash", "c_hash", "s_hash", "events", "nonce"].into_iter();
    of_clients.filter(|name| !(bearer && *name == "nonce")).find(|name| claim(name).is_some())
}
