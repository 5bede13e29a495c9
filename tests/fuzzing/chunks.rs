//! Chunked bodies of requests and of answers, good and damaged: what our reader takes for a whole body,
//! nobody takes for another one.

mod bodies;
mod damage;
mod front_door;
mod law;
mod readers;
mod tally;

use super::campaign::Campaign;
use law::hold;
use readers::in_h11::H11;
use readers::in_hyper::Hyper;
use readers::in_nginx::Nginx;
use readers::lax::Fault;
use readers::{Reader, Side, ours};

fn agree(side: Side) {
    let (mut h11, mut nginx) = (H11::start(), Nginx::start());
    let others: &mut [&mut dyn Reader] = &mut [&mut Hyper, &mut h11, &mut nginx];
    match hold(side, ours, others, Campaign::share(30)) {
        Ok(tally) => {
            println!("Chunked bodies, {side:?}:\n{tally}");
            assert!(tally.says_something(), "nothing was tried:\n{tally}");
        }
        Err(broken) => panic!("{broken}"),
    }
}

#[test]
fn a_body_of_a_request_that_we_take_is_the_same_body_to_everybody() {
    agree(Side::Request);
}

#[test]
fn a_body_of_an_answer_that_we_take_is_the_same_body_to_everybody() {
    agree(Side::Answer);
}

/// The same cases each time, and no more of them than a run in the tests always has.
const CASES: u64 = 8_192;

#[test]
fn a_reader_with_a_fault_is_found_out() {
    let mut h11 = H11::start();
    for side in [Side::Request, Side::Answer] {
        let mut find = |fault: Fault| {
            hold(side, |case| fault.read(case), &mut [&mut Hyper, &mut h11], Campaign::fixed(CASES))
        };
        for fault in [
            Fault::BareLf,
            Fault::EmptySize,
            Fault::SmallSize,
            Fault::NoTrailers,
            Fault::AnyTrailer,
            Fault::AnyChunkEnd,
            Fault::LosesContent,
        ] {
            assert!(find(fault).is_err(), "{fault:?} was not found in {CASES} cases");
        }
        if let Err(broken) = find(Fault::None) {
            panic!("without a fault: {broken}");
        }
    }
}

#[test]
fn each_of_the_others_finds_out_who_ends_elsewhere() {
    let (mut h11, mut nginx) = (H11::start(), Nginx::start());
    let others: [&mut dyn Reader; 3] = [&mut Hyper, &mut h11, &mut nginx];
    for other in others {
        for side in [Side::Request, Side::Answer] {
            for fault in [Fault::NoTrailers, Fault::LosesContent] {
                let name = other.name();
                let found = hold(side, |case| fault.read(case), &mut [&mut *other], Campaign::fixed(512));
                assert!(found.is_err(), "{name} does not show {fault:?} of {side:?}");
            }
        }
    }
}
