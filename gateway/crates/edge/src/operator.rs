//! The operators' listener: metrics, liveness, readiness. It is never reached through the public one.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Response, StatusCode};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use gateway_telemetry::{IssuerReading, Metrics, Reading, UpstreamServer};

/// One dependency: its name, and why it cannot be used, if so.
pub type Readiness = (&'static str, Option<String>);

/// Asks all dependencies.
pub type CheckReadiness = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<Readiness>> + Send>> + Send + Sync>;

/// What operators can ask.
pub struct Operator {
    pub metrics: Arc<Metrics>,
    pub reading: Box<dyn Fn() -> Reading + Send + Sync>,
    pub readiness: CheckReadiness,
    /// Set while the gateway drains: it is no longer ready for new clients.
    pub draining: Arc<AtomicBool>,
}

#[async_trait]
impl ServeHttp for Operator {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        if !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            let refusal = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "Method not allowed\n".into());
            return allowing(refusal);
        }
        let is_options = request.method == Method::OPTIONS;
        let path = request.uri.path().to_owned();
        let answer = self.answer(&path, is_options).await;
        if !is_options {
            return answer;
        }
        // What a balancer asks that was told nothing else, as HAProxy's `option httpchk`.
        let mut answer = allowing(answer.map(|_| Vec::new()));
        answer.headers_mut().insert(CONTENT_LENGTH, http::HeaderValue::from_static("0"));
        answer
    }
}

impl Operator {
    async fn answer(&self, path: &str, is_options: bool) -> Response<Vec<u8>> {
        match path {
            "/healthz" => text(StatusCode::OK, "text/plain", "ok\n".into()),
            "/readyz" => self.ready().await,
            // About the listener itself (RFC 9110 §9.3.7): whether it is to be asked at all.
            "/" | "*" if is_options => self.ready().await,
            "/metrics" => {
                let reading = (self.reading)();
                text(StatusCode::OK, "text/plain; version=0.0.4", self.metrics.render(&reading))
            }
            _ => text(
                StatusCode::NOT_FOUND,
                "text/plain",
                "Not found: try /metrics, /healthz or /readyz\n".into(),
            ),
        }
    }

    async fn ready(&self) -> Response<Vec<u8>> {
        let mut checks = (self.readiness)().await;
        if self.draining.load(Ordering::Relaxed) {
            checks.push(("draining", Some("the gateway is shutting down".to_owned())));
        }
        let ready = checks.iter().all(|(_, fault)| fault.is_none());
        let listed: serde_json::Map<_, _> = checks
            .into_iter()
            .map(|(name, fault)| (name.to_owned(), fault.unwrap_or_else(|| "ok".to_owned()).into()))
            .collect();
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let reading = (self.reading)();
        let body = serde_json::json!({
            "ready": ready,
            "checks": listed,
            "upstreams": upstreams(&reading.upstream_servers),
            "issuers": issuers(&reading.issuers),
        });
        text(status, "application/json", format!("{body}\n"))
    }
}

/// What is behind the gateway is said, and makes it no less ready: it serves its other routes and its
/// own endpoints, and taking each gateway out of a balancer for one service that is ill would end those.
fn upstreams(servers: &[UpstreamServer]) -> BTreeMap<&str, String> {
    let mut by_name: BTreeMap<&str, Vec<&UpstreamServer>> = BTreeMap::new();
    for server in servers {
        by_name.entry(&server.upstream).or_default().push(server);
    }
    by_name.into_iter().map(|(name, servers)| (name, in_words(&servers))).collect()
}

fn in_words(servers: &[&UpstreamServer]) -> String {
    let out: Vec<_> = servers.iter().filter(|server| server.healthy == 0).collect();
    if out.is_empty() {
        return "ok".to_owned();
    }
    let named = out.iter().map(|server| match &server.fault {
        Some(fault) => format!("{} ({fault})", server.server),
        None => server.server.clone(),
    });
    let (all, named) = (servers.len(), named.collect::<Vec<_>>().join(", "));
    format!("{} of {all} servers in use; out: {named}", all - out.len())
}

/// The same for whoever vouches for others' tokens.
fn issuers(issuers: &[IssuerReading]) -> BTreeMap<&str, &'static str> {
    let state = |issuer: &IssuerReading| if issuer.keys > 0 { "ok" } else { "no keys of it are known" };
    issuers.iter().map(|issuer| (issuer.name.as_str(), state(issuer))).collect()
}

fn allowing(mut response: Response<Vec<u8>>) -> Response<Vec<u8>> {
    response.headers_mut().insert(http::header::ALLOW, http::HeaderValue::from_static("GET, HEAD, OPTIONS"));
    response
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into_bytes());
    *response.status_mut() = status;
    let length = response.body().len();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, http::HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}
