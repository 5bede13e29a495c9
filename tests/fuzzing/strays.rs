//! What a service says that nobody asked for, with its answers and between them, by a schedule of chance: no
//! client ever gets it, and none gets the answer of another.

mod straying;

use std::net::SocketAddr;

use straying::Straying;

use super::campaign::Campaign;
use super::dice::Dice;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;

/// Clients that ask at a time.
const CLIENTS: usize = 6;
/// Rounds of one schedule: all ask, all are answered, and something strays.
const ROUNDS: usize = 3;

fn gateway(service: &Straying, open: &str) -> Gateway {
    Setup::new("")
        .upstream("service", &service.address.to_string())
        .config("eject_after = 0")
        .route("all", "/", "service", "auth = \"public\"")
        .env("GATEWAY__SERVER__FAST_PATH", open)
        .unlimited()
        .start()
}

#[test]
fn what_nobody_asked_for_reaches_nobody_by_the_lane() {
    let service = Straying::start();
    let gateway = gateway(&service, "true");
    println!("{}", hold(gateway.address, &service, Campaign::share(15)).unwrap());
    let lane = gateway.total("gateway_http_ways_total", &[("way", "lane")]);
    assert!(lane > 0.0 && gateway.total("gateway_http_ways_total", &[]) == lane);
}

#[test]
fn what_nobody_asked_for_reaches_nobody_by_the_other_way() {
    let service = Straying::start();
    let gateway = gateway(&service, "false");
    println!("{}", hold(gateway.address, &service, Campaign::share(15)).unwrap());
}

#[test]
fn whoever_uses_a_connection_again_without_a_look_at_it_is_found_out() {
    let service = Straying::start();
    hold(service.address, &service, Campaign::fixed(16)).unwrap_err();
}

/// One schedule after another.
fn hold(door: SocketAddr, service: &Straying, mut campaign: Campaign) -> Result<String, String> {
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Raw::connect(door)).collect();
    let (mut answers, mut strays) = (0, 0);
    loop {
        let seeds = campaign.batch(1);
        let [seed] = seeds[..] else {
            return Ok(format!("Strays: {answers} answers, each its own, and {strays} that were nobody's"));
        };
        let mut dice = Dice::new(seed);
        for round in 0..ROUNDS {
            let asks = (0..CLIENTS).map(|client| Ask::new(&format!("{seed}-{round}-{client}"), &mut dice));
            let asks: Vec<_> = asks.collect();
            strays += asks.iter().filter(|ask| ask.strays).count();
            let asked: Vec<_> = std::thread::scope(|scope| {
                let asked =
                    clients.iter_mut().zip(&asks).map(|(client, ask)| scope.spawn(|| ask.hold(client)));
                // All of them begin before one is waited for.
                asked.collect::<Vec<_>>().into_iter().map(|one| one.join().unwrap()).collect()
            });
            for asked in asked {
                asked.map_err(|why| format!("{why}\nto see it again: FUZZ_SEED={seed}"))?;
                answers += 1;
            }
            // All are answered: on a connection that is open nothing is to be said.
            strays += service.stray(&mut dice);
        }
    }
}

/// A request with a marker of its own, and how its service is to answer.
struct Ask {
    bytes: String,
    marker: String,
    to_head: bool,
    strays: bool,
}

impl Ask {
    fn new(marker: &str, dice: &mut Dice) -> Self {
        let method = dice.one_of(&["GET", "GET", "HEAD", "POST", "PUT"]);
        let strays = dice.in_percent(30);
        let stray = if strays { format!("X-Stray: {}\r\n", dice.below(100)) } else { String::new() };
        let cut = if dice.in_percent(40) { format!("X-Cut: {}\r\n", dice.below(120)) } else { String::new() };
        let content = if matches!(method, "POST" | "PUT") { "content" } else { "" };
        let length = if content.is_empty() { "" } else { "Content-Length: 7\r\n" };
        let line = format!("{method} /{marker} HTTP/1.1\r\nHost: a\r\nX-Marker: {marker}");
        Self {
            bytes: format!("{line}\r\n{stray}{cut}{length}\r\n{content}"),
            marker: marker.to_owned(),
            to_head: method == "HEAD",
            strays,
        }
    }

    /// Asks, and holds what comes back against what was asked.
    fn hold(&self, client: &mut Raw) -> Result<(), String> {
        client.send(&self.bytes);
        let reply = if self.to_head { client.head() } else { client.reply() };
        let reply = reply.ok_or_else(|| format!("no answer to {:?}", self.bytes))?;
        let marker = reply.field("x-marker").unwrap_or_default();
        let is_own = marker == self.marker && (self.to_head || reply.text() == self.marker);
        let why = || format!("{:?} is answered by {reply:?}", self.bytes);
        if is_own && reply.status == 200 { Ok(()) } else { Err(why()) }
    }
}
