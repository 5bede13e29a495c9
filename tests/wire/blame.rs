//! A server is blamed for what it did wrong, and not for what one client can bring about.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

/// A server that closes on a head over 4 KiB or of more than a hundred fields without a word, as uWSGI
/// does, and on requests for `/broken`; others it answers.
struct Touchy {
    address: SocketAddr,
    heads: Arc<AtomicUsize>,
}

impl Touchy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let mut writer = stream;
                    loop {
                        let mut head = String::new();
                        while !head.ends_with("\r\n\r\n") {
                            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                                return;
                            }
                        }
                        counted.fetch_add(1, Ordering::Relaxed);
                        let fields = head.lines().count() - 2;
                        if head.len() > 4_096 || fields > 100 || head.contains("/broken") {
                            return;
                        }
                        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                    }
                });
            }
        });
        Self { address, heads }
    }

    fn seen(&self) -> usize {
        self.heads.load(Ordering::Relaxed)
    }
}

fn gateway(servers: &[&Touchy], more: &str) -> Gateway {
    let listed: Vec<_> =
        servers.iter().map(|server| format!("{{ address = \"{}\" }}", server.address)).collect();
    Setup::new("")
        .config("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")
        .config(&format!(
            "[[upstreams]]\nname = \"app\"\nservers = [{}]\nretries = 3\neject_after = 3\neject_ms = 60000\n{more}",
            listed.join(", ")
        ))
        .route("public", "/", "app", "auth = \"public\"")
        .start()
}

/// The status of a GET of this client.
fn get(gateway: &Gateway, path: &str, client: &str) -> u16 {
    gateway.client().get(path).header("x-forwarded-for", client).send().status
}

fn ejections(gateway: &Gateway) -> f64 {
    gateway.total("gateway_upstream_server_ejections_total", &[])
}

#[test]
fn a_head_that_servers_do_not_take_takes_no_server_out_and_is_tried_on_one() {
    let servers = [Touchy::start(), Touchy::start(), Touchy::start()];
    let gateway = gateway(&servers.iter().collect::<Vec<_>>(), "");
    for client in 0..10 {
        let request = gateway.client().get("/large").header("x-filler", &"x".repeat(8_000));
        let reply = request.header("x-forwarded-for", &format!("192.0.2.{client}")).send();
        assert_eq!(reply.status, 502);
    }
    assert_eq!(servers.iter().map(Touchy::seen).sum::<usize>(), 20, "each on one other");
    assert_eq!(ejections(&gateway), 0.0);
    assert_eq!(gateway.total("gateway_upstream_server_large_head_breaks_total", &[]), 20.0);
    assert!((0..9).all(|_| get(&gateway, "/", "192.0.2.1") == 200));
}

#[test]
fn a_head_of_more_fields_than_servers_take_takes_no_server_out_either() {
    let servers = [Touchy::start(), Touchy::start(), Touchy::start()];
    let gateway = gateway(&servers.iter().collect::<Vec<_>>(), "");
    for client in 0..10 {
        let mut request = gateway.client().get("/many");
        for at in 0..110 {
            request = request.header(&format!("f{at}"), "1");
        }
        assert_eq!(request.header("x-forwarded-for", &format!("192.0.2.{client}")).send().status, 502);
    }
    assert_eq!(servers.iter().map(Touchy::seen).sum::<usize>(), 20, "each on one other");
    assert_eq!(ejections(&gateway), 0.0);
    assert_eq!(gateway.total("gateway_upstream_server_large_head_breaks_total", &[]), 20.0);
}

#[test]
fn a_large_head_is_answered_beside_a_server_that_is_ill_which_is_found_out() {
    // It takes connections, and closes behind each request.
    let ill = Upstream::answering("");
    let well = Upstream::start();
    let upstream = |more: &str| {
        let servers =
            [&ill, &well].map(|server| format!("{{ address = \"{}\" }}", server.address)).join(", ");
        let setup = Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
        let upstream = format!("[[upstreams]]\nname = \"app\"\nservers = [{servers}]\n{more}");
        setup.config(&upstream).route("public", "/", "app", "auth = \"public\"").unlimited().start()
    };
    let ask = |gateway: &Gateway| {
        let cookie = format!("a={}", "x".repeat(4_200));
        assert_eq!(gateway.client().get("/").header("cookie", &cookie).send().status, 200);
    };
    let gateway = upstream("");
    (0..30).for_each(|_| ask(&gateway));
    assert_eq!(ejections(&gateway), 0.0, "it takes connections");
    let gateway = upstream("health = { path = \"/\", interval_ms = 3600000, unhealthy_after = 100 }");
    crate::support::eventually("it is left out", || {
        ask(&gateway);
        ejections(&gateway) == 1.0
    });
}

