//! Answers through the gateway, of a service that says what it is told.

use std::io::Read as _;
use std::net::SocketAddr;

use gateway_framing::{Chunked, Length, head_end, of_response};

use super::{Door, broken};
use crate::fuzzing::answering::{Answering, Then};
use crate::fuzzing::campaign::Campaign;
use crate::fuzzing::chunks::bodies::Case;
use crate::fuzzing::chunks::readers::{Reading, ours};
use crate::support::raw::Raw;

#[test]
fn a_client_gets_what_we_take_of_an_answer_and_no_whole_one_of_what_we_refuse() {
    match hold(Door::gateway, Campaign::share(20)) {
        Ok(told) => println!("{told}"),
        Err(why) => panic!("{why}"),
    }
}

#[test]
fn a_door_that_looks_at_nothing_is_found_out_by_answers() {
    hold(Door::relay, Campaign::fixed(256)).unwrap_err();
}

fn hold(open: impl Fn(SocketAddr) -> Door, mut campaign: Campaign) -> Result<String, String> {
    let service = Answering::start();
    let door = open(service.address);
    let (mut taken, mut refused) = (0, 0);
    loop {
        let seeds = campaign.batch(16);
        if seeds.is_empty() {
            return Ok(format!("Answers through the gateway: {taken} taken, {refused} refused"));
        }
        for case in seeds.into_iter().map(Case::new) {
            let ours = ours(&case);
            service.next(case.answer(), then(&case, &ours));
            let seen = ask(door.address);
            if service.was_mistaken() {
                let why = "a connection was used again on which more had been said than an answer, before";
                return Err(broken(why, &case, &ours, &seen));
            }
            judge(&case, &ours, &seen)?;
            match ours {
                Reading::Whole { .. } => taken += 1,
                _ => refused += 1,
            }
        }
    }
}

fn then(case: &Case, ours: &Reading) -> Then {
    match ours {
        Reading::Whole { end, .. } if *end == case.bytes.len() => Then::Stay,
        Reading::Whole { .. } => Then::StayAlone,
        _ => Then::Close,
    }
}

/// What a client gets until the connection is closed.
#[derive(Debug)]
enum Seen {
    Nothing,
    /// Its status, and what it is a whole body of.
    Answer(u16, Reading),
}

fn ask(address: SocketAddr) -> Seen {
    let mut raw = Raw::connect(address);
    raw.send("GET /case HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n\r\n");
    let mut bytes = Vec::new();
    // A reset ends it, too; what came before is what came.
    raw.stream().read_to_end(&mut bytes).ok();
    let Some(end) = head_end(&bytes, 0) else { return Seen::Nothing };
    let (head, body) = bytes.split_at(end);
    let answer = of_response(head, false).unwrap();
    let whole = || Reading::Whole { content: body.to_vec(), end: body.len() };
    let reading = match answer.length {
        Length::Chunked => chunked(body),
        Length::Bytes(length) if body.len() as u64 == length => whole(),
        Length::Bytes(_) => Reading::Incomplete,
        // Whoever reads until the end takes anything for a whole body.
        Length::UntilClose | Length::None => whole(),
    };
    Seen::Answer(answer.status, reading)
}

fn chunked(body: &[u8]) -> Reading {
    let (mut chunked, mut content) = (Chunked::new(), Vec::new());
    match chunked.read(body, |part| content.extend_from_slice(part)) {
        Err(malformed) => Reading::Refused(malformed.to_string()),
        Ok(end) if chunked.is_ended() && end == body.len() => Reading::Whole { content, end },
        Ok(end) if chunked.is_ended() => Reading::Refused(format!("{} bytes behind", body.len() - end)),
        Ok(_) => Reading::Incomplete,
    }
}

fn judge(case: &Case, ours: &Reading, seen: &Seen) -> Result<(), String> {
    let fits = match (ours, seen) {
        (Reading::Whole { content: said, .. }, Seen::Answer(200, Reading::Whole { content, .. })) => {
            said == content
        }
        (Reading::Whole { .. }, _) => false,
        (_, Seen::Nothing | Seen::Answer(200, Reading::Incomplete)) => true,
        (_, Seen::Answer(502, Reading::Whole { .. })) => true,
        _ => false,
    };
    if fits { Ok(()) } else { Err(broken("the client got something else", case, ours, seen)) }
}
