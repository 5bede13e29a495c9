//! Application servers as they are by default, behind a gateway with its defaults: a load with idle pauses
//! just around the time for which each keeps a connection, over a distance of some milliseconds.
//!
//! The whole of it is run by `./dev applications servers`, a minute each.

mod kinds;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use super::asked_for;
use super::stage::{beside, succeeded};
use crate::support::application::Application;
use crate::support::gateway::{Gateway, Setup};
use crate::support::project;
use crate::support::tools::{Running, python};
use kinds::{ALL, Kind};

/// One way, in seconds: as to a server in the next city.
const DISTANCE: &str = "0.02";

/// What became of a load.
#[derive(Debug)]
struct Outcome {
    requests: u64,
    /// Answers that were no 200.
    failed: u64,
    /// POSTs that were carried out more than once.
    repeated: usize,
    ejections: f64,
}

impl Outcome {
    fn is_good(&self) -> bool {
        self.requests > 0 && self.failed == 0 && self.repeated == 0 && self.ejections == 0.0
    }
}

/// How requests were answered, with as much in their heads as these numbers say: of bytes in one field,
/// and of fields.
fn heads(gateway: &Gateway, fillers: impl Iterator<Item = (usize, usize)>) -> BTreeSet<String> {
    let ask = |(bytes, fields)| {
        let mut request = gateway.client().get("/");
        for at in 0..fields {
            request = request.header(&format!("f{at}"), "1");
        }
        let reply = request.header("filler", &"x".repeat(bytes)).send();
        if reply.header("proxy-status").is_empty() { reply.status.to_string() } else { reply.code() }
    };
    fillers.map(ask).collect()
}

/// Two servers of a kind, so that one could be left out, and where they are asked.
struct Pair {
    servers: [Application; 2],
    _far: Running,
    addresses: Vec<String>,
}

impl Pair {
    fn start(kind: &Kind) -> Self {
        let servers = [(); 2].map(|()| kind.start());
        let mut command = python("python");
        command.arg(beside("servers/far.py")).arg(DISTANCE);
        command.args(servers.iter().map(|server| server.address.to_string()));
        let mut far = Running::start(command);
        let addresses = far.line().split(' ').map(|port| format!("127.0.0.1:{port}")).collect();
        Self { servers, _far: far, addresses }
    }

    fn posts(&self) -> Vec<PathBuf> {
        self.servers.iter().map(|server| server.folder().join("posts")).collect()
    }
}

/// `more` are further lines of the upstream.
fn load(kind: &Kind, seconds: u32, more: &str) -> Outcome {
    let pair = Pair::start(kind);
    let servers: Vec<_> =
        pair.addresses.iter().map(|address| format!("{{ address = \"{address}\" }}")).collect();
    let gateway = Setup::new("")
        .config(&format!("[[upstreams]]\nname = \"app\"\nservers = [{}]\n{more}", servers.join(", ")))
        .route("app", "/", "app", "auth = \"public\"")
        .unlimited()
        .start();
    let told = json!({"url": format!("http://{}", gateway.address), "seconds": seconds, "pause": kind.idle});
    let mut command = python("python");
    command.arg(beside("servers/load.py")).env("LOAD", told.to_string());
    let said = succeeded(command.output().unwrap());
    let answers: BTreeMap<String, u64> = serde_json::from_str(said.trim()).unwrap();
    let posts: String =
        pair.posts().iter().map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    posts.lines().for_each(|number| *times.entry(number).or_default() += 1);
    Outcome {
        requests: answers.values().sum(),
        failed: answers.iter().filter(|(answer, _)| !answer.ends_with(" 200")).map(|(_, count)| count).sum(),
        repeated: times.values().filter(|times| **times > 1).count(),
        ejections: gateway.total("gateway_upstream_server_ejections_total", &[]),
    }
}

