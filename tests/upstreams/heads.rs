//! Heads that a service does not take are refused by us, and blame nobody.

use std::collections::BTreeSet;

use crate::support::gateway::{Gateway, Setup};
use crate::support::keeper::{Keeper, Temper};
use crate::support::upstream::{Arrived, Upstream};

fn setup(address: &str, more: &str) -> Setup {
    Setup::new("")
        .config(&format!("[[upstreams]]\nname = \"app\"\naddress = \"{address}\"\n{more}"))
        .route("app", "/app", "app", "auth = \"public\"")
        .route("mine", "/mine", "app", "")
}

/// A head as it came.
fn bytes(arrived: &Arrived) -> usize {
    let fields = arrived.headers.iter().map(|(name, value)| name.len() + 2 + value.len() + 2);
    arrived.line.len() + 2 + fields.sum::<usize>() + 2
}

fn get(gateway: &Gateway, path: &str) -> (u16, String) {
    let reply = gateway.client().get(path).send();
    (reply.status, if reply.status == 200 { String::new() } else { reply.code() })
}

#[test]
fn a_head_over_what_its_service_takes_is_refused_by_its_bytes_as_they_would_go_out() {
    let service = Upstream::start();
    let address = service.address.to_string();
    let filler = "x".repeat(1_200);
    let ask = |gateway: &Gateway| {
        let reply = gateway.client().get("/app").header("x-filler", &filler).send();
        (reply.status, if reply.status == 200 { String::new() } else { reply.code() })
    };
    ask(&setup(&address, "").start());
    let most = bytes(&service.only());
    service.forget();
    assert_eq!(ask(&setup(&address, &format!("head_bytes_max = {most}")).start()).0, 200);
    service.forget();
    let gateway = setup(&address, &format!("head_bytes_max = {}", most - 1)).start();
    assert_eq!(ask(&gateway), (431, "upstream_headers_too_large".to_owned()));
    assert!(service.arrived().is_empty());
    assert_eq!(get(&gateway, "/app").0, 200);
    assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
}

#[test]
fn the_headers_that_the_gateway_adds_count() {
    let service = Upstream::start();
    let address = service.address.to_string();
    // Enough for a limit that makes sense.
    let ask = |gateway: &Gateway, path: &str| {
        let mut request = gateway.client().get(path).bearer(&gateway.user().access);
        for at in 0..20 {
            request = request.header(&format!("f{at}"), "1");
        }
        request.send()
    };
    let fields = |path: &str| {
        service.forget();
        assert_eq!(ask(&setup(&address, "").start(), path).status, 200);
        service.only().headers.len()
    };
    let (public, mine) = (fields("/app"), fields("/mine"));
    assert!(mine > public, "with identity headers");
    let gateway = setup(&address, &format!("fields_max = {}", mine - 1)).start();
    assert_eq!(ask(&gateway, "/app").status, 200);
    let reply = ask(&gateway, "/mine");
    assert_eq!((reply.status, reply.code().as_str()), (431, "upstream_too_many_headers"));
    assert_eq!(ask(&setup(&address, &format!("fields_max = {mine}")).start(), "/mine").status, 200);
}

#[test]
fn a_head_that_is_refused_costs_no_kept_connection_and_no_server() {
    let service = Keeper::start(Temper::EVEN);
    let gateway =
        setup(&service.address.to_string(), "idle_timeout_ms = 60000\nhead_bytes_max = 2000").start();
    assert_eq!(get(&gateway, "/app").0, 200);
    for _ in 0..10 {
        let reply = gateway.client().post("/app").header("x-filler", &"x".repeat(3_000)).body("a").send();
        assert_eq!((reply.status, reply.code().as_str()), (431, "upstream_headers_too_large"));
        assert_eq!(get(&gateway, "/app").0, 200);
    }
    let used: BTreeSet<_> = service.asked().into_iter().collect();
    assert!(service.asked().len() == 11 && used.len() < 5, "{used:?}");
    assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
    assert!(!gateway.log().contains("could not be forwarded"), "clients choose no lines of the log");
}

#[test]
fn limits_that_would_refuse_everything_or_hold_for_nothing_are_complained_of() {
    for (lines, words) in [
        ("head_bytes_max = 1023", "head_bytes_max = 1023 would refuse every request"),
        ("fields_max = 0", "fields_max = 0 would refuse every request"),
        ("fields_max = 100\nprotocol = \"http2\"", "fields_max is about heads of HTTP/1.1"),
        ("idle_timeout_ms = 0", "a timeout of 0 ms would refuse every request"),
    ] {
        let failed = setup("127.0.0.1:1", lines).try_start().err().expect("it does not start");
        let said = failed.stderr;
        assert!(said.contains("upstream `app`") && said.contains(words), "{said}");
    }
}
