//! Requests through the gateway, to a service that records them.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr};

use gateway_framing::Chunked;

use super::recorder::{Arrived, Recorder};
use super::{Door, broken};
use crate::fuzzing::campaign::Campaign;
use crate::fuzzing::chunks::bodies::{Case, NEXT};
use crate::fuzzing::chunks::readers::{Reading, ours};
use crate::support::raw::Raw;

/// Through one gateway, which then ends: only then has everything arrived that will.
const CASES: usize = 2_048;
/// A head and a body of less are one piece to whoever reads them.
const PIECE_BYTES_MAX: usize = 2_000;

#[test]
fn a_service_gets_what_we_take_of_a_request_and_nothing_of_what_we_refuse() {
    match hold(Door::gateway, Campaign::share(20)) {
        Ok(told) => println!("{told}"),
        Err(why) => panic!("{why}"),
    }
}

#[test]
fn a_door_that_looks_at_nothing_is_found_out_by_requests() {
    hold(Door::relay, Campaign::fixed(256)).unwrap_err();
}

fn hold(open: impl Fn(SocketAddr) -> Door, mut campaign: Campaign) -> Result<String, String> {
    let (mut taken, mut refused) = (0, 0);
    loop {
        let service = Recorder::start();
        let door = open(service.address);
        let (mut asked, mut behind) = (Vec::new(), 0);
        while asked.len() < CASES {
            let seeds = campaign.batch(16);
            if seeds.is_empty() {
                break;
            }
            for case in seeds.into_iter().map(Case::new) {
                let ours = ours(&case);
                let case = end_at_once(case, &ours);
                let statuses = ask(door.address, &case, &ours);
                judge(&case, &ours, &statuses)?;
                if let Reading::Whole { end, .. } = ours {
                    behind += String::from_utf8_lossy(&case.bytes[end..]).matches(" HTTP/1.1").count();
                }
                asked.push((case, ours));
            }
        }
        drop(door);
        let mut arrived: HashMap<String, Vec<Arrived>> = HashMap::new();
        for one in service.arrived() {
            arrived.entry(one.target.clone()).or_default().push(one);
        }
        for (case, ours) in &asked {
            let its = arrived.remove(&target(case)).unwrap_or_default();
            judge_arrived(case, ours, &its)?;
        }
        // Each of the others was sent behind the end of a body; whether its client waited for the answer
        // is another question.
        let others: usize = arrived.values().map(Vec::len).sum();
        if others > behind {
            return Err(format!("{others} requests arrived, and {behind} were sent: {:?}", arrived.keys()));
        }
        if asked.is_empty() {
            return Ok(format!("Requests through the gateway: {taken} taken, {refused} refused"));
        }
        let whole = asked.iter().filter(|(_, ours)| matches!(ours, Reading::Whole { .. })).count();
        (taken, refused) = (taken + whole, refused + asked.len() - whole);
    }
}

/// What is behind a whole body is read together with its end, or is not there. Whether a client may go
/// on to speak while its answer is made is another question than where a body ends.
fn end_at_once(mut case: Case, ours: &Reading) -> Case {
    if let Reading::Whole { end, .. } = ours {
        let fits = head(&case).len() + case.bytes.len() <= PIECE_BYTES_MAX;
        case.bytes.truncate(if fits { case.bytes.len() } else { *end });
        case.cuts.retain(|cut| cut < end);
    }
    case
}

fn target(case: &Case) -> String {
    format!("/case/{}", case.seed)
}

fn head(case: &Case) -> String {
    let target = target(case);
    format!("POST {target} HTTP/1.1\r\nHost: gateway.example\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// The statuses that come back.
fn ask(address: SocketAddr, case: &Case, ours: &Reading) -> Vec<u16> {
    let mut raw = Raw::connect(address);
    let mut before = head(case).into_bytes();
    for piece in case.pieces() {
        // The first one comes with the head.
        before.extend_from_slice(piece);
        raw.send(&before);
        before.clear();
    }
    raw.send(&before);
    let mut statuses = Vec::new();
    if let Reading::Whole { end, .. } = ours {
        // A client that goes before its answer is not answered.
        let expected = if case.bytes[*end..] == *NEXT { 2 } else { 1 };
        statuses.extend((0..expected).map_while(|_| Some(raw.reply()?.status)));
    }
    raw.stream().shutdown(Shutdown::Write).ok();
    while let Some(reply) = raw.reply() {
        statuses.push(reply.status);
    }
    statuses
}

fn judge(case: &Case, ours: &Reading, statuses: &[u16]) -> Result<(), String> {
    let fits = match ours {
        Reading::Whole { end, .. } => match &case.bytes[*end..] {
            b"" => statuses == [200],
            // Whoever closes instead has not read it as anything else.
            NEXT => matches!(statuses, [200] | [200, 200]),
            _ => statuses.first() == Some(&200),
        },
        // Nothing behind it is looked at.
        Reading::Refused(_) => statuses == [400],
        Reading::Incomplete => matches!(statuses, [] | [400 | 408]),
    };
    if fits { Ok(()) } else { Err(broken("the answers are not as they should be", case, ours, &statuses)) }
}

fn judge_arrived(case: &Case, ours: &Reading, arrived: &[Arrived]) -> Result<(), String> {
    let comes_with_head = case.cuts.is_empty() && head(case).len() + case.bytes.len() <= PIECE_BYTES_MAX;
    let fits = match (ours, arrived) {
        (Reading::Whole { content, .. }, [one]) => one.is_whole && one.content == *content,
        (Reading::Whole { .. }, _) => false,
        (Reading::Refused(_), _) if comes_with_head => arrived.is_empty(),
        (_, []) => true,
        (_, [one]) => !one.is_whole && begun(case).starts_with(&one.content),
        _ => false,
    };
    if fits { Ok(()) } else { Err(broken("the service got something else", case, ours, &arrived)) }
}

/// The content before the fault.
fn begun(case: &Case) -> Vec<u8> {
    let mut content = Vec::new();
    // That it has a fault, or no end, is known.
    Chunked::new().read(&case.bytes, |part| content.extend_from_slice(part)).ok();
    content
}
