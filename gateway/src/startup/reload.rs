//! SIGHUP: the configuration read again, and taken over at once or not at all.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::Signal;

use super::background::Background;
use super::current::{ActiveConfiguration, Current, endpoints};
use super::fleet::{self, Fleet};
use super::prepared::Prepared;
use gateway_api::Api;
use gateway_clock::{Clock, Stopwatch, Timestamp};
use gateway_config::{
    Faults, File, KeyPolicy, Reloadable, Secrets, Source, changed, check, fingerprint, log_hash_key,
    needing_restart,
};
use gateway_edge::{Configured, Parts};
use gateway_jwks::JwksBook;
use gateway_limits::Limiters;
use gateway_store::{Announce, AuditEvent, AuditTrail, Event, record_at_least_in_the_log};
use gateway_telemetry::{Metrics, log};

/// What a reload reads, and what it swaps.
pub(super) struct Reload {
    /// Listened for since the process began: a signal that came early is not forgotten.
    pub(super) hangup: Signal,
    pub(super) source: Option<Source>,
    /// What is in use.
    pub(super) written: File,
    pub(super) limiters: Arc<Limiters>,
    pub(super) issuer_keys: Arc<JwksBook>,
    pub(super) current: Arc<Current>,
    pub(super) audit: Arc<dyn AuditTrail>,
    pub(super) announce: Arc<Announce>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    /// The runtime that carries the requests, once it is there.
    pub(super) carrier: Arc<OnceLock<Handle>>,
    /// Those that are in use, by name.
    pub(super) keys: Vec<String>,
    /// Who else must know the keys, if anybody does.
    pub(super) fleet: Option<Fleet>,
}

/// What a reload brought.
struct Changed {
    settings: Vec<String>,
    /// New keys, by name.
    keys: Vec<String>,
}

/// What keys are called where they are spoken of; of secrets it is where they are from, and until
/// when they verify.
pub(super) fn key_names(settings: &Reloadable, now: Timestamp) -> Vec<String> {
    let rings = [
        ("access", &settings.tokens.access_keys),
        ("refresh", &settings.tokens.refresh_keys),
        ("assertion", &settings.assertions.keys),
    ];
    let mut names = Vec::new();
    for (usage, ring) in rings {
        names.extend(ring.states(now).map(|(key, _)| format!("{usage} {}", key.dated.kid)));
        names.extend(ring.secret_states(now).map(|(secret, _)| {
            let until = secret.verifies_until.map_or_else(String::new, |until| format!(" until {until}"));
            format!("{usage} secret from {}{until}", secret.source)
        }));
    }
    names
}

/// Waits for the signal until it is told to end.
pub(super) fn start(mut work: Reload) -> Result<Background, String> {
    // Before anybody is told that it listens: what is changed from then on is seen.
    let mut watch = Watch::new(&work);
    Background::start("reload", |mut stopped| async move {
        loop {
            tokio::select! {
                _ = work.hangup.recv() => {}
                () = watch.changed(&work.written) => {}
                _ = &mut stopped => return,
            }
            // Before they are read: what is written meanwhile is seen at the next look.
            watch.seen(&work.written);
            work.reload_and_tell().await;
        }
    })
}

/// Looks at the files now and then, where that is asked for.
struct Watch {
    /// The configuration, if there is one, and how often it is looked at.
    of: Option<(Option<PathBuf>, Duration)>,
    /// What was last tried, whether it was taken over or refused.
    known: u64,
}

impl Watch {
    fn new(work: &Reload) -> Self {
        let every = Duration::from_secs(work.written.server.watch_seconds);
        let source = work.source.as_ref().filter(|_| !every.is_zero());
        let source = source.filter(|source| match source.can_be_read_again() {
            Ok(()) => true,
            Err(fault) => {
                tracing::warn!("server.watch_seconds says nothing: {fault}");
                false
            }
        });
        let mut watch = Self { of: source.map(|source| (source.path.clone(), every)), known: 0 };
        watch.seen(&work.written);
        watch
    }

    fn seen(&mut self, written: &File) {
        if let Some((path, _)) = &self.of {
            self.known = fingerprint(path.as_deref(), written);
        }
    }