#[test]
fn what_one_client_alone_meets_takes_no_server_out() {
    let servers = [Touchy::start(), Touchy::start(), Touchy::start()];
    let gateway = gateway(&servers.iter().collect::<Vec<_>>(), "");
    for _ in 0..12 {
        assert_eq!(get(&gateway, "/broken", "192.0.2.1"), 502);
    }
    // Each was repeated once, and on one other server.
    assert_eq!(servers.iter().map(Touchy::seen).sum::<usize>(), 24);
    assert_eq!(ejections(&gateway), 0.0);
    // A whole network of IPv6 is one client.
    for last in 0..12 {
        assert_eq!(get(&gateway, "/broken", &format!("2001:db8::{last:x}")), 502);
    }
    assert!((0..9).all(|_| get(&gateway, "/", "192.0.2.1") == 200));
}

/// A /48 of IPv6 has 65,536 networks, and is free at tunnel brokers.
#[test]
fn who_has_many_ipv6_networks_is_still_one_client() {
    let servers = [Touchy::start(), Touchy::start(), Touchy::start()];
    let gateway = gateway(&servers.iter().collect::<Vec<_>>(), "");
    for network in 0..12 {
        assert_eq!(get(&gateway, "/broken", &format!("2001:db8:1:{network:x}::1")), 502);
    }
    assert_eq!(ejections(&gateway), 0.0);
}

#[test]
fn what_several_clients_meet_takes_a_server_out() {
    let servers = [Touchy::start(), Touchy::start()];
    let gateway = gateway(&[&servers[0], &servers[1]], "");
    for client in 0..6 {
        get(&gateway, "/broken", &format!("192.0.2.{client}"));
    }
    assert_eq!(ejections(&gateway), 1.0, "and the last one never");
}

#[test]
fn what_one_client_meets_takes_a_server_out_where_a_check_of_ours_confirms_it() {
    // It answers its clients well, but not the check.
    let (ill, well) = (Touchy::start(), Touchy::start());
    let health = "health = { path = \"/broken\", interval_ms = 3600000, unhealthy_after = 100 }\n";
    let gateway = gateway(&[&ill, &well], health);
    for _ in 0..6 {
        get(&gateway, "/broken", "192.0.2.1");
    }
    crate::support::eventually("a server is left out", || ejections(&gateway) == 1.0);
}

#[test]
fn a_kept_connection_that_its_server_closed_is_no_failure() {
    let upstream = Upstream::that_hangs_up_after(1);
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("public", "/", "app", "auth = \"public\"")
        .start();
    for _ in 0..6 {
        assert_eq!(gateway.client().get("/").send().status, 200);
    }
    assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
    // What may have been carried out is not repeated, and the server is not to blame all the same.
    let statuses: Vec<_> = (0..4).map(|_| gateway.client().post("/").body("x").send().status).collect();
    assert!(statuses.contains(&200), "{statuses:?}");
    assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
}

#[test]
fn a_connection_whose_answer_others_read_otherwise_is_not_used_again() {
    // Some take the second field for one, and some do not (RFC 9112 §5.1).
    for head in [
        "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n8\r\nab",
        "Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\nhello",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<usize>>> = Arc::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for (at, mut stream) in listener.incoming().flatten().enumerate() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || {
                    let mut bytes = [0; 4_096];
                    while matches!(stream.read(&mut bytes), Ok(read) if read > 0) {
                        seen.lock().unwrap().push(at);
                        stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).ok();
                    }
                });
            }
        });
        let gateway = Setup::new("")
            .upstream("app", &address.to_string())
            .route("public", "/", "app", "auth = \"public\"")
            .start();
        for _ in 0..3 {
            gateway.client().get("/").try_send().ok();
        }
        let asked = asked.lock().unwrap();
        let used: std::collections::HashSet<_> = asked.iter().collect();
        assert_eq!(used.len(), asked.len(), "{head:?}: {asked:?}");
    }
}

#[test]
fn bytes_that_nobody_asked_for_are_nobodys_answer() {
    // Each answer is followed by another one, at once or while the connection waits.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (at, mut stream) in listener.incoming().flatten().enumerate() {
            std::thread::spawn(move || {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown";
                let stray = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsomeones";
                let mut seen = [0; 4_096];
                while matches!(stream.read(&mut seen), Ok(read) if read > 0) {
                    let together = [&answer[..], &stray[..]].concat();
                    let first = if at % 2 == 0 { &together[..] } else { &answer[..] };
                    if stream.write_all(first).is_err() {
                        return;
                    }
                    if at % 2 == 1 {
                        stream.write_all(stray).ok();
                    }
                }
            });
        }
    });
    let gateway = Setup::new("")
        .upstream("app", &address.to_string())
        .route("public", "/", "app", "auth = \"public\"")
        .start();
    for _ in 0..30 {
        assert_eq!(gateway.client().get("/").send().text(), "own");
    }
    let unclean = [("reason", "unasked_bytes")];
    assert!(gateway.total("gateway_upstream_unclean_connections_total", &unclean) >= 15.0);
    assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
}
