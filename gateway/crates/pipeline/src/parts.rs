//! Everything that the decision needs beside what is configured: the clock, the ports, the figures.

use std::sync::Arc;

use super::refused;
use super::verify::OwnTokens;
use gateway_clock::Clock;
use gateway_store::{Announce, AuditTrail, Revocations, Sessions};
use gateway_telemetry::Metrics;

/// Shared by all requests and never changed by one. What is configured each of them brings along: it keeps
/// what it began with.
pub struct Pipeline {
    pub(super) revocations: Arc<dyn Revocations>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) own_tokens: OwnTokens,
    /// Where the use of revoked tokens is recorded; nowhere where nothing is served.
    pub(super) trail: Option<(Arc<dyn AuditTrail>, Arc<Announce>)>,
    /// Where the sessions of tokens are that do not name their installation; without it, none counts.
    pub(super) sessions: Option<Arc<dyn Sessions>>,
    pub(super) recorded: refused::Recorded,
}

impl Pipeline {
    pub fn new(revocations: Arc<dyn Revocations>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let own_tokens = OwnTokens::new(&metrics.tokens);
        let recorded = refused::Recorded::default();
        Self { revocations, clock, metrics, own_tokens, trail: None, sessions: None, recorded }
    }

    #[must_use]
    pub fn recording_to(self, trail: Arc<dyn AuditTrail>, announce: Arc<Announce>) -> Self {
        Self { trail: Some((trail, announce)), ..self }
    }

    #[must_use]
    pub fn asking_for_sessions(self, sessions: Arc<dyn Sessions>) -> Self {
        Self { sessions: Some(sessions), ..self }
    }
}