    /// Ready once something is another, and was the same at two looks: nobody writes it any more.
    async fn changed(&self, written: &File) {
        let Some((path, every)) = &self.of else { return std::future::pending().await };
        let mut last = self.known;
        loop {
            tokio::time::sleep(*every).await;
            let now = fingerprint(path.as_deref(), written);
            if now != self.known && now == last {
                return;
            }
            last = now;
        }
    }
}

impl Reload {
    async fn reload_and_tell(&mut self) {
        let taken = Stopwatch::start();
        match self.reload().await {
            Ok(changed) => {
                // None where only a file that a setting names is another one.
                let settings = (!changed.settings.is_empty()).then(|| changed.settings.join(", "));
                self.record(Event::ConfigReloaded, settings).await;
                if !changed.keys.is_empty() {
                    self.record(Event::KeysRotated, Some(changed.keys.join(", "))).await;
                }
                let now = self.clock.now().seconds();
                self.metrics.process.reloaded(Some(now), taken.elapsed());
            }
            Err(faults) => {
                for fault in &faults {
                    tracing::error!("reload refused: {fault}");
                }
                self.record(Event::ConfigRefused, None).await;
                self.metrics.process.reloaded(None, taken.elapsed());
            }
        }
    }

    /// In the audit trail, too; that it cannot be written there takes nothing back.
    async fn record(&self, event: Event, detail: Option<String>) {
        let mut told = AuditEvent::of_gateway(event, self.clock.now());
        told.entry_mut().detail = detail;
        if let Err(fault) = record_at_least_in_the_log(&self.audit, &self.announce, told).await {
            tracing::error!(error = %fault, event = event.as_str(), "this could not be recorded");
        }
    }

    /// Everything that can fail comes first; then everything is swapped, by one store. The log is no part of
    /// what a request is decided by, and has a cell of its own.
    async fn reload(&mut self) -> Result<Changed, Faults> {
        let source = self.source.as_ref().ok_or(vec!["there is no configuration file".to_owned()])?;
        let loaded = source.load_again()?;
        let secrets = Secrets::read_again(&source.environment);
        let checked = check(loaded, secrets, KeyPolicy::MustBeThere, &self.limiters)?;
        let changed = changed(&self.written, &checked.written);
        let restart = needing_restart(&changed);
        if !restart.is_empty() {
            return Err(vec![format!("a change of {} needs a restart", restart.join(", "))]);
        }
        if !checked.unmet.is_empty() {
            return Err(checked.unmet.iter().map(ToString::to_string).collect());
        }
        for warning in &checked.warnings {
            tracing::warn!("{warning}");
        }
        let log_key = log_hash_key(&checked.log, &checked.store_path).map_err(|fault| vec![fault])?;
        let keys = key_names(&checked.reloadable, self.clock.now());
        // A key signs only where all that live accept it.
        if let Some(fleet) = &self.fleet {
            let held = fleet::held(&checked.reloadable, self.clock.now());
            fleet.join(held).await.map_err(|difference| vec![difference])?;
        }
        let before = self.current.load();
        let installation = before.api.services().sessions.issuer.installation;
        let prepared = Prepared::new(checked.reloadable, installation, &self.limiters, &self.issuer_keys);
        let prepared = prepared.map_err(|fault| vec![fault])?;
        let Prepared { snapshot, limits, issuer } = prepared;
        let decision = Arc::clone(&snapshot);
        let api = Api::new(Arc::new(before.api.services().configured(snapshot, limits, issuer)));
        let tls = checked.listeners.into_iter().map(|listener| listener.tls).collect();
        let parts = Parts { decision, endpoints: endpoints(&api), tls };
        let (running, descriptors) = (Some(&*before.edge), before.edge.descriptors());
        let edge = Configured::prepare(parts, running, &self.metrics, descriptors).await;
        let edge = Arc::new(edge.map_err(|fault| vec![fault])?);
        let carrier = self.carrier.get().ok_or(vec!["the gateway is still starting".to_owned()])?;

        log::change(&checked.log, log_key).map_err(|fault| vec![fault])?;
        self.current.replace(ActiveConfiguration { api, edge: Arc::clone(&edge) });
        let _context = carrier.enter();
        edge.start(Some(&before.edge));
        self.issuer_keys.start();
        self.written = checked.written;
        let new = keys.iter().filter(|key| !self.keys.contains(key)).cloned().collect();
        self.keys = keys;
        Ok(Changed { settings: changed, keys: new })
    }
}
