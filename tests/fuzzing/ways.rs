//! The same bytes by the lane and by Pingora's way, requests and answers: what arrives and what comes back is
//! the same. Requests go through nginx and to hyper as well: nobody makes other ones of them.

mod answers;
mod requests;

use answers::Both;
use requests::Ways;

use super::campaign::Campaign;

/// Of each oddity alone.
const CASES_EACH: u64 = 12;

#[test]
fn what_arrives_by_the_lane_arrives_by_the_other_way_and_is_no_other_request_to_anybody() {
    match Ways::start().hold(Campaign::share(40)) {
        Ok(told) => println!("{told}"),
        Err(why) => panic!("{why}"),
    }
}

#[test]
fn a_way_that_reads_otherwise_is_found_out() {
    Ways::with_another().hold(Campaign::fixed(256)).unwrap_err();
}

#[test]
fn others_differ_where_they_are_said_to_and_nowhere_else() {
    let faults = Ways::start().not_as_listed(CASES_EACH);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_comes_back_by_the_lane_comes_back_by_the_other_way() {
    match Both::start().hold(Campaign::share(40)) {
        Ok(told) => println!("{told}"),
        Err(why) => panic!("{why}"),
    }
}

#[test]
fn an_answer_that_is_odd_comes_back_alike_by_either_way() {
    if let Err(why) = Both::start().hold_each(CASES_EACH) {
        panic!("{why}");
    }
}

#[test]
fn a_way_that_answers_otherwise_is_found_out() {
    Both::with_another().hold(Campaign::fixed(64)).unwrap_err();
}
