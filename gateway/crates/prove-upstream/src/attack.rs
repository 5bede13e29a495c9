//! What an attack sends, and what became of it.

use uuid::Uuid;

use super::endpoint::Endpoint;
use super::http1::{Outcome, Request};
use gateway_pipeline::{IdentityHeaders, names_of_proxies, reserved_names};

/// A header in some spelling of a name of ours, with a value that nobody can guess.
#[derive(Clone, Debug)]
pub(super) struct Spoof {
    pub(super) spelling: String,
    pub(super) marker: String,
    /// Where one of these stands in the answer, the marker is only a part of another value.
    pub(super) harmless: Vec<String>,
}

/// What became of one kind of attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing arrived; and how that is known, where it is not plain.
    Held(Option<String>),
    /// What arrived.
    Arrived(Vec<String>),
    /// No clear answer, and why.
    Unclear(String),
    /// Not tried, and why.
    NotTried(String),
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    /// `HTTP/1.1`, `HTTP/2` or `around`.
    pub(super) way: &'static str,
    pub(super) attack: &'static str,
    pub(super) answer: Answer,
    pub(super) requests: usize,
    /// What to do where it arrived.
    pub(super) mend: &'static str,
}

/// Requests that are made one by one, at once.
const AT_ONCE_MAX: usize = 8;

/// What to do where a name of ours arrived.
const MEND: &str = "what a client sends arrives at the service as if the gateway had said it: no hop may be there that the client reaches and the gateway does not guard";

impl Row {
    pub(super) fn not_tried(way: &'static str, attack: &'static str, why: &str) -> Self {
        Self { way, attack, answer: Answer::NotTried(why.to_owned()), requests: 0, mend: MEND }
    }

    pub(super) fn new(way: &'static str, attack: &'static str, answer: Answer) -> Self {
        Self { way, attack, answer, requests: 1, mend: MEND }
    }

    pub(super) fn mend(self, mend: &'static str) -> Self {
        Self { mend, ..self }
    }

    pub(super) fn arrived(&self) -> bool {
        matches!(self.answer, Answer::Arrived(_))
    }
}

/// Of the families of names that are ours, those that services know.
const OTHERS: [&str; 7] = [
    "x-gateway-assertion",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
];

/// Each name that some service takes for ours.
pub(super) fn names(more: &[http::HeaderName]) -> Vec<String> {
    let presets = IdentityHeaders::presets().filter_map(|preset| IdentityHeaders::none().with_preset(preset));
    let mut names: Vec<String> =
        presets.flat_map(|preset| preset.names().map(ToString::to_string).collect::<Vec<_>>()).collect();
    names.extend(reserved_names().map(str::to_owned));
    names.extend(OTHERS.map(str::to_owned));
    names.extend(more.iter().map(ToString::to_string));
    names.sort();
    names.dedup();
    names
}

/// What of it arrives by which only proxies say where a request came from, as it is and as servers fold
/// it.
pub(super) fn of_proxies(way: &'static str, send: impl Fn(&[Spoof]) -> Outcome + Sync) -> Row {
    const ATTACK: &str = "what only proxies say";
    let names: Vec<_> = names_of_proxies().map(str::to_owned).collect();
    let rows = ["-", "_", "."].map(|separator| {
        let spoofs = spelled(&names, |name| name.replace('-', separator));
        attempt(way, ATTACK, &spoofs, &send)
    });
    let requests = rows.iter().map(|row| row.requests).sum();
    let telling = rows.iter().find(|row| row.arrived());
    let telling = telling.or_else(|| rows.iter().find(|row| row.answer != Answer::Held(None)));
    let answer = telling.map_or(Answer::Held(None), |row| row.answer.clone());
    Row { requests, ..Row::new(way, ATTACK, answer) }.mend(
        "a service that reads such a header takes a client's word for its address, scheme, host or path; have the proxy in front drop those that your services read",
    )
}

/// Hexadecimal digits of a marker.
const MARKER_DIGITS: usize = 32;

pub(super) fn marker() -> String {
    format!("pv{}", Uuid::new_v4().simple())
}

/// The names in another spelling; those that have none are left out.
pub(super) fn spelled(names: &[String], spell: impl Fn(&str) -> String) -> Vec<Spoof> {
    let spellings = names.iter().map(|name| spell(name)).filter(|spelling| !spelling.is_empty());
    spellings.map(Spoof::new).collect()
}

impl Spoof {
    pub(super) fn new(spelling: String) -> Self {
        Self { spelling, marker: marker(), harmless: Vec::new() }
    }
}

