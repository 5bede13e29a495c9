//! Where the gateway says that an account is gone: `POST /webhooks/gateway`. Who sends it is proved by
//! the message itself, and by no header that a gateway injects.
//!
//! It lies outside of `/api/todos`, so that no route of the gateway leads here; and a client that got
//! here all the same could not sign.

mod signature;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Map, Value};

pub use signature::{Secret, SecretFault};

use crate::body::Received;
use crate::clock;
use crate::refusal::{Code, Refusal};
use crate::store::Store;
use crate::todo::UserId;

const USER_DELETED: &str = "user.deleted";

pub(crate) fn routes(secret: Secret, store: Store) -> Router {
    Router::new().route("/webhooks/gateway", post(receive)).with_state((secret, store))
}

/// 204 means that it is done for good: the gateway says it again until it hears that. A message of
/// a type that we do not know is not for us, and that is a 204, too.
async fn receive(
    State((secret, store)): State<(Secret, Store)>,
    headers: HeaderMap,
    body: Received,
) -> Result<StatusCode, Refusal> {
    secret.verify(&headers, body.bytes(), clock::now())?;
    let message = body.fields()?;
    if let Some(user) = deleted(&message)? {
        store.remove_user(user).await?;
        tracing::info!(user_id = user.get(), "the account is gone, and all of its todos are");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Whose account is gone, if that is what the message says.
fn deleted(message: &Map<String, Value>) -> Result<Option<UserId>, Refusal> {
    if message.get("type").and_then(Value::as_str) != Some(USER_DELETED) {
        return Ok(None);
    }
    let id = message.get("data").and_then(|data| data.get("user_id")).and_then(Value::as_u64);
    let user = id.and_then(UserId::new);
    user.map(Some).ok_or_else(|| Refusal::invalid(vec!["data.user_id must be a positive integer".into()]))
}

impl From<(Code, &'static str)> for Refusal {
    /// Why is for the log only, and for who asks for so much of it: whoever reaches us chooses how
    /// often it is said.
    fn from((code, why): (Code, &'static str)) -> Self {
        tracing::debug!(why, "a message to /webhooks/gateway was refused");
        code.into()
    }
}

#[cfg(test)]
mod tests;
