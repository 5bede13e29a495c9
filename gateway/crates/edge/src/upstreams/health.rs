//! Active health checks, by Pingora's: each server is asked through the connection settings that
//! its requests have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::http::RequestHeader;
use pingora::lb::health_check::{HealthCheck, HttpHealthCheck, TcpHealthCheck};
use pingora::lb::{Backend, Extensions};
use pingora::{Error, ErrorType};

use super::connection::Connection;
use super::pool::server_of;
use super::server::Server;
use gateway_pipeline::{Health, Upstream};

/// The check of one upstream's servers.
pub(super) struct Checks {
    upstream: Arc<Upstream>,
    health: Health,
    tcp: Box<TcpHealthCheck>,
    /// By configured server: making one reads the machine's certificates.
    http: Mutex<HashMap<Arc<str>, Arc<HttpHealthCheck>>>,
}

impl Checks {
    /// None, if none are wanted.
    pub(super) fn new(upstream: &Arc<Upstream>) -> Option<Box<Self>> {
        let health = upstream.health.clone()?;
        let mut tcp = TcpHealthCheck::new();
        tcp.peer_template.options.connection_timeout = Some(health.timeout);
        Some(Box::new(Self { upstream: Arc::clone(upstream), health, tcp, http: Mutex::default() }))
    }

    /// Asks for the path as the upstream's clients would, on a connection of its own: one that is
    /// kept open would not show a server that accepts no more.
    fn http(&self, server: &Server, path: &str) -> pingora::Result<HttpHealthCheck> {
        let host = if server.peer.sni.is_empty() { &*server.label } else { server.peer.sni.as_str() };
        let host = if host.starts_with("unix:") { "localhost" } else { host };
        let asked = self.upstream.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or(host);
        let mut check = HttpHealthCheck::new(host, server.peer.is_tls());
        check.peer_template = server.peer.clone();
        check.peer_template.options.connection_timeout = Some(self.health.timeout);
        check.peer_template.options.read_timeout = Some(self.health.timeout);
        let mut request = RequestHeader::build("GET", path.as_bytes(), Some(2))?;
        request.insert_header("host", asked)?;
        request.insert_header("user-agent", "gateway-health")?;
        check.req = request;
        let expected = self.health.expect_status;
        check.validator = Some(Box::new(move |answer| {
            let status = answer.status.as_u16();
            if status == expected {
                Ok(())
            } else {
                let answered = format!("it answered {status}, and {expected} is expected");
                Error::e_explain(ErrorType::HTTPStatus(status), answered)
            }
        }));
        Ok(check)
    }

    async fn ask(&self, target: &Backend) -> pingora::Result<()> {
        match (&self.health.path, server_of(target)) {
            (Some(path), Some(server)) => {
                let made = self.http.lock().get(&server.label).cloned();
                let check = match made {
                    Some(check) => check,
                    None => {
                        let check = Arc::new(self.http(server, path)?);
                        self.http.lock().insert(Arc::clone(&server.label), Arc::clone(&check));
                        check
                    }
                };
                check.check(target).await
            }
            _ => self.tcp.check(target).await,
        }
    }
}

#[async_trait]
impl HealthCheck for Checks {
    async fn check(&self, target: &Backend) -> pingora::Result<()> {
        let outcome = match tokio::time::timeout(self.health.timeout, self.ask(target)).await {
            Ok(outcome) => outcome,
            Err(_) => Error::e_explain(ErrorType::ReadTimedout, "the health check took too long"),
        };
        if let Some(server) = server_of(target) {
            server.was_checked(outcome.as_ref().err().map(|fault| in_words(fault)));
        }
        outcome
    }

    /// Said by us: Pingora's own line names neither upstream nor server for programs to find.
    async fn health_status_change(&self, target: &Backend, healthy: bool) {
        let Some(server) = server_of(target) else { return };
        let (upstream, address) = (&self.upstream.name, target.addr.to_string());
        let (label, error) = (&*server.label, server.fault());
        if healthy {
            tracing::info!(upstream, server = label, address, "a server passes its health checks again");
        } else {
            tracing::warn!(upstream, server = label, address, error, "a server fails its health checks");
        }
    }

    fn health_threshold(&self, success: bool) -> usize {
        let count = if success { self.health.healthy_after } else { self.health.unhealthy_after };
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}

/// What went wrong, by the innermost of the layers that Pingora puts around it.
fn in_words(fault: &Error) -> String {
    if let Some(cause) = &fault.cause {
        return match cause.downcast_ref::<Box<Error>>() {
            Some(inner) => in_words(inner),
            None => cause.to_string(),
        };
    }
    let context = fault.context.as_ref().map(|context| context.as_str().trim().to_owned());
    context.filter(|words| !words.is_empty()).unwrap_or_else(|| fault.etype().as_str().to_owned())
}

/// Whether a request of ours, by the configured check or else a bare connection, is taken.
pub(super) async fn answers(upstream: &Arc<Upstream>, server: &Arc<Server>) -> bool {
    let mut ext = Extensions::new();
    ext.insert(Arc::clone(server));
    let backend = Backend { addr: server.address().clone(), weight: server.weight, ext };
    match Checks::new(upstream) {
        Some(checks) => checks.check(&backend).await.is_ok(),
        None => {
            let opened = Connection::open(&server.peer);
            matches!(tokio::time::timeout(upstream.timeouts.connect, opened).await, Ok(Ok(_)))
        }
    }
}

/// How long to wait between two rounds.
pub(super) fn pause(upstream: &Upstream) -> Option<Duration> {
    upstream.health.as_ref().map(|health| health.interval)
}
