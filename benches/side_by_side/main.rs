//! The gateway beside a bare Pingora proxy: the same upstream, the same load, in one run.
//!
//! What counts is the CPU time of the proxy's process for each request; requests per second
//! follow. Rounds alternate, the bare proxy's turn before each other one, so that what else the
//! machine does falls on both. Clients speak to loopback only, for a bounded time.
#![expect(clippy::cast_precision_loss, reason = "counts of requests and ticks are far below 2^53")]

mod bare;
mod load;
mod programs;
mod report;
#[path = "../support.rs"]
mod support;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::clock::Stopwatch;

use load::{CONNECTIONS, Load, Slice};
use programs::{Cores, Program, build_bare_mimalloc};
use report::Row;
use upstream::{NOBODY, SOMEBODY};

/// How long a proxy may take until it answers as it should.
const READY_TIME_MAX: Duration = Duration::from_secs(10);

/// How long, and how often.
struct Plan {
    rounds: usize,
    warm_up: Duration,
    slice: Duration,
}

/// A proxy to be measured.
struct Contestant {
    name: &'static str,
    load: Load,
    /// The proxy's process, and one beside it that works for it, if any.
    pids: [u32; 2],
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("bare") => bare::run(arguments),
        Some("upstream") => upstream::run(),
        first => match plan(first.into_iter().map(str::to_owned).chain(arguments)) {
            Ok(plan) => compare(&plan),
            Err(usage) => {
                eprintln!(
                    "{usage}\nusage: cargo bench -p gateway --bench side_by_side [-- --quick | --rounds N]"
                );
                std::process::exit(2);
            }
        },
    }
}

/// By default about two and a half minutes; half a minute with `--quick`.
fn plan(mut arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan =
        Plan { rounds: 5, warm_up: Duration::from_millis(200), slice: Duration::from_millis(1_400) };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo says so to every benchmark.
            "--bench" => {}
            "--quick" => {
                plan = Plan {
                    rounds: 3,
                    warm_up: Duration::from_millis(100),
                    slice: Duration::from_millis(500),
                };
            }
            "--rounds" => {
                let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
                plan.rounds =
                    rounds.filter(|rounds| (3..=100).contains(rounds)).ok_or("--rounds takes 3 to 100")?;
            }
            other => return Err(format!("there is no option `{other}`")),
        }
    }
    Ok(plan)
}

