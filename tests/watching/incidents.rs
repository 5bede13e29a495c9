//! Incidents, played: each on a gateway of its own, beside one that is well. The alert that is meant
//! for it is raised, and no other one.
//!
//! Rules and their times are those of the project: an alert that must hold for minutes is pending
//! within the run, and that is what is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::json;

use crate::listening::https;
use crate::support::SetOnDrop;
use crate::support::authority::Authority;
use crate::support::farm::Instance;
use crate::support::gateway::{Gateway, Setup};
use crate::support::people::{PASSWORD, Person, fresh_email};
use crate::support::prometheus::Prometheus;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;

/// An alert must be pending within this time of its incident.
const PENDING_WITHIN: Duration = Duration::from_secs(180);
/// And firing within this one, where that is waited for: `./dev incidents`.
const FIRING_WITHIN: Duration = Duration::from_secs(420);
/// How long all is looked at afterwards for alerts that nobody meant.
const LOOKED_AT_FOR: Duration = Duration::from_secs(15);
/// One that nobody meant counts when it stays: on a machine that is busy a scrape may come too late.
const STAYS_FOR: Duration = Duration::from_secs(8);

/// One thing that goes wrong, on one gateway.
struct Incident {
    job: &'static str,
    gateway: Gateway,
    /// What begins it.
    begin: Box<dyn FnOnce(&mut Gateway) + Send>,
    /// What clients do all the while.
    traffic: Box<dyn Fn() + Send + Sync>,
    /// Exactly these.
    alerts: &'static [&'static str],
    /// Whatever must be there as long as the gateway is.
    _around: Vec<Box<dyn std::any::Any + Send>>,
}

