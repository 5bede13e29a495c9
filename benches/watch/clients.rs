//! Who asks: people who use it, programs that are over their limit, tokens that are no longer good or
//! never were, somebody who guesses passwords for a while, and a service that is ill for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::json;

use crate::support::authority::Encrypted;
use crate::support::people::{PASSWORD, Person, fresh_email};
use crate::world::World;

/// What happens, for people.
pub(crate) const PROGRAMME: &str = "\
Clients: eight users at the todos and reports; one over the limit of /exports; bad, revoked and no tokens;
logins, right and wrong; refreshes, one of them a replay; TLS. From a third of the time on somebody guesses
passwords for a tenth of it; from two thirds on one server of the reports is ill, and then the other, too.";

/// When, as shares of the whole time.
const GUESSING: std::ops::Range<f64> = 0.33..0.43;
const ONE_ILL: std::ops::Range<f64> = 0.66..0.82;
const BOTH_ILL: std::ops::Range<f64> = 0.70..0.74;
const USERS: usize = 8;

/// How far the run has come.
struct Run<'a> {
    world: &'a World,
    since: Stopwatch,
    time: Duration,
    over: &'a AtomicBool,
}

impl Run<'_> {
    fn share(&self) -> f64 {
        self.since.elapsed().as_secs_f64() / self.time.as_secs_f64()
    }

    /// Does it again and again, with this pause between, until it is over.
    fn again(&self, pause_ms: u64, mut act: impl FnMut(usize)) {
        let mut turn = 0;
        while !self.over.load(Ordering::Relaxed) {
            act(turn);
            turn += 1;
            std::thread::park_timeout(Duration::from_millis(pause_ms));
        }
    }
}

/// They go on after their time, with what they do all the while, until it is over.
pub(crate) fn run(world: &World, time: Duration, over: &AtomicBool) {
    let people: Vec<_> = (0..USERS).map(|_| world.gateway.user()).collect();
    let run = &Run { world, since: Stopwatch::start(), time, over };
    std::thread::scope(|scope| {
        for person in &people {
            scope.spawn(move || run.again(70, |turn| use_it(person, turn)));
        }
        // Three times as fast as the limit allows.
        let greedy = &people[0];
        scope.spawn(move || run.again(330, |_| drop(greedy.request("GET", "/exports/all").try_send())));
        scope.spawn(move || run.again(1_000, |turn| be_wrong(run, turn)));
        scope.spawn(move || run.again(700, |turn| log_in(run, turn)));
        scope.spawn(move || run.again(20, |_| guess(run)));
        scope.spawn(move || run.again(2_000, |_| encrypted(run)));
        scope.spawn(move || run.again(500, |turn| tend(run, turn)));
    });
}

fn use_it(person: &Person, turn: usize) {
    let request = match turn % 32 {
        0 | 8 | 16 | 24 => {
            person.request("POST", "/api/todos").json(&json!({"title": format!("todo {turn}")}))
        }
        1 => person.request("GET", "/exports/mine"),
        2..=20 => person.request("GET", "/api/todos"),
        _ => person.request("GET", "/reports/today"),
    };
    // What comes of it is to be seen on the dashboards.
    drop(request.try_send());
}

/// No token, a forged one, one that was revoked, a path that is not there.
fn be_wrong(run: &Run<'_>, turn: usize) {
    let client = run.world.gateway.client();
    drop(client.get("/api/todos").try_send());
    drop(client.get("/api/todos").bearer("forged").try_send());
    drop(client.get("/wp-login.php").try_send());
    if turn.is_multiple_of(5) {
        let gone = run.world.gateway.user();
        gone.log_out();
        drop(gone.request("GET", "/api/todos").try_send());
    }
}

fn log_in(run: &Run<'_>, turn: usize) {
    let person = run.world.gateway.user();
    drop(person.refresh(&person.refresh, turn.is_multiple_of(2)));
    if turn % 60 == 59 {
        // A refresh token that was replaced comes again.
        drop(person.refresh(&person.refresh, true));
        std::thread::park_timeout(Duration::from_millis(50));
        drop(person.refresh(&person.refresh, true));
    }
    if turn.is_multiple_of(4) {
        let wrong = json!({"email": person.email, "password": format!("{PASSWORD}-wrong")});
        drop(person.client.post("/api/auth/login").json(&wrong).try_send());
    }
}

fn guess(run: &Run<'_>) {
    if GUESSING.contains(&run.share()) {
        let guess = json!({"email": fresh_email(), "password": "CANARY-Guess-1"});
        drop(run.world.gateway.client().post("/api/auth/login").json(&guess).try_send());
    }
}

fn encrypted(run: &Run<'_>) {
    let config = run.world.authority.client(&["http/1.1"]);
    if let Ok(mut client) = Encrypted::connect(run.world.gateway.further[0], "localhost", config) {
        drop(client.get("/api/todos"));
    }
}

/// Makes the servers of the reports ill and well, and keeps the log for who reads along.
fn tend(run: &Run<'_>, turn: usize) {
    let [one, two] = &run.world.reports;
    one.ill(ONE_ILL.contains(&run.share()));
    two.ill(BOTH_ILL.contains(&run.share()));
    if turn.is_multiple_of(4) {
        run.world.keep_log();
    }
}
