//! Whether logins hurt who is logged in: times of L3 alone, beside as many plain requests as the
//! storm has logins (what the storm's clients cost on a small machine), and in the storm.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::clients::ask;
use crate::contestants::{Stage, request};
use crate::gateways::{self, Settings, UNREACHED};
use crate::levels::{Level, Who};
use crate::load::{Load, Slice};
use crate::options::Options;
use crate::programs::{Program, Watched};
use crate::section::Section;
use crate::statistics::Spread;
use crate::targets::{STORM_TAIL_MAX, Verdict};

const EMAIL: &str = "storm@example.com";
const PASSWORD: &str = "Gust-and-gale-of-2026";
/// Of what hashing can do.
const TIMES: f64 = 20.0;
/// More than may wait for a hash, so that there is always one left for the next login.
const CLIENTS: usize = 160;
/// How long it is counted what hashing can do.
const CALIBRATION: Duration = Duration::from_millis(1_500);

/// Requests at a rate, whatever becomes of those before.
#[derive(Clone)]
struct Storm(Arc<Inner>);

struct Inner {
    gateway: std::net::SocketAddr,
    request: String,
    per_second: f64,
    started: Stopwatch,
    tickets: AtomicU64,
    accepted: AtomicU64,
    turned_away: AtomicU64,
    over: AtomicBool,
}

pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<Section, String> {
    let settings =
        Settings { user_limit: Some(UNREACHED), account: Some((EMAIL, PASSWORD)), ..Settings::default() };
    let gateway = gateways::gateway(stage, "gateway-storm", &settings)?;
    let load = stage.load(Level::Limited, Who::Gateway, gateway.address);
    runtime.block_on(measure(options, &gateway, &load))
}

async fn measure(options: &Options, gateway: &Program, load: &Load) -> Result<Section, String> {
    // As fast as the pool answers: two clients keep its one thread busy.
    let calibration = Storm::new(gateway, login(), f64::INFINITY);
    let clients = calibration.clients(2);
    tokio::time::sleep(CALIBRATION).await;
    calibration.end(clients).await?;
    let hashes = calibration.0.accepted.load(Ordering::Relaxed) as f64 / CALIBRATION.as_secs_f64();
    if hashes == 0.0 {
        return Err("nobody could log in".to_owned());
    }
    let watched = Watched { proxy: vec![gateway.pid()], beside: Vec::new() };
    let slice = options.slice.max(Duration::from_secs(1));
    let [mut alone, mut beside, mut stormy] = [const { Vec::new() }; 3];
    let (mut accepted, mut turned_away) = (0, 0);
    for _ in 0..options.rounds {
        alone.push(load.run(&watched, options.warm_up, slice).await?);
        for (request, slices) in [(request("/public/42", None), &mut beside), (login(), &mut stormy)] {
            let counts = request.starts_with("POST");
            let storm = Storm::new(gateway, request, hashes * TIMES);
            let clients = storm.clients(CLIENTS);
            let measured = load.run(&watched, options.warm_up, slice).await;
            storm.end(clients).await?;
            slices.push(measured?);
            if counts {
                accepted += storm.0.accepted.load(Ordering::Relaxed);
                turned_away += storm.0.turned_away.load(Ordering::Relaxed);
            }
        }
    }
    let mut table = "| | p50, p99 ms | p99 × alone | requests/s |\n|---|---|---|---|\n".to_owned();
    let mut in_the_storm = None;
    let rows = [("alone", &alone), ("with as many plain requests", &beside), ("with logins", &stormy)];
    for (name, slices) in rows {
        let median = |figure: fn(&Slice) -> f64| Spread::of(slices.iter().map(figure)).map(|it| it.median);
        let pairs = slices.iter().zip(&alone);
        let ratio = Spread::of(pairs.map(|(own, alone)| f64::from(own.p99) / f64::from(alone.p99)));
        in_the_storm = ratio.map(|ratio| ratio.median);
        writeln!(
            table,
            "| {name} | {:.1}, {:.1} | {:.2} | {:.0} |",
            median(|slice| f64::from(slice.p50)).unwrap_or_default() / 1_000.0,
            median(|slice| f64::from(slice.p99)).unwrap_or_default() / 1_000.0,
            in_the_storm.unwrap_or_default(),
            median(Slice::rate).unwrap_or_default(),
        )
        .ok();
    }
    let verdicts = vec![Verdict::at_most("p99 × alone", in_the_storm, STORM_TAIL_MAX)];
    let remark = format!(
        "{accepted} logins were let in, {turned_away} turned away (503). Hashing shares the proxy's one core, at a lower priority; the storm's clients share the load's: the middle row has what they cost."
    );
    let title =
        format!("storm: L3 while people log in at {TIMES} × what hashing can do ({hashes:.0} a second here)");
    Ok(Section { title, table, verdicts, remark })
}

fn login() -> String {
    let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
    format!(
        "POST /api/auth/login HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Storm {
    fn new(gateway: &Program, request: String, per_second: f64) -> Self {
        Self(Arc::new(Inner {
            gateway: gateway.address,
            request,
            per_second,
            started: Stopwatch::start(),
            tickets: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }))
    }

    fn clients(&self, count: usize) -> JoinSet<Result<(), String>> {
        (0..count).map(|_| self.clone().client()).collect()
    }

    async fn end(&self, mut clients: JoinSet<Result<(), String>>) -> Result<(), String> {
        self.0.over.store(true, Ordering::Relaxed);
        while let Some(ended) = clients.join_next().await {
            ended.map_err(|fault| fault.to_string())??;
        }
        Ok(())
    }

    /// Each request has its moment. A client that waits for an answer has only its own one.
    async fn client(self) -> Result<(), String> {
        let mut buffer = vec![0; 16 * 1_024];
        let mut stream = None;
        loop {
            let ticket = self.0.tickets.fetch_add(1, Ordering::Relaxed);
            let due = Duration::from_secs_f64(ticket as f64 / self.0.per_second);
            tokio::time::sleep(due.saturating_sub(self.0.started.elapsed())).await;
            if self.0.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            let connected = match stream.take() {
                Some(connected) => Ok(connected),
                None => TcpStream::connect(self.0.gateway).await,
            };
            let mut connected = connected.map_err(|fault| fault.to_string())?;
            match ask(&mut connected, &self.0.request, &mut buffer).await? {
                200 => self.0.accepted.fetch_add(1, Ordering::Relaxed),
                503 => self.0.turned_away.fetch_add(1, Ordering::Relaxed),
                other => return Err(format!("a login was answered with {other}")),
            };
            stream = Some(connected);
        }
    }
}