impl Incident {
    fn new(job: &'static str, gateway: Gateway, alerts: &'static [&'static str]) -> Self {
        let traffic = requests_of(gateway.user());
        Self { job, gateway, begin: Box::new(|_| ()), traffic, alerts, _around: Vec::new() }
    }

    fn begins(mut self, begin: impl FnOnce(&mut Gateway) + Send + 'static) -> Self {
        self.begin = Box::new(begin);
        self
    }

    fn traffic(mut self, traffic: impl Fn() + Send + Sync + 'static) -> Self {
        self.traffic = Box::new(traffic);
        self
    }

    fn with(mut self, around: impl std::any::Any + Send) -> Self {
        self._around.push(Box::new(around));
        self
    }
}

/// Somebody who asks the service again and again, and not more often than a user may.
fn requests_of(person: Person) -> Box<dyn Fn() + Send + Sync> {
    Box::new(move || {
        drop(person.request("GET", "/api/todos").try_send());
        std::thread::park_timeout(Duration::from_millis(80));
    })
}

/// Good, bad, limited and revoked: what a gateway sees every day, below each threshold.
fn all_is_well() -> Incident {
    let upstream = Upstream::start();
    let limit = "user_limit = { requests = 20, window_seconds = 60 }";
    let gateway = Setup::before(upstream.address).route("few", "/few", "todo", limit).start();
    let (ada, gone) = (gateway.user(), gateway.user());
    gone.log_out();
    let (client, turns) = (gateway.client(), AtomicUsize::new(0));
    let right = json!({"email": gone.email, "password": PASSWORD});
    Incident::new("gateway-well", gateway, &[]).with(upstream).traffic(move || {
        for _ in 0..8 {
            ada.get("/api/todos");
        }
        client.get("/nowhere").send();
        match turns.fetch_add(1, Ordering::Relaxed) % 12 {
            0 => {
                let wrong = json!({"email": fresh_email(), "password": "CANARY-wrong"});
                client.post("/api/auth/login").json(&wrong).send();
            }
            3 => drop(gone.get("/api/todos")),
            6 => drop(client.get("/api/todos").bearer("forged").send()),
            turn if turn % 2 == 0 => drop(client.post("/api/auth/login").json(&right).send()),
            _ => drop(ada.get("/few")),
        }
        std::thread::park_timeout(Duration::from_millis(700));
    })
}

fn redis_is_killed(job: &'static str, fail: &str, alerts: &'static [&'static str]) -> Incident {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let setup = Setup::before(upstream.address).redis(&redis.url()).env("GATEWAY__REDIS__FAIL", fail);
    let incident = Incident::new(job, setup.unlimited().start(), alerts).with(upstream);
    incident.begins(move |_| {
        redis.kill();
        // It stays dead, and its folder goes.
        drop(redis);
    })
}

fn upstream_is_slow() -> Incident {
    let slow = Upstream::that_takes(Duration::from_millis(600));
    let gateway = Setup::before(slow.address).unlimited().start();
    let ada = gateway.user();
    Incident::new("gateway-slow-upstream", gateway, &["GatewayLatencyBudgetBurn"]).with(slow).traffic(
        move || {
            crate::support::in_parallel(4, |_| ada.get("/api/todos").status);
        },
    )
}

fn upstream_is_down() -> Incident {
    let mut server = Instance::start("a");
    let setup = Setup::new(&format!(
        "[[upstreams]]\nname = \"todo\"\nservers = [{{ address = \"{}\" }}]\nhealth = {{ path = \"/healthz\", interval_ms = 100, unhealthy_after = 2 }}\n",
        server.address
    ));
    let gateway = setup.route("todos", "/api/todos", "todo", "").unlimited().start();
    let alerts = &["GatewayErrorBudgetBurn", "GatewayUpstreamServerOut"];
    Incident::new("gateway-dead-upstream", gateway, alerts).begins(move |_| {
        server.kill();
        drop(server);
    })
}

/// More people with the right password at once than can be hashed.
fn logins_storm() -> Incident {
    let upstream = Upstream::start();
    let setup = Setup::before(upstream.address).unlimited();
    let gateway = setup.env("GATEWAY__PASSWORD__THREADS", "1").env("GATEWAY__PASSWORD__QUEUE", "2").start();
    let (ada, client) = (gateway.user(), gateway.client());
    let alerts = &["GatewayErrorBudgetBurn", "GatewayHashingSaturated"];
    Incident::new("gateway-storm", gateway, alerts).with(upstream).traffic(move || {
        let right = json!({"email": ada.email, "password": PASSWORD});
        crate::support::in_parallel(8, |_| client.post("/api/auth/login").json(&right).send().status);
    })
}

/// Passwords of others are tried, one account after the other.
fn passwords_are_tried() -> Incident {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let client = gateway.client();
    let alerts = &["GatewayCredentialStuffing"];
    Incident::new("gateway-stuffing", gateway, alerts).with(upstream).traffic(move || {
        let guess = json!({"email": fresh_email(), "password": "CANARY-Guess-1"});
        client.post("/api/auth/login").json(&guess).send();
    })
}

fn certificate_ends_soon() -> Incident {
    let (upstream, authority) = (Upstream::start(), Authority::new());
    let certified = authority.certify_for_days("soon", &["localhost"], 6);
    let gateway = Setup::before(upstream.address).config(&https(&[&certified], "")).start();
    let alerts = &["GatewayCertificateExpiring"];
    Incident::new("gateway-certificate", gateway, alerts).with((upstream, authority))
}

/// The clock of the gateway alone is moved, by a library that stands between it and the kernel.
fn clock_is_moved() -> Incident {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    std::fs::write(&clock, "+0\n").unwrap();
    let gateway = Setup::before(upstream.address)
        .env("LD_PRELOAD", crate::support::tools::faketime().to_str().unwrap())
        .env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .start();
    let incident = Incident::new("gateway-clock", gateway, &["GatewayClockOff"]).with((upstream, folder));
    incident.begins(move |_| std::fs::write(clock, "+120\n").unwrap())
}

/// A refresh token that was replaced is used again.
fn refresh_token_is_stolen() -> Incident {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).env("GATEWAY__REFRESH__GRACE_SECONDS", "0").start();
    let ada = gateway.user();
    Incident::new("gateway-reuse", gateway, &["GatewayRefreshReuse"]).with(upstream).begins(move |_| {
        assert_eq!(ada.refresh(&ada.refresh, true).status, 200);
        crate::support::eventually("it is a replay", || ada.refresh(&ada.refresh, true).status == 401);
    })
}

/// Somebody edits the configuration, and it is wrong.
fn configuration_is_wrong() -> Incident {
    let upstream = Upstream::start();
    let setup = Setup::before(upstream.address);
    let gateway = setup.clone().start();
    let incident =
        Incident::new("gateway-configuration", gateway, &["GatewayConfigReloadRefused"]).with(upstream);
    incident.begins(move |gateway| assert!(!gateway.reload(&setup.config("[nonsense]"))))
}

/// A limit that is too low for what real users do.
fn limit_is_too_low() -> Incident {
    let upstream = Upstream::start();
    let limit = "{requests=10,window_seconds=600}";
    let gateway = Setup::before(upstream.address).env("GATEWAY__LIMITS__USER", limit).start();
    Incident::new("gateway-limits", gateway, &["GatewayLimitsHitUsers"]).with(upstream)
}

fn gateway_is_gone() -> Incident {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let incident = Incident::new("gateway-gone", gateway, &["GatewayDown"]).with(upstream);
    incident
        .begins(|gateway| gateway.kill())
        .traffic(|| std::thread::park_timeout(Duration::from_millis(100)))
}

#[test]
fn each_incident_raises_the_alerts_that_are_meant_for_it_and_no_other() {
    let mut incidents = vec![
        all_is_well(),
        redis_is_killed("gateway-closed", "closed", &["GatewayErrorBudgetBurn", "GatewayRevocationStale"]),
        redis_is_killed("gateway-open", "open", &["GatewayFailOpen", "GatewayRevocationStale"]),
        upstream_is_slow(),
        upstream_is_down(),
        logins_storm(),
        passwords_are_tried(),
        certificate_ends_soon(),
        clock_is_moved(),
        refresh_token_is_stolen(),
        configuration_is_wrong(),
        limit_is_too_low(),
        gateway_is_gone(),
    ];
    let jobs: Vec<_> = incidents.iter().map(|one| (one.job, one.gateway.operations)).collect();
    let prometheus = Prometheus::scraping(&jobs);
    prometheus.has_scraped(3);
    // What is so from the beginning is no matter of the incident, and is there by now.
    let over = AtomicBool::new(false);
    for incident in &mut incidents {
        std::mem::replace(&mut incident.begin, Box::new(|_| ()))(&mut incident.gateway);
    }
    let begun = Stopwatch::start();
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&over);
        for incident in &incidents {
            let (over, traffic) = (&over, &incident.traffic);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    traffic();
                    std::thread::park_timeout(Duration::from_millis(20));
                }
            });
        }
        watch(&prometheus, &incidents, &begun);
    });
}

