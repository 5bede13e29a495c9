//! What an attack sends, and what became of it.

use uuid::Uuid;

use super::door::Door;
use super::http1::{Outcome, Request};
use crate::pipeline::{IdentityHeaders, reserved_names};

/// A header in some spelling of a name of ours, with a value that nobody can guess.
#[derive(Clone, Debug)]
pub(super) struct Spoof {
    pub(super) spelling: String,
    pub(super) marker: String,
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

/// What to do where a name of ours arrived.
const MEND: &str = "what a client sends arrives at the service as if the gateway had said it: no hop may be there that the client reaches and the gateway does not guard";

impl Row {
    pub(super) fn not_tried(way: &'static str, attack: &'static str, why: &str) -> Self {
        Self { way, attack, answer: Answer::NotTried(why.to_owned()), requests: 0, mend: MEND }
    }

    pub(super) fn of(way: &'static str, attack: &'static str, answer: Answer) -> Self {
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
        Self { spelling, marker: marker() }
    }
}

/// Sends all spoofs at once, and one by one where that is refused: then the others are judged
/// for themselves.
pub(super) fn attempt(
    way: &'static str,
    attack: &'static str,
    spoofs: &[Spoof],
    send: impl Fn(&[Spoof]) -> Outcome,
) -> Row {
    let together = send(spoofs);
    let mut requests = 1;
    let mut arrived = found(&together, spoofs);
    let mut unclear = None;
    if !matches!(together, Outcome::Answered { status: 200..=299, .. }) && spoofs.len() > 1 {
        for spoof in spoofs {
            let spoof = std::slice::from_ref(spoof);
            let alone = send(spoof);
            requests += 1;
            arrived.extend(found(&alone, spoof));
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
    Row { requests, ..Row::of(way, attack, answer) }
}

/// Those whose values stand in the answer.
fn found(outcome: &Outcome, spoofs: &[Spoof]) -> Vec<String> {
    let there = spoofs.iter().filter(|spoof| outcome.shows(&spoof.marker));
    there.map(|spoof| shown(&spoof.spelling)).collect()
}

/// For people: control characters would move their cursor.
fn shown(spelling: &str) -> String {
    format!("`{}`", spelling.escape_default())
}

/// Whether the route shows what the service saw: without that, nothing can be proved.
pub(super) fn check_echo(door: &Door, token: Option<&str>) -> Result<Vec<u8>, String> {
    let marker = marker();
    let request = Request::new(door, token).field("X-Prove-Upstream", &marker);
    match request.send(door) {
        Outcome::Answered { status: 200..=299, body } if contains(&body, &marker) => Ok(body),
        Outcome::Answered { status: 200..=299, .. } => Err(
            "the answer does not show the headers of the request; name a route whose service answers with the headers that it saw (docs/prove-upstream.md has three)".to_owned(),
        ),
        Outcome::Answered { status: 401, .. } => Err(
            "the route needs a token, and this one was refused; give a good one with --token-file or GATEWAY_PROVE_TOKEN".to_owned(),
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