/// Sends all spoofs at once, and one by one where that is refused: then the others are judged
/// for themselves.
pub(super) fn attempt(
    way: &'static str,
    attack: &'static str,
    spoofs: &[Spoof],
    send: impl Fn(&[Spoof]) -> Outcome + Sync,
) -> Row {
    let together = send(spoofs);
    let mut requests = 1;
    let mut arrived = found(&together, spoofs);
    let mut unclear = None;
    if !matches!(together, Outcome::Answered { status: 200..=299, .. }) && spoofs.len() > 1 {
        requests += spoofs.len();
        for (spoof, alone) in one_by_one(spoofs, &send) {
            arrived.extend(found(&alone, std::slice::from_ref(spoof)));
            unclear = unclear.or(alone.unclear());
        }
    } else {
        unclear = together.unclear();
    }
    arrived.dedup();
    let answer = match unclear {
        _ if !arrived.is_empty() => Answer::Arrived(arrived),
        Some(why) => Answer::Unclear(why),
        None => Answer::Held(None),
    };
    Row { requests, ..Row::new(way, attack, answer) }
}

/// Each in a request of its own, a few at a time: servers may take a second to refuse.
fn one_by_one<'a>(
    spoofs: &'a [Spoof],
    send: &(impl Fn(&[Spoof]) -> Outcome + Sync),
) -> Vec<(&'a Spoof, Outcome)> {
    let share = spoofs.len().div_ceil(AT_ONCE_MAX).max(1);
    std::thread::scope(|scope| {
        let started: Vec<_> = spoofs
            .chunks(share)
            .map(|some| {
                let ask = |spoof: &'a Spoof| (spoof, send(std::slice::from_ref(spoof)));
                (some, scope.spawn(move || some.iter().map(ask).collect::<Vec<_>>()))
            })
            .collect();
        let lost = |some: &'a [Spoof]| {
            some.iter().map(|spoof| (spoof, Outcome::Silent("the request was not made".to_owned()))).collect()
        };
        started.into_iter().flat_map(|(some, thread)| thread.join().unwrap_or_else(|_| lost(some))).collect()
    })
}

/// Those whose values stand in the answer.
fn found(outcome: &Outcome, spoofs: &[Spoof]) -> Vec<String> {
    let there = spoofs.iter().filter(|spoof| {
        outcome.shows(&spoof.marker) && !spoof.harmless.iter().any(|part| outcome.shows(part))
    });
    there.map(|spoof| shown(&spoof.spelling)).collect()
}

/// For people: control characters would move their cursor, and nobody can read a marker.
fn shown(spelling: &str) -> String {
    let around =
        spelling.split_once("pv").and_then(|(start, rest)| Some((start, rest.get(MARKER_DIGITS..)?)));
    let plain = match around {
        Some((before, behind)) => format!("{before}…{behind}"),
        None => spelling.to_owned(),
    };
    let escaped: String = plain
        .chars()
        .map(|c| if c == '…' { c.to_string() } else { c.escape_default().to_string() })
        .collect();
    format!("`{escaped}`")
}

/// Whether the route shows what the service saw: without that, nothing can be proved.
pub(super) fn check_echo(endpoint: &Endpoint, token: Option<&str>) -> Result<Vec<u8>, String> {
    let marker = marker();
    let request = Request::new(endpoint, token).field("X-Prove-Upstream", &marker);
    match request.send(endpoint) {
        Outcome::Answered { status: 200..=299, body } if contains(&body, &marker) => Ok(body),
        Outcome::Answered { status: 200..=299, .. } => Err(
            "the answer does not show the headers of the request; name a route whose service answers with the headers that it saw (docs/prove-upstream.md has three)".to_owned(),
        ),
        Outcome::Answered { status: 401, .. } => Err(
            "the route needs a token, and this one was refused; give a good one with --token-file or GATEWAY_PROVE_TOKEN".to_owned(),
        ),
        Outcome::Answered { status: 403, body } if contains(&body, "network_not_allowed") => Err(
            "the route is not for clients of this network (allow_networks, deny_networks); start this where it lets them in".to_owned(),
        ),
        Outcome::Answered { status: 403, body } if contains(&body, "certificate_missing") => Err(
            "the route is for client certificates, of which this command shows none; name one that takes tokens".to_owned(),
        ),
        Outcome::Answered { status, .. } => {
            Err(format!("the route answers {status} before any attack; it has to answer 200"))
        }
        Outcome::Closed => Err("the connection was closed without an answer".to_owned()),
        Outcome::Silent(why) => Err(why),
    }
}

pub(super) fn contains(body: &[u8], marker: &str) -> bool {
    body.windows(marker.len()).any(|window| window == marker.as_bytes())
}