fn compare(plan: &Plan) {
    print!("{}", report::header());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bare_mimalloc = build_bare_mimalloc().unwrap_or_else(|fault| panic!("{fault}"));
    let own = std::env::current_exe().expect("a path");
    let cores = Cores::choose();
    cores.pin(false);
    let upstream = Program::upstream(cores);
    let redis = Program::redis(cores, folder.path());
    let (plain, mimalloc) = (
        Program::bare(&own, cores, upstream.address),
        Program::bare(&bare_mimalloc, cores, upstream.address),
    );
    let start = |name: &str, settings: Settings, redis: Option<&Program>| {
        let config = settings.config(upstream.address);
        Program::gateway(cores, &folder.path().join(name), &config, redis)
    };
    let off = start("off", Settings { user_limit: false, access_log: false }, None);
    let limited = start("limited", Settings { user_limit: true, access_log: false }, None);
    let logged = start("logged", Settings { user_limit: true, access_log: true }, None);
    let strict = redis
        .as_ref()
        .map(|redis| (start("redis", Settings { user_limit: true, access_log: false }, Some(redis)), redis));

    let tokens = support::tokens(&support::issuer(), 1_000);
    let forged = [support::with_bad_signature(&tokens[0])];
    let contestant = |name, proxy: &Program, requests: Vec<String>, status, ends_with| Contestant {
        name,
        load: Load { address: proxy.address, requests: Arc::new(requests), status, ends_with },
        pids: [proxy.pid(), 0],
    };
    let bearing =
        |tokens: &[String]| tokens.iter().map(|token| request("/api/todos/42", Some(token))).collect();
    let public = || vec![request("/public/42", None)];
    let yardstick = contestant("bare", &plain, public(), 200, NOBODY);
    let mut contestants = vec![
        contestant("bare with mimalloc", &mimalloc, public(), 200, NOBODY),
        contestant("gateway: public route", &off, public(), 200, NOBODY),
        contestant(
            "gateway: HS256, revocation, identity headers; 1 token",
            &off,
            bearing(&tokens[..1]),
            200,
            SOMEBODY,
        ),
        contestant("gateway: the same; 1,000 tokens", &off, bearing(&tokens), 200, SOMEBODY),
        contestant("gateway: … and the limit per user", &limited, bearing(&tokens), 200, SOMEBODY),
        contestant("gateway: … and a log line per request", &logged, bearing(&tokens), 200, SOMEBODY),
        contestant("gateway: bad signature, 401", &limited, bearing(&forged), 401, ""),
    ];
    if let Some((strict, redis)) = &strict {
        let mut strict = contestant(
            "gateway: limit per user, revocation in Redis",
            strict,
            bearing(&tokens),
            200,
            SOMEBODY,
        );
        strict.pids[1] = redis.pid();
        contestants.push(strict);
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let watch = Stopwatch::start();
    let (bare, rows) = runtime.block_on(measure(plan, &yardstick, &contestants));
    println!();
    println!("{}", report::table(&bare, &rows));
    remarks(plan, cores, &bare, &rows, strict.is_some(), watch.elapsed());
}

async fn measure(plan: &Plan, yardstick: &Contestant, contestants: &[Contestant]) -> (Vec<Slice>, Vec<Row>) {
    for contestant in contestants.iter().chain([yardstick]) {
        await_ready(contestant).await;
    }
    let mut bare = Vec::new();
    let mut rows: Vec<_> =
        contestants.iter().map(|one| Row { name: one.name.to_owned(), pairs: Vec::new() }).collect();
    for round in 1..=plan.rounds {
        for (contestant, row) in contestants.iter().zip(&mut rows) {
            let beside = slice(plan, yardstick).await;
            row.pairs.push((slice(plan, contestant).await, beside));
            bare.push(beside);
        }
        eprintln!("round {round} of {}", plan.rounds);
    }
    (bare, rows)
}

async fn slice(plan: &Plan, contestant: &Contestant) -> Slice {
    let slice = contestant.load.run(contestant.pids, plan.warm_up, plan.slice).await;
    slice.unwrap_or_else(|fault| panic!("{}: {fault}", contestant.name))
}

/// A gateway on Redis may still be filling it.
async fn await_ready(contestant: &Contestant) {
    let watch = Stopwatch::start();
    while let Err(fault) = contestant.load.probe().await {
        assert!(watch.elapsed() < READY_TIME_MAX, "{}: {fault}", contestant.name);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn remarks(plan: &Plan, cores: Cores, bare: &[Slice], rows: &[Row], redis: bool, taken: Duration) {
    println!(
        "- {} rounds; in each the bare proxy has a slice of {} ms before every other slice, and a ratio is taken between these two. Figures are medians. {CONNECTIONS} connections, one request at a time on each; {:.0} s in all.",
        plan.rounds,
        plan.slice.as_millis(),
        taken.as_secs_f64()
    );
    println!("- Every answer was checked: its status, and whether the upstream was told who asks.");
    if cores.are_two() {
        println!("- The proxy has one core for itself; load, upstream and Redis share another one.");
    } else {
        println!(
            "- There is but one core: the proxy shares it with load and upstream, and requests per second say nothing."
        );
    }
    println!(
        "- All proxies have one worker thread and keep their connections. The bare one sets no time-outs and no headers."
    );
    println!(
        "- Revocation is always checked: in memory where the row does not say Redis. Failed authentications are counted by address."
    );
    println!(
        "- The allocator is the system's in `bare` and mimalloc in `bare with mimalloc` and in the gateway. Log lines are JSON, into a file."
    );
    match rows.last() {
        Some(row) if redis => println!(
            "- With Redis each request waits for one round trip; redis-server itself used {:.1} µs of CPU time for it, which is not in the table.",
            report::beside(row)
        ),
        _ => println!("- There is no redis-server on this machine: that row is missing."),
    }
    println!(
        "- Noise: from slice to slice the bare proxy's own CPU time per request differed by up to {:.0} % of its median. Where its core is busy for much less than 100 %, the other core, or other work on the machine, bounds the requests per second.",
        report::noise(bare)
    );
}

/// What differs between the gateways.
struct Settings {
    user_limit: bool,
    access_log: bool,
}

impl Settings {
    fn config(&self, upstream: SocketAddr) -> String {
        // So high that nobody is refused: what is measured is the counting.
        let high = "{ requests = 1000000000, window_seconds = 60 }";
        let user = if self.user_limit { high } else { "\"unlimited\"" };
        let log = self.access_log;
        format!(
            "server = {{ threads = 1 }}\n\
             log = {{ access = {log}, format = \"json\" }}\n\
             limits = {{ user = {user}, failed_authentication_address = {high} }}\n\
             redis = {{ check_timeout_ms = 2000 }}\n\
             [[upstreams]]\nname = \"service\"\naddress = \"{upstream}\"\n\
             [[routes]]\nname = \"public\"\npath = \"/public\"\nupstream = \"service\"\nauth = \"public\"\n\
             [[routes]]\nname = \"todos\"\npath = \"/api/todos\"\nupstream = \"service\"\n"
        )
    }
}

/// What a small client sends.
fn request(path: &str, token: Option<&str>) -> String {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: side-by-side\r\nAccept: */*\r\n{authorization}\r\n"
    )
}