/// All at once: each mostly waits.
fn each(kinds: &[&'static Kind], seconds: u32, more: &'static str) -> Vec<(&'static str, Outcome)> {
    let running: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let kind: &'static Kind = kind;
            std::thread::spawn(move || (kind.name, load(kind, seconds, more)))
        })
        .collect();
    let outcomes: Vec<_> = running.into_iter().map(|one| one.join().unwrap()).collect();
    for (name, outcome) in &outcomes {
        println!("{name} {more}: {outcome:?}");
    }
    outcomes
}

fn answers(address: SocketAddr) -> bool {
    super::stage::answers(address, "/")
}

#[test]
fn requests_just_around_the_time_for_which_a_server_keeps_connections_get_their_answers() {
    let small: Vec<_> = ALL.iter().filter(|kind| kind.is_small).collect();
    for (name, outcome) in each(&small, 11, "") {
        assert!(outcome.is_good(), "{name}: {outcome:?}");
    }
}

/// Around the limits all that they let through is taken by the server, which shows that they are not too
/// wide, and of what is far over them it takes nothing, which shows that they are needed.
fn takes_heads(kind: &Kind) {
    let server = kind.start();
    let before = |more: &str| {
        let upstream = format!("[[upstreams]]\nname = \"app\"\naddress = \"{}\"\n{more}", server.address);
        Setup::new("").config(&upstream).route("app", "/", "app", "auth = \"public\"").unlimited().start()
    };
    let (within, without) = (before(&kind.settings().join("\n")), before(""));
    let both = |code: &str| BTreeSet::from(["200".to_owned(), code.to_owned()]);
    if let Some(most) = kind.head_bytes_max {
        let around = (most - 1_000..most + 100).step_by(50).map(|bytes| (bytes, 0));
        assert_eq!(heads(&within, around), both("upstream_headers_too_large"), "{}", kind.name);
        let far = heads(&without, [(most + most / 2, 0)].into_iter());
        assert!(!far.contains("200"), "{}: {far:?}", kind.name);
    }
    if let Some(most) = kind.fields_max {
        let around = (most - 20..most + 1).map(|fields| (0, fields));
        assert_eq!(heads(&within, around), both("upstream_too_many_headers"), "{}", kind.name);
        let far = heads(&without, [(0, most + 60)].into_iter());
        assert!(!far.contains("200"), "{}: {far:?}", kind.name);
    }
}

#[test]
fn servers_take_the_heads_that_the_limits_for_them_let_through() {
    for kind in ALL.iter().filter(|kind| kind.is_small || std::env::var_os("APPLICATIONS").is_some()) {
        takes_heads(kind);
    }
}

#[test]
fn the_page_says_of_each_server_what_it_was_seen_to_need() {
    let page = std::fs::read_to_string(project().join("docs/applications.md")).unwrap();
    for kind in &ALL {
        let row = page.lines().find(|line| line.starts_with(&format!("| {} |", kind.name)));
        let row = row.unwrap_or_else(|| panic!("{} has no row", kind.name));
        for setting in kind.settings() {
            assert!(row.contains(&format!("`{setting}`")), "{row}: `{setting}`");
        }
        assert_eq!(row.matches("_max = ").count(), kind.settings().len(), "{row}");
    }
}

#[test]
fn no_server_in_common_use_loses_a_request_in_a_minute() {
    if !asked_for() {
        return;
    }
    let all: Vec<_> = ALL.iter().collect();
    for (name, outcome) in each(&all, 60, "") {
        assert!(outcome.is_good(), "{name}: {outcome:?}");
    }
}

#[test]
fn connections_that_are_kept_for_longer_than_servers_do_lose_requests() {
    if !asked_for() {
        return;
    }
    let all: Vec<_> = ALL.iter().collect();
    let outcomes = each(&all, 60, "idle_timeout_ms = 60000");
    assert!(outcomes.iter().any(|(_, outcome)| outcome.failed > 0), "else the test above shows nothing");
    for (name, outcome) in outcomes {
        assert!(outcome.repeated == 0 && outcome.ejections == 0.0, "{name}: {outcome:?}");
    }
}
