//! Tells a service behind that an account is gone, by HTTP and by the Standard Webhooks specification:
//! a message that proves who sent it, of what and when.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod secret;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use serde_json::json;

pub use secret::WebhookSecret;

use gateway_clock::{Clock, Timestamp};
use gateway_identity::UserId;
use gateway_notify::{EventPublisher, NotSent};

/// Longest explanation of why a message could not be sent.
const WHY_CHARACTERS_MAX: usize = 300;

/// Where messages go, and how.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    pub url: String,
    /// The client that reaches the host of the URL.
    pub socket: Option<PathBuf>,
    /// Certificates (DER) in place of the machine's public authorities.
    pub authorities: Option<Vec<Vec<u8>>>,
    /// For a message and its answer.
    pub timeout: Duration,
    pub secret: WebhookSecret,
}

/// The one service that is told.
pub struct Webhook {
    client: Client,
    url: String,
    /// Scheme and host, for complaints: what follows them may hold a secret.
    place: String,
    secret: WebhookSecret,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    /// Connects to nothing: a service that is away now is told when it is back.
    pub fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let WebhookSettings { url, socket, authorities, timeout, secret } = settings;
        let place = url
            .parse::<http::Uri>()
            .ok()
            .and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
        let place = place.ok_or("webhook.url is no URL")?;
        let mut builder = Client::builder()
            // A redirect could lead a signed message to somebody else, or turn it into a GET.
            .redirect(Policy::none())
            .timeout(timeout)
            // Accounts are deleted now and then: a kept connection would mostly be a dead one.
            .pool_max_idle_per_host(0)
            .user_agent("gateway");
        if url.starts_with("http://") {
            // It stays on this machine, also where the environment names a proxy.
            builder = builder.no_proxy();
        }
        if let Some(socket) = socket {
            builder = builder.unix_socket(socket);
        }
        if let Some(authorities) = authorities {
            let certificates: Result<Vec<_>, _> =
                authorities.iter().map(|der| Certificate::from_der(der)).collect();
            builder = builder.tls_certs_only(certificates.map_err(|fault| explain(&fault))?);
        }
        let client = builder.build().map_err(|fault| format!("webhook: {}", explain(&fault)))?;
        Ok(Self { client, url, place, secret, clock })
    }

    /// One try. The answer's body is not read: whatever a service says, it says by the status.
    async fn send(&self, id: &str, body: String) -> Result<(), NotSent> {
        // Of this try, so that a message that waited is not taken for one that somebody sends again.
        let at = self.clock.now().seconds();
        let signature = self.secret.sign(id, at, body.as_bytes());
        let request = self
            .client
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature)
            .body(body);
        match request.send().await {
            Ok(response) => taken(response.status()).map_err(|why| self.complain(why)),
            Err(fault) => Err(self.complain(NotSent::Later(explain(&fault)))),
        }
    }

    fn complain(&self, why: NotSent) -> NotSent {
        let place = &self.place;
        match why {
            NotSent::Later(why) => NotSent::Later(format!("{place}: {why}")),
            NotSent::Never(why) => NotSent::Never(format!("{place}: {why}")),
        }
    }
}

#[async_trait]
impl EventPublisher for Webhook {
    async fn user_deleted(&self, id: &str, user: UserId, at: Timestamp) -> Result<(), NotSent> {
        let message = json!({
            "type": "user.deleted",
            "timestamp": at.to_string(),
            "data": { "user_id": user.get() },
        });
        self.send(id, message.to_string()).await
    }
}

/// Whether an answer means that the service has taken note. Only 410 is for good, as the
/// specification has it: all else is a service that is not well, or one that an operator can mend
/// (a wrong secret, a wrong path), and what is given up is kept by it for ever.
fn taken(status: StatusCode) -> Result<(), NotSent> {
    if status.is_success() {
        return Ok(());
    }
    let hint = match status.as_u16() {
        300..=399 => "; redirects are not followed: webhook.url must be where it leads",
        401 | 403 => "; is GATEWAY_WEBHOOK_SECRET the secret that it knows, and are both clocks right?",
        404 | 405 => "; does webhook.url have the right path, and does the service know the secret?",
        410 => return Err(NotSent::Never("it answered 410: it wants no more messages".to_owned())),
        _ => "",
    };
    Err(NotSent::Later(format!("it answered {}{hint}", status.as_u16())))
}

/// The fault's causes, without the URL: the outermost one says only that sending failed.
fn explain(fault: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    if fault.is_timeout() {
        causes.push("no answer in time".to_owned());
    }
    let mut cause = std::error::Error::source(fault);
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    if causes.is_empty() {
        causes.push("the request failed".to_owned());
    }
    causes.join(": ").chars().take(WHY_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_410_ends_the_tries_and_only_2xx_is_a_yes() {
        for status in 100..600 {
            let answer = taken(StatusCode::from_u16(status).unwrap());
            match status {
                200..=299 => assert_eq!(answer, Ok(()), "{status}"),
                410 => assert!(matches!(answer, Err(NotSent::Never(_))), "{status}"),
                _ => assert!(matches!(answer, Err(NotSent::Later(_))), "{status}"),
            }
        }
    }
}
