//! Answers, good and odd, by the lane and by Pingora's way: what a client gets, and whether its connection
//! lives on, is the same; and no connection is used again on which more was said than an answer.

mod case;
mod client;
mod oddities;

use case::Case;
use client::Got;

use crate::fuzzing::answering::Answering;
use crate::fuzzing::campaign::Campaign;
use crate::support::gateway::{Gateway, Setup};
use crate::support::verbatim::Verbatim;

/// The same gateway twice, with its lane open and closed; or once and a relay.
pub(super) struct Both {
    lane: Way,
    usual: Way,
}

struct Way {
    gateway: Gateway,
    service: Answering,
    _alive: Verbatim,
}

impl Way {
    fn start(open: &str, more: &str) -> Self {
        let (service, alive) = (Answering::start(), Verbatim::start());
        let gateway = Setup::new("")
            .upstream("service", &service.address.to_string())
            .config("eject_after = 0")
            .upstream("alive", &alive.address.to_string())
            .route("case", "/case", "service", "auth = \"public\"")
            .config(more)
            .route("alive", "/alive", "alive", "auth = \"public\"")
            .env("GATEWAY__SERVER__FAST_PATH", open)
            .unlimited()
            .start();
        Self { gateway, service, _alive: alive }
    }

    fn ask(&self, case: &Case) -> Result<Vec<Got>, String> {
        self.service.next(case.pieces(), case.then);
        let got = client::ask(self.gateway.address, case.method)?;
        if self.service.was_mistaken() {
            return Err("a connection was used again on which more had been said than an answer".to_owned());
        }
        Ok(got)
    }
}

impl Both {
    pub(super) fn start() -> Self {
        Self { lane: Way::start("true", ""), usual: Way::start("false", "") }
    }

    /// Where the other way takes something off each answer.
    pub(super) fn with_another() -> Self {
        let more = "response_headers = { set = { X-Other = \"1\" } }";
        Self { lane: Way::start("true", ""), usual: Way::start("false", more) }
    }

    pub(super) fn hold(&self, mut campaign: Campaign) -> Result<String, String> {
        let (mut cases, mut whole) = (0, 0);
        loop {
            let seeds = campaign.batch(16);
            if seeds.is_empty() {
                return Ok(format!(
                    "Answers by each way: {cases}, of which {whole} are the service's and whole"
                ));
            }
            for case in seeds.into_iter().map(Case::new) {
                whole += usize::from(self.judge(&case)?);
                cases += 1;
            }
        }
    }

    /// Of everything that may be odd about an answer, alone.
    pub(super) fn hold_each(&self, cases_each: u64) -> Result<(), String> {
        for oddity in &oddities::ODDITIES {
            for seed in 0..cases_each {
                self.judge(&Case::odd(oddity, seed))?;
            }
        }
        Ok(())
    }

    /// Whether the client gets a whole answer of the service's.
    fn judge(&self, case: &Case) -> Result<bool, String> {
        let ask =
            |name: &str, way: &Way| way.ask(case).map_err(|why| broken(&format!("{name}: {why}"), case, &[]));
        let (mut lane, mut usual) = (ask("lane", &self.lane)?, ask("usual", &self.usual)?);
        // What a service says before an answer that is none goes on by the lane at once; by the other way it may
        // wait for what comes behind it. Whether that answer is then broken or one of ours is a matter of time.
        if lane.iter().chain(&usual).any(|one| one.status == 502) {
            [&mut lane, &mut usual].into_iter().for_each(|got| got.retain(|one| one.status >= 200));
        }
        let alike = if case.is_one_piece() { lane == usual } else { is_alike_as_far(&lane, &usual) };
        if !alike {
            return Err(broken("the two ways differ", case, &[("lane", &lane), ("usual", &usual)]));
        }
        Ok(lane.first().is_some_and(|got| got.is_whole && got.status < 500))
    }
}

/// How far a broken answer had come is up to the network: to the client it is broken, or there is one of ours.
fn is_alike_as_far(one: &[Got], other: &[Got]) -> bool {
    let is_broken = |got: &&Got| !got.is_whole || got.status == 502;
    let broken = |all: &[Got]| all.iter().filter(is_broken).count();
    let whole = |all: &[Got]| all.iter().filter(|got| !is_broken(got)).count();
    one == other || broken(one) == 1 && broken(other) == 1 && (whole(one), whole(other)) == (0, 0)
}

fn broken(why: &str, case: &Case, seen: &[(&str, &[Got])]) -> String {
    let seen: String = seen.iter().map(|(name, seen)| format!("\n{name}: {seen:#?}")).collect();
    let bytes = case.bytes.get(..1_000).unwrap_or(&case.bytes).escape_ascii();
    format!(
        "{why}: {} is answered with \"{bytes}\" ({} bytes), cut at {:?}, and then {:?}; odd: {:?}{seen}\nto see it again: FUZZ_SEED={}",
        case.method,
        case.bytes.len(),
        case.cuts,
        case.then,
        case.odd,
        case.seed
    )
}