/// Until all is raised, and a while longer: exactly that must be there.
fn watch(prometheus: &Prometheus, incidents: &[Incident], begun: &Stopwatch) {
    // When it was first seen, and last.
    let mut raised: BTreeMap<(String, String), (Duration, Duration)> = BTreeMap::new();
    let mut all_since: Option<Stopwatch> = None;
    let until_firing = std::env::var_os("UNTIL_FIRING").is_some();
    let within = if until_firing { FIRING_WITHIN } else { PENDING_WITHIN };
    while all_since.is_none_or(|since| since.elapsed() < LOOKED_AT_FOR) {
        let alerts = prometheus.alerts().into_iter().filter(|alert| !until_firing || alert.state == "firing");
        for alert in alerts {
            let now = begun.elapsed();
            raised.entry((alert.job, alert.name)).or_insert((now, now)).1 = now;
        }
        let there = |incident: &Incident| {
            incident
                .alerts
                .iter()
                .all(|name| raised.contains_key(&(incident.job.to_owned(), (*name).to_owned())))
        };
        if incidents.iter().all(there) {
            all_since.get_or_insert_with(Stopwatch::start);
        }
        assert!(all_since.is_some() || begun.elapsed() < within, "not all is raised: {raised:#?}");
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let state = if until_firing { "firing" } else { "pending" };
    for ((job, name), (first, _)) in &raised {
        println!("{job}: {name} is {state} after {:.0} s", first.as_secs_f64());
    }
    let is_meant = |job: &str, name: &str| {
        incidents.iter().any(|incident| incident.job == job && incident.alerts.contains(&name))
    };
    raised.retain(|(job, name), (first, last)| is_meant(job, name) || *last - *first >= STAYS_FOR);
    for incident in incidents {
        let of_it = raised.keys().filter(|(job, _)| job == incident.job).map(|(_, name)| name.as_str());
        let (found, meant): (BTreeSet<_>, BTreeSet<_>) =
            (of_it.collect(), incident.alerts.iter().copied().collect());
        assert_eq!(found, meant, "{}", incident.job);
    }
}
