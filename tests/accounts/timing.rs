//! Time tells nobody who has an account. Samples of both kinds are taken in turn, and compared by their
//! ranks (Mann and Whitney): what else the machine does meanwhile meets both alike.

use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::json;

use super::{NEW, WRONG};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Client, Request};
use crate::support::people::PASSWORD;

/// How often one of `slow` takes longer than one of `fast`: half of the time if they are alike.
fn dominance(slow: &[Duration], fast: &[Duration]) -> f64 {
    let wins: f64 = slow
        .iter()
        .flat_map(|one| fast.iter().map(move |other| one.cmp(other)))
        .map(|order| f64::from(order as i8) / 2.0 + 0.5)
        .sum();
    wins / (slow.len() * fast.len()) as f64
}

/// One of each in turn, `pairs` times or for so long.
fn samples(pairs: usize, most: Duration, ask: impl Fn(bool, usize)) -> [Vec<Duration>; 2] {
    samples_after(|| (), pairs, most, ask)
}

/// Each of them after something that takes no part in its time.
fn samples_after(
    rest: impl Fn(),
    pairs: usize,
    most: Duration,
    ask: impl Fn(bool, usize),
) -> [Vec<Duration>; 2] {
    let began = Stopwatch::start();
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let mut take = |first: bool, number: usize| {
        rest();
        let asked = Stopwatch::start();
        ask(first, number);
        if first { one.push(asked.elapsed()) } else { other.push(asked.elapsed()) }
    };
    for number in 0..pairs {
        // Which comes first alternates, too: the first may find something warm, or cold.
        take(number % 2 == 0, number);
        take(number % 2 == 1, number);
        if began.elapsed() > most && number >= 20 {
            break;
        }
    }
    [one, other]
}

/// Far from what chance does with 20 pairs and more (standard deviation 0.09), and from a real difference.
const ALIKE: std::ops::RangeInclusive<f64> = 0.2..=0.8;

/// What makes no difference shows none; chance may make one once.
fn are_alike(samples: impl Fn() -> [Vec<Duration>; 2]) {
    let mut found = Vec::new();
    while !found.last().is_some_and(|found| ALIKE.contains(found)) {
        assert!(found.len() < 3, "{found:?}");
        let [one, other] = samples();
        found.push(dominance(&one, &other));
    }
}

/// A difference that is there must be seen, or nothing would be. A busy machine may hide it for a while.
fn is_seen(samples: impl Fn() -> [Vec<Duration>; 2]) {
    let mut found = Vec::new();
    while !found.last().is_some_and(|found| *found > 0.85) {
        assert!(found.len() < 8, "a difference that is there was not seen: {found:?}");
        let [slow, fast] = samples();
        found.push(dominance(&slow, &fast));
    }
}

/// A client whose connection is open already.
fn warm(gateway: &Gateway) -> Client {
    let client = gateway.client();
    for _ in 0..3 {
        client.get("/.well-known/jwks.json").send();
    }
    client
}

fn sends(request: Request, body: &serde_json::Value, status: u16) {
    assert_eq!(request.json(body).send().status, status);
}

#[test]
fn a_login_takes_as_long_for_an_unknown_address_as_for_a_wrong_password() {
    let gateway = Setup::new("").unlimited().start();
    let (client, known) = (warm(&gateway), gateway.user().email);
    let login = |email: &str, password: &str| {
        sends(client.post("/api/auth/login"), &json!({"email": email, "password": password}), 401);
    };
    let nobody = |number: usize| format!("nobody{number}@example.com");
    are_alike(|| {
        samples(60, Duration::from_secs(8), |first, number| {
            login(&if first { known.clone() } else { nobody(number) }, WRONG);
        })
    });
    // A password that is too long is not hashed.
    let long = "x".repeat(1_025);
    is_seen(|| {
        samples(30, Duration::from_secs(4), |first, _| login(&known, if first { WRONG } else { &long }))
    });
}

#[test]
fn asking_for_a_reset_takes_as_long_for_an_unknown_address_as_for_a_known_one() {
    let gateway = Setup::new("").unlimited().start();
    let (client, known) = (warm(&gateway), gateway.user().email);
    let forget = |email: &str| sends(client.post("/api/auth/password/forgot"), &json!({"email": email}), 202);
    let nobody = |number: usize| format!("nobody{number}@example.com");
    // What one has set off must not be taken for the next one's time.
    let settled = || gateway.all_is_delivered();
    are_alike(|| {
        samples_after(settled, 80, Duration::from_secs(10), |first, number| {
            forget(&if first { known.clone() } else { nobody(number) });
        })
    });
    // What is no address is not even written down.
    is_seen(|| {
        samples_after(settled, 40, Duration::from_secs(5), |first, number| {
            forget(&if first { nobody(number) } else { "no address".to_owned() });
        })
    });
}

#[test]
fn a_concealed_registration_takes_as_long_for_a_known_address_as_for_a_new_one() {
    let gateway = Setup::new("").unlimited().config("[registration]\nconceal_existing = true").start();
    let (client, known) = (warm(&gateway), gateway.admin().email);
    let register = |email: &str, password: &str, status: u16| {
        sends(client.post("/api/auth/register"), &json!({"email": email, "password": password}), status);
    };
    let new = |number: usize| format!("new{number}@example.com");
    are_alike(|| {
        samples(60, Duration::from_secs(8), |first, number| {
            register(&if first { known.clone() } else { new(number) }, PASSWORD, 202);
        })
    });
    is_seen(|| {
        samples(30, Duration::from_secs(4), |first, _| {
            if first { register(&known, NEW, 202) } else { register(&known, "all-lower-case", 422) }
        })
    });
}

#[test]
fn ranks_tell_a_difference_from_none() {
    let of =
        |from: u64, step: u64| (0..50).map(|n| Duration::from_micros(from + n * step)).collect::<Vec<_>>();
    assert!((dominance(&of(100, 2), &of(100, 2)) - 0.5).abs() < 0.01);
    assert!(dominance(&of(200, 2), &of(100, 2)) > 0.99);
    assert!(!ALIKE.contains(&dominance(&of(180, 2), &of(100, 2))));
}
