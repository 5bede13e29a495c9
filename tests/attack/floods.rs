//! Many of everything: addresses, users, paths, methods and connections. What the gateway keeps of
//! them is bounded, and those who behave do not notice.

use serde_json::json;

use super::Siege;
use super::tokens::good;
use crate::support::forge::{access, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::{eventually, in_parallel};

/// Everybody comes through a proxy that is trusted: one test can be many addresses.
fn behind_a_proxy(setup: Setup) -> Setup {
    setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#)
}

/// The names and labels of all series.
fn series(gateway: &Gateway) -> Vec<String> {
    let metrics = gateway.metrics();
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

/// One address of two million, by number.
fn address(number: usize) -> String {
    format!("100.{}.{}.{}", 64 + number / 65_536, number / 256 % 256, number % 256)
}

/// A request that nobody else sends: in address, user, path, query, method, host and agent.
fn unique(siege: &Siege, connection: &mut Raw, number: usize) {
    let user =
        with(with(good(siege), "user_id", json!(1_000 + number)), "sub", json!((1_000 + number).to_string()));
    let token = if number.is_multiple_of(2) { access(&user) } else { format!("{number}.b.c") };
    let path = ["/api", "/public", "/nowhere", "/api/auth", "/api/admin"][number % 5];
    let method = if number.is_multiple_of(3) { format!("M{number}") } else { "GET".to_owned() };
    connection.send(format!(
        "{method} {path}/p{number}?q={number} HTTP/1.1\r\nHost: h{number}.example\r\nUser-Agent: a{number}\r\nX-Forwarded-For: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
        address(number)
    ));
    let status = connection.status().unwrap();
    assert!((200..500).contains(&status), "{method} {path}: {status}");
}

#[test]
fn ten_thousand_addresses_users_paths_and_methods_add_no_metric_and_bounded_memory() {
    let siege = Siege::with(|setup| {
        let limited = setup
            .env("GATEWAY__LIMITS__KEYS_MAX", "100")
            .env("GATEWAY__LIMITS__USER", "{requests=9,window_seconds=600}");
        behind_a_proxy(limited)
            .env("GATEWAY__LIMITS__FAILED_AUTHENTICATION_ADDRESS", "{requests=9,window_seconds=600}")
            .env("GATEWAY__LOG__ACCESS", "false")
    });
    let send = |range: std::ops::Range<usize>| {
        let mut connection = Raw::connect(siege.gateway.address);
        range.for_each(|number| unique(&siege, &mut connection, number));
    };
    // Who is known keeps a bucket of their own; who comes when it is full shares one.
    assert_eq!(siege.ada.get("/api/todos").status, 200);
    // Until each reason to refuse has occurred, a full limiter's among them.
    send(0..2_000);
    let before = series(&siege.gateway);
    in_parallel(4, |thread| send((thread + 1) * 2_000..(thread + 2) * 2_000));
    let new: Vec<_> = series(&siege.gateway).into_iter().filter(|name| !before.contains(name)).collect();
    assert!(new.is_empty(), "{new:?}");
    let metrics = siege.gateway.metrics();
    let held: Vec<_> = metrics.lines().filter(|line| line.starts_with("gateway_rate_limit_keys{")).collect();
    assert!(held.iter().any(|line| line.ends_with(" 100")), "nothing was counted: {held:?}");
    for line in held {
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() <= 100.0, "{line}");
    }
    for word in ["100.64", "p77", "M77", "h77"] {
        assert!(!metrics.contains(word), "{word} became a label");
    }
    siege.stands();
}

#[test]
fn a_flood_of_bad_tokens_from_one_address_is_limited_and_good_ones_pass() {
    let siege = Siege::with(|setup| {
        behind_a_proxy(setup)
            .env("GATEWAY__LIMITS__FAILED_AUTHENTICATION_ADDRESS", "{requests=20,window_seconds=600}")
    });
    let client = siege.gateway.client();
    let ask = |token: &str, from: &str| {
        client.get("/api/todos").bearer(token).header("x-forwarded-for", from).send()
    };
    let mut refused: Vec<_> = (0..40).map(|number| ask(&format!("a.b.{number}"), "100.64.0.1")).collect();
    let last = refused.pop().unwrap();
    assert_eq!((last.status, last.code().as_str()), (429, "rate_limited"));
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(refused.iter().take(15).all(|reply| reply.status == 401));
    assert_eq!(ask(&siege.ada.access, "100.64.0.1").status, 200);
    assert_eq!(ask("a.b.c", "100.64.0.2").status, 401);
    // Within one IPv6 network a new address costs nothing.
    let of_network = |host: usize| ask("a.b.c", &format!("2001:db8:7:7::{host:x}")).status;
    let of_all: Vec<_> = (1..40).map(of_network).collect();
    assert_eq!(of_all.last(), Some(&429), "{of_all:?}");
}

#[test]
fn one_address_holds_no_more_connections_than_its_share() {
    let siege = Siege::with(|setup| setup.env("GATEWAY__SERVER__CONNECTIONS_PER_ADDRESS_MAX", "20"));
    is_capped(&siege, 20);
}

#[test]
fn all_together_hold_no_more_connections_than_there_are() {
    // A trusted proxy speaks for many and has no share of its own: only the total bounds it.
    let siege = Siege::with(|setup| {
        behind_a_proxy(setup)
            .env("GATEWAY__SERVER__CONNECTIONS_MAX", "20")
            .env("GATEWAY__SERVER__CONNECTIONS_PER_ADDRESS_MAX", "5")
    });
    is_capped(&siege, 20);
}

/// So many connections are served, one more is closed without a word, and a place that is given
/// back is taken again.
fn is_capped(siege: &Siege, cap: usize) {
    const ASK: &str = "GET /public HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let mut held = Vec::new();
    let refused = loop {
        let mut raw = Raw::connect(siege.gateway.address);
        match raw.send(ASK).reply() {
            Some(reply) => held.push((reply.status, raw)),
            None => break raw,
        }
        assert!(held.len() <= cap, "the {}th connection was served", held.len());
    };
    // Ada's own client holds a few.
    assert!(held.len() + 5 > cap && held.iter().all(|(status, _)| *status == 200), "{}", held.len());
    assert_eq!(siege.gateway.metric("gateway_downstream_connections"), cap as f64);
    assert!(held.iter_mut().all(|(_, raw)| raw.send(ASK).reply().unwrap().status == 200));
    drop((refused, held.pop()));
    eventually("a place that is given back is taken again", || siege.status(ASK) == 200);
}

#[test]
fn a_thousand_idle_connections_do_not_stop_anybody() {
    let siege = Siege::begin();
    let mut idle: Vec<_> = (0..1_000).map(|_| Raw::connect(siege.gateway.address)).collect();
    for (number, raw) in idle.iter_mut().enumerate() {
        // Some say nothing, some half a head, and some an earlier request.
        let half = [
            "",
            "GET /public HT",
            "GET /public HTTP/1.1\r\nHost: a.example\r\n",
            "POST /public HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\n1",
        ];
        raw.send(half[number % 4]);
    }
    eventually("all of them are held", || siege.gateway.metric("gateway_downstream_connections") >= 1_000.0);
    for statuses in
        in_parallel(4, |_| (0..25).map(|_| siege.ada.get("/api/todos").status).collect::<Vec<_>>())
    {
        assert_eq!(statuses, [200; 25]);
    }
    drop(idle);
    eventually("all of them are given back", || {
        siege.gateway.metric("gateway_downstream_connections") < 100.0
    });
    assert_eq!(siege.ada.get("/api/todos").status, 200);
}
