//! Requests, good and odd, by the lane, by Pingora's way, through nginx, and to hyper itself: what arrives by
//! the one way arrives by the other, and nobody makes another request of what we hand on.

mod case;
mod doors;
mod oddities;
mod parts;
mod recorder;

use std::collections::{BTreeMap, BTreeSet};

use crate::fuzzing::campaign::Campaign;
use case::Case;
use doors::{Door, Seen};
use oddities::Differs;
use recorder::Arrived;

/// All of them, each with a service of its own.
pub(super) struct Ways {
    lane: Door,
    usual: Door,
    peers: [(&'static str, Door); 2],
}

impl Ways {
    pub(super) fn start() -> Self {
        Self::beside(Door::usual())
    }

    /// With nginx in place of our second way.
    pub(super) fn with_another() -> Self {
        Self::beside(Door::nginx())
    }

    fn beside(usual: Door) -> Self {
        Self { lane: Door::lane(), usual, peers: [("nginx", Door::nginx()), ("hyper", Door::hyper())] }
    }

    pub(super) fn hold(&self, mut campaign: Campaign) -> Result<String, String> {
        let (mut cases, mut differ) = (0, BTreeMap::<&str, usize>::new());
        loop {
            let seeds = campaign.batch(16);
            if seeds.is_empty() {
                return Ok(format!(
                    "Requests by each way: {cases}; others differed, as is listed: {differ:?}"
                ));
            }
            for case in seeds.into_iter().map(Case::new) {
                for who in self.judge(&case)? {
                    *differ.entry(who).or_default() += 1;
                }
                cases += 1;
            }
        }
    }

    /// What of the list is not so.
    pub(super) fn not_as_listed(&self, cases_each: u64) -> Vec<String> {
        let mut faults = Vec::new();
        for oddity in oddities::all() {
            let mut seen = BTreeSet::new();
            for seed in 0..cases_each {
                match self.judge(&Case::odd(oddity, seed)) {
                    Ok(differ) => seen.extend(differ),
                    Err(why) => faults.push(why),
                }
            }
            let listed = oddity.peers().into_iter().filter_map(|(name, said)| Some((name, said.why()?)));
            let stale = listed.filter(|(name, _)| !seen.contains(name));
            faults.extend(stale.map(|(name, why)| format!("{name} does not: {}: {why}", oddity.what)));
        }
        faults
    }

    /// Which of the others differ, as is listed.
    fn judge(&self, case: &Case) -> Result<Vec<&'static str>, String> {
        let lane = self.lane.ask(case).map_err(|why| broken(&why, case, &[]))?;
        let usual = self.usual.ask(case).map_err(|why| broken(&why, case, &[]))?;
        let ours = [("lane", &lane), ("usual", &usual)];
        if !is_alike(&lane, &usual) && (case.is_one_piece() || !is_alike_until_closed(case, &lane, &usual)) {
            return Err(broken("the two ways differ", case, &ours));
        }
        let mut differ = Vec::new();
        if !is_as_meant(case, &lane) {
            return Err(broken("good requests do not arrive as they are", case, &ours));
        }
        for (name, door) in &self.peers {
            let peer = door.ask(case).map_err(|why| broken(&why, case, &[]))?;
            match compare(case, name, &lane, &peer) {
                Ok(true) => differ.push(*name),
                Ok(false) => {}
                Err(why) => return Err(broken(&why, case, &[ours[0], (name, &peer)])),
            }
        }
        Ok(differ)
    }
}

fn is_alike(one: &Seen, other: &Seen) -> bool {
    one.statuses == other.statuses && own(one) == own(other)
}

/// Nothing is read behind what is refused where it has not come yet, nor where it came early behind what asks
/// for another protocol. Of two reasons to refuse, one may not have come yet either.
fn is_alike_until_closed(case: &Case, one: &Seen, other: &Seen) -> bool {
    let (less, more) = if one.statuses.len() < other.statuses.len() { (one, other) } else { (other, one) };
    let ends = less.statuses.last().is_some_and(|status| is_refusal(*status)) || case.asks_for_upgrade;
    let mut statuses = less.statuses.iter().zip(&more.statuses);
    ends && statuses.all(|(one, other)| one == other || is_refusal(*one) && is_refusal(*other))
        && own(more).starts_with(&own(less))
}

fn is_refusal(status: u16) -> bool {
    status >= 400
}

/// Without what is new in each request, and the address of a service in place of a host that nobody named.
fn own(seen: &Seen) -> Vec<Arrived> {
    let mut arrived = seen.arrived.clone();
    let is_new = |name: &str, value: &[u8]| {
        name == "x-request-id" || name == "host" && value.starts_with(b"127.0.0.1:")
    };
    arrived.iter_mut().for_each(|one| one.fields.retain(|(name, value)| !is_new(name, value)));
    arrived
}

fn is_as_meant(case: &Case, seen: &Seen) -> bool {
    let arrived =
        seen.arrived.iter().map(|one| (one.method.clone(), one.target.clone(), one.content.clone()));
    let all_well = || seen.statuses.iter().all(|status| *status == 200);
    case.meant.is_empty() || arrived.eq(case.meant.iter().cloned()) && all_well()
}

/// Whether one takes what the other refuses, which has to be listed. Where both take it they take it alike.
fn compare(case: &Case, name: &str, ours: &Seen, peer: &Seen) -> Result<bool, String> {
    let essence = |seen: &Seen| seen.arrived.iter().cloned().map(Arrived::essence).collect::<Vec<_>>();
    let (mut own, mut others) = (essence(ours), essence(peer));
    own.retain(|one| {
        let same = others.iter().position(|other| one == other);
        same.map(|same| others.remove(same)).is_none()
    });
    if own.iter().any(|one| others.iter().any(|other| one.target == other.target)) {
        return Err(format!("{name} makes another request of it"));
    }
    let said = case.oddities.iter().flat_map(|oddity| oddity.peers());
    let said: Vec<_> = said.filter(|(known, _)| *known == name).map(|(_, said)| said).collect();
    // Of two oddities together a third may come, and to refuse it does no harm.
    let takes = said.len() > 1 || said.iter().any(|said| matches!(said, Differs::Takes(_)));
    let refuses = said.iter().any(|said| matches!(said, Differs::Refuses(_)));
    match (own.is_empty(), others.is_empty()) {
        (true, true) => Ok(false),
        (no_more, no_others) if (no_more || refuses) && (no_others || takes) => Ok(true),
        _ => Err(format!("{name} takes {} requests that we refuse, and refuses {}", others.len(), own.len())),
    }
}

fn broken(why: &str, case: &Case, seen: &[(&str, &Seen)]) -> String {
    let seen: String = seen.iter().map(|(name, seen)| format!("\n{name}: {seen:?}")).collect();
    let odd: Vec<_> = case.oddities.iter().map(|oddity| oddity.what).collect();
    format!(
        "{why}: {}, cut at {:?}; odd: {odd:?}{seen}\nto see it again: FUZZ_SEED={}",
        quoted(&case.bytes),
        case.cuts,
        case.seed
    )
}

/// The middle of what is long is left out.
fn quoted(bytes: &[u8]) -> String {
    let (begin, end) = (bytes.get(..700), bytes.get(bytes.len().saturating_sub(200)..));
    match (begin, end) {
        (Some(begin), Some(end)) if bytes.len() > 1_000 => {
            format!("\"{}\" … \"{}\" ({} bytes)", begin.escape_ascii(), end.escape_ascii(), bytes.len())
        }
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}
