//! One fetch: perhaps the discovery document, and then the keys. Whoever answers is bounded in time
//! and in size, and leads us nowhere else by a redirect.

use std::time::Duration;

use http::header::{ACCEPT, CACHE_CONTROL};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use serde::Deserialize;

use super::figures::FetchResult;
use super::settings::JwksSettings;
use gateway_token::KeySet;

/// Largest answer that is read, in bytes. A large set has a dozen keys of a kilobyte each.
const ANSWER_BYTES_MAX: usize = 256 * 1_024;

/// Longest complaint about an answer.
const WHY_CHARACTERS_MAX: usize = 300;

/// Keys, and for how long their issuer says that they stay as they are.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) max_age: Option<Duration>,
}

/// Why there are none, for metrics and for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) result: FetchResult,
    pub(super) why: String,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

fn discovered(body: &[u8]) -> Result<Discovered, String> {
    let no_document = |fault: &dyn std::fmt::Display| format!("no discovery document: {fault}");
    let text = std::str::from_utf8(body).map_err(|fault| no_document(&fault))?;
    serde_json::from_str(text).map_err(|fault| no_document(&fault))
}

/// Proxies are taken from the environment (`HTTPS_PROXY`, `NO_PROXY`), as is usual.
pub(super) fn client(settings: &JwksSettings) -> Result<Client, String> {
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .https_only(!settings.allow_http)
        .timeout(settings.timeout)
        // One fetch in some minutes: a kept connection would mostly be a dead one.
        .pool_max_idle_per_host(0)
        .user_agent("gateway");
    if let Some(authorities) = &settings.authorities {
        let certificates: Result<Vec<_>, _> =
            authorities.iter().map(|der| Certificate::from_der(der)).collect();
        builder = builder.tls_certs_only(certificates.map_err(|fault| explain(&fault))?);
    }
    builder.build().map_err(|fault| explain(&fault))
}

/// `known` is where the keys were last time; a fetch that follows a failure finds out anew.
pub(super) async fn fetch(
    client: &Client,
    settings: &JwksSettings,
    known: &mut Option<String>,
) -> Result<Fetched, Failed> {
    let url = match (&settings.jwks_url, &known) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => url.clone(),
        (None, None) => discover(client, settings).await?,
    };
    *known = None;
    let response = get(client, &url).await?;
    let max_age = max_age(&response);
    let body = read(response, &url).await?;
    let keys =
        KeySet::parse(&body, &settings.algorithms).map_err(|fault| unusable(&url, &fault.to_string()))?;
    *known = Some(url);
    Ok(Fetched { keys, max_age })
}

/// OpenID Connect Discovery 1.0 §4.
async fn discover(client: &Client, settings: &JwksSettings) -> Result<String, Failed> {
    let base = settings.issuer.strip_suffix('/').unwrap_or(&settings.issuer);
    let url = format!("{base}/.well-known/openid-configuration");
    let body = read(get(client, &url).await?, &url).await?;
    let discovered = discovered(&body).map_err(|why| unusable(&url, &why))?;
    // §4.3: identical, or somebody else's keys would be taken for this issuer's.
    if discovered.issuer != settings.issuer {
        let (theirs, ours) = (&discovered.issuer, &settings.issuer);
        return Err(unusable(
            &url,
            &format!("it is about the issuer {theirs:?}, and {ours:?} is configured"),
        ));
    }
    let secure = discovered.jwks_uri.starts_with("https://");
    let allowed = secure || (settings.allow_http && discovered.jwks_uri.starts_with("http://"));
    if !allowed {
        return Err(unusable(&url, "its jwks_uri does not begin with https://"));
    }
    Ok(discovered.jwks_uri)
}

async fn get(client: &Client, url: &str) -> Result<Response, Failed> {
    let sent = client.get(url).header(ACCEPT, "application/jwk-set+json, application/json").send().await;
    let response = sent.map_err(|fault| unreachable(url, &fault))?;
    if response.status() == http::StatusCode::OK {
        return Ok(response);
    }
    // Redirects come here, too: an issuer says by its metadata where its keys are.
    let why = format!("{url} answered {}", response.status());
    Err(Failed { result: FetchResult::Status, why })
}

async fn read(mut response: Response, url: &str) -> Result<Vec<u8>, Failed> {
    let too_large = || unusable(url, &format!("the answer is larger than {ANSWER_BYTES_MAX} bytes"));
    if response.content_length().is_some_and(|length| length > ANSWER_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|fault| unreachable(url, &fault))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `max-age` of `Cache-Control` (RFC 9111 §5.2.2.1).
fn max_age(response: &Response) -> Option<Duration> {
    let directives = response.headers().get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let seconds = directives.flat_map(|value| value.split(',')).find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse().ok())?
    });
    seconds.map(Duration::from_secs)
}

fn unreachable(url: &str, fault: &reqwest::Error) -> Failed {
    Failed { result: FetchResult::Unreachable, why: format!("{url}: {}", explain(fault)) }
}

fn unusable(url: &str, why: &str) -> Failed {
    // Parts of the answer may be in it: whoever answers does not choose how much is logged.
    let why: String = why.chars().take(WHY_CHARACTERS_MAX).collect();
    Failed { result: FetchResult::Unusable, why: format!("{url}: {why}") }
}

/// The fault and its causes: the outermost one says only that sending failed.
fn explain(fault: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(fault);
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    if fault.is_timeout() {
        causes.insert(0, "no answer in time".to_owned());
    }
    if causes.is_empty() { "the request failed".to_owned() } else { causes.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discovery_document_is_utf8_to_the_last_member() {
        let document = |note: &[u8]| {
            [
                &br#"{"issuer":"https://a.example","jwks_uri":"https://a.example/keys","note":""#[..],
                note,
                b"\"}",
            ]
            .concat()
        };
        let read = discovered(&document("J\u{fc}rgen".as_bytes())).unwrap();
        assert_eq!(read.jwks_uri, "https://a.example/keys");
        let refused = discovered(&document(b"J\xfcrgen")).err().unwrap();
        assert!(refused.contains("utf-8"), "{refused}");
    }
}
