//! The laws of the ledger of revocations.

use std::sync::Arc;

use gateway_identity::{Generation, SessionId, TokenId};
use gateway_store::Revocation;

use super::{Stores, at, user_id};
use crate::support::told::*;

store_laws! {
    a_new_ledger_is_empty_and_has_an_id,
    each_kind_of_revocation_is_read_back,
    a_revocation_recorded_twice_is_there_once,
    of_those_who_record_one_revocation_at_once_one_does,
    a_revocation_that_is_said_to_be_known_is_so_after_a_kill,
    the_later_expiry_stays,
    the_higher_minimum_stays,
    what_stopped_mattering_is_not_live,
    a_sweep_forgets_what_stopped_mattering_and_nothing_else,
    a_prolonged_revocation_outlives_its_first_expiry,
}

async fn a_new_ledger_is_empty_and_has_an_id(stores: &Stores) {
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), []);
    let id = stores.ledger.installation().await.unwrap();
    assert_eq!(stores.ledger.installation().await.unwrap(), id);
}

async fn each_kind_of_revocation_is_read_back(stores: &Stores) {
    let revoked = [
        Revocation::Token { id: TokenId::random(), until: at(1) },
        Revocation::Session { id: SessionId::random(), until: at(2) },
        Revocation::Generation { user: user_id(300), minimum: Generation(2), until: at(3) },
    ];
    stores.ledger.record(&revoked, work()).told().await.unwrap();
    assert_eq!(live(stores).await, revoked);
}

async fn a_revocation_recorded_twice_is_there_once(stores: &Stores) {
    let revoked = Revocation::Token { id: TokenId::random(), until: at(60) };
    stores.ledger.record(&[revoked, revoked], work()).told().await.unwrap();
    stores.ledger.record(&[revoked], work()).told().await.unwrap();
    assert_eq!(live(stores).await, [revoked]);
    assert_eq!(stores.ledger.sweep(at(61)).await.unwrap(), 1);
}

async fn of_those_who_record_one_revocation_at_once_one_does(stores: &Stores) {
    let revoked = Revocation::Token { id: TokenId::random(), until: at(60) };
    let occupied = stores.occupied().await;
    let recordings: Vec<_> = (0..20).map(|_| recording(stores, revoked)).collect();
    let mut recorded = 0;
    for recording in recordings {
        recorded += usize::from(recording.await.unwrap());
    }
    occupied.await.unwrap();
    assert_eq!(recorded, 1);
    let lines = stores.trail.lines(1, 100).await.unwrap();
    assert_eq!(lines.len(), 2, "occupied, and recorded once");
}

async fn a_revocation_that_is_said_to_be_known_is_so_after_a_kill(stores: &Stores) {
    for _ in 0..5 {
        let revoked = Revocation::Token { id: TokenId::random(), until: at(60) };
        let first = recording(stores, revoked);
        while !live(stores).await.contains(&revoked) {
            tokio::task::yield_now().await;
        }
        // It is seen, and perhaps not on the disk yet.
        recording(stores, revoked).await.unwrap();
        assert!(live(&stores.after_a_kill().await).await.contains(&revoked));
        first.await.unwrap();
    }
}

/// Whether it was not known before.
fn recording(stores: &Stores, revoked: Revocation) -> tokio::task::JoinHandle<bool> {
    let ledger = Arc::clone(&stores.ledger);
    tokio::spawn(async move { ledger.record(&[revoked], work()).told().await.unwrap() })
}

async fn the_later_expiry_stays(stores: &Stores) {
    let (id, session) = (TokenId::random(), SessionId::random());
    for seconds in [60, 90, 30] {
        let revoked = [
            Revocation::Token { id, until: at(seconds) },
            Revocation::Session { id: session, until: at(seconds + 1) },
        ];
        stores.ledger.record(&revoked, work()).told().await.unwrap();
    }
    let latest =
        [Revocation::Token { id, until: at(90) }, Revocation::Session { id: session, until: at(91) }];
    assert_eq!(live(stores).await, latest);
}

async fn the_higher_minimum_stays(stores: &Stores) {
    let user = user_id(1);
    for (minimum, seconds) in [(2, 60), (5, 30), (3, 90)] {
        let minimum = Generation(minimum);
        let revoked = Revocation::Generation { user, minimum, until: at(seconds) };
        stores.ledger.record(&[revoked], work()).told().await.unwrap();
    }
    let widest = Revocation::Generation { user, minimum: Generation(5), until: at(90) };
    assert_eq!(live(stores).await, [widest]);
}

async fn what_stopped_mattering_is_not_live(stores: &Stores) {
    let revoked = Revocation::Token { id: TokenId::random(), until: at(60) };
    stores.ledger.record(&[revoked], work()).told().await.unwrap();
    assert_eq!(stores.ledger.live(at(60)).await.unwrap(), [revoked]);
    assert_eq!(stores.ledger.live(at(61)).await.unwrap(), []);
}

async fn a_sweep_forgets_what_stopped_mattering_and_nothing_else(stores: &Stores) {
    // More than one batch of a sweep, and one that is left.
    let short: Vec<_> =
        (0..600).map(|_| Revocation::Token { id: TokenId::random(), until: at(60) }).collect();
    let long = Revocation::Session { id: SessionId::random(), until: at(61) };
    stores.ledger.record(&short, work()).told().await.unwrap();
    stores.ledger.record(&[long], work()).told().await.unwrap();
    assert_eq!(stores.ledger.sweep(at(60)).await.unwrap(), 0);
    assert_eq!(stores.ledger.sweep(at(61)).await.unwrap(), 600);
    assert_eq!(live(stores).await, [long]);
}

async fn a_prolonged_revocation_outlives_its_first_expiry(stores: &Stores) {
    let id = TokenId::random();
    stores.ledger.record(&[Revocation::Token { id, until: at(60) }], work()).told().await.unwrap();
    stores.ledger.record(&[Revocation::Token { id, until: at(90) }], work()).told().await.unwrap();
    assert_eq!(stores.ledger.sweep(at(61)).await.unwrap(), 0);
    assert_eq!(live(stores).await, [Revocation::Token { id, until: at(90) }]);
}

/// All that matters at the beginning, in the order of expiry.
async fn live(stores: &Stores) -> Vec<Revocation> {
    let mut live = stores.ledger.live(at(0)).await.unwrap();
    live.sort_by_key(Revocation::until);
    live
}
