//! The laws of sessions and of the rotation of their refresh tokens.

use std::sync::Arc;

use gateway_identity::{Network, Role, TokenId};
use gateway_store::{
    Amendment, Event, RefreshToken, Revocation, Rotation, RotationRequest, Session, SessionScope, StoreError,
};

use super::{Stores, at, network, new_user, room, session, token};
use crate::support::told::*;

store_laws! {
    a_session_is_found_as_it_was_opened,
    a_session_is_not_opened_twice,
    where_a_user_has_as_many_as_are_allowed_the_one_used_longest_ago_ends,
    where_fewer_are_allowed_than_before_the_next_one_ends_all_that_are_too_many,
    a_session_that_expired_takes_no_room,
    a_session_that_is_not_opened_ends_no_other,
    a_token_that_asks_for_no_successor_is_kept,
    a_rotation_installs_the_successor,
    of_fifty_parallel_rotations_of_one_token_one_rotates_and_the_rest_see_the_successor,
    a_predecessor_in_its_grace_changes_nothing,
    the_use_of_the_successor_ends_the_grace,
    the_deactivation_of_the_account_ends_the_grace,
    a_replay_after_the_grace_closes_the_session_and_records_it,
    a_token_replaced_twice_is_a_replay_even_at_once,
    a_token_that_the_session_never_had_is_a_replay,
    an_expired_session_is_unknown,
    a_closed_session_is_unknown_and_recorded,
    closing_a_session_that_is_gone_records_it_all_the_same,
    of_those_who_close_one_session_at_once_one_does,
    a_session_that_is_said_to_be_over_is_so_after_a_kill,
    a_sweep_forgets_expired_sessions_and_no_others,
    a_network_is_familiar_to_the_account_that_was_used_there_and_to_no_other,
    of_many_networks_those_that_were_used_last_stay_familiar,
    a_network_that_was_not_used_for_ninety_days_is_strange_again,
    a_replay_makes_no_network_familiar,
    nothing_is_familiar_to_who_is_gone,
}

async fn a_session_is_found_as_it_was_opened(stores: &Stores) {
    let session = opened(stores).await;
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), Some(session));
    assert_eq!(stores.sessions.by_id(super::session().id).await.unwrap(), None);
}

async fn a_session_is_not_opened_twice(stores: &Stores) {
    let session = opened(stores).await;
    let again = Session { current: token(), ..session.clone() };
    assert!(matches!(stores.sessions.open(again, room(2), work()).told().await, Err(StoreError::Conflict)));
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), Some(session));
}

async fn where_a_user_has_as_many_as_are_allowed_the_one_used_longest_ago_ends(stores: &Stores) {
    let [first, second] = [opened(stores).await, opened(stores).await];
    let elsewhere = Session { user: super::user_id(2), ..session() };
    let revoked = stores.sessions.open(elsewhere.clone(), room(2), work()).revoking().await.unwrap().1;
    assert_eq!(revoked, [], "another user's take no room");
    // The first was opened before the second, and used after it.
    stores.sessions.rotate(present(&first, first.current.id, None, 5)).told().await.unwrap();
    let third = Session { created_at: at(6), last_used_at: at(6), ..session() };
    let ended = Revocation::Session { id: second.id, until: at(7_200) };
    let opened = stores.sessions.open(third.clone(), room(2), work()).revoking().await;
    assert_eq!(opened.unwrap().1, [ended]);
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [ended]);
    assert_eq!(stores.sessions.by_id(second.id).await.unwrap(), None);
    let ids = |sessions: Vec<Session>| sessions.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(stores.sessions.of_user(first.user, at(6)).await.unwrap()), [first.id, third.id]);
    assert_eq!(ids(stores.sessions.of_user(elsewhere.user, at(6)).await.unwrap()), [elsewhere.id]);
}

async fn where_fewer_are_allowed_than_before_the_next_one_ends_all_that_are_too_many(stores: &Stores) {
    for _ in 0..5 {
        opened(stores).await;
    }
    let last = Session { created_at: at(1), last_used_at: at(1), ..session() };
    let revoked = stores.sessions.open(last.clone(), room(1), work()).revoking().await.unwrap().1;
    assert_eq!(revoked.len(), 5);
    assert_eq!(stores.sessions.of_user(last.user, at(1)).await.unwrap(), [last]);
}

async fn a_session_that_expired_takes_no_room(stores: &Stores) {
    let lasting = opened(stores).await;
    let over = Session { expires_at: at(10), ..session() };
    stores.sessions.open(over, room(2), work()).told().await.unwrap();
    let new = Session { created_at: at(10), last_used_at: at(10), ..session() };
    assert_eq!(stores.sessions.open(new, room(2), work()).revoking().await.unwrap().1, []);
    assert_eq!(stores.sessions.by_id(lasting.id).await.unwrap(), Some(lasting));
}

async fn a_session_that_is_not_opened_ends_no_other(stores: &Stores) {
    let session = opened(stores).await;
    assert!(matches!(
        stores.sessions.open(session.clone(), room(1), work()).told().await,
        Err(StoreError::Conflict)
    ));
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), Some(session));
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), []);
}

async fn a_token_that_asks_for_no_successor_is_kept(stores: &Stores) {
    let session = opened(stores).await;
    let kept = Session { current_used: true, last_used_at: at(5), ..session.clone() };
    let request = present(&session, session.current.id, None, 5);
    assert_eq!(stores.sessions.rotate(request).told().await.unwrap(), Rotation::Kept(kept.clone()));
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), Some(kept));
}

async fn a_rotation_installs_the_successor(stores: &Stores) {
    let session = opened(stores).await;
    let successor = token();
    let request = present(&session, session.current.id, Some(successor), 5);
    let rotated = Session {
        current: successor,
        previous: Some((session.current.id, at(5))),
        last_used_at: at(5),
        ..session.clone()
    };
    assert_eq!(stores.sessions.rotate(request).told().await.unwrap(), Rotation::Rotated(rotated.clone()));
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), Some(rotated));
}

async fn of_fifty_parallel_rotations_of_one_token_one_rotates_and_the_rest_see_the_successor(
    stores: &Stores,
) {
    let session = opened(stores).await;
    let attempts: Vec<_> = (0..50)
        .map(|_| {
            let sessions = Arc::clone(&stores.sessions);
            let request = present(&session, session.current.id, Some(token()), 5);
            tokio::spawn(async move { sessions.rotate(request).told().await.unwrap() })
        })
        .collect();
    let (mut rotated, mut seen) = (0, Vec::new());
    for attempt in attempts {
        match attempt.await.unwrap() {
            Rotation::Rotated(session) => {
                rotated += 1;
                seen.push(session.current.id);
            }
            Rotation::Graced(session) => seen.push(session.current.id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rotated, 1);
    let current = stores.sessions.by_id(session.id).await.unwrap().unwrap().current.id;
    assert_eq!(seen, [current; 50]);
}

async fn a_predecessor_in_its_grace_changes_nothing(stores: &Stores) {
    let (session, predecessor) = rotated(stores).await;
    // Replaced at 5, and a grace of ten seconds: 15 is its last moment.
    let request = present(&session, predecessor, Some(token()), 15);
    assert_eq!(stores.sessions.rotate(request).told().await.unwrap(), Rotation::Graced(session.clone()));
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), Some(session));
}

async fn the_use_of_the_successor_ends_the_grace(stores: &Stores) {
    let (session, predecessor) = rotated(stores).await;
    let used = present(&session, session.current.id, None, 6);
    stores.sessions.rotate(used).told().await.unwrap();
    let answer = stores.sessions.rotate(present(&session, predecessor, None, 6)).told().await.unwrap();
    assert!(matches!(answer, Rotation::Replayed(_)), "{answer:?}");
}

async fn the_deactivation_of_the_account_ends_the_grace(stores: &Stores) {
    let user = stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let (session, predecessor) = rotated(stores).await;
    assert_eq!(session.user, user.id);
    let amendment = Amendment { is_active: Some(false), ..Amendment::default() };
    stores.users.amend(user.id, amendment, at(60), work()).told().await.unwrap();
    let answer = stores.sessions.rotate(present(&session, predecessor, None, 6)).told().await.unwrap();
    assert!(matches!(answer, Rotation::Replayed(_)), "{answer:?}");
}

async fn a_replay_after_the_grace_closes_the_session_and_records_it(stores: &Stores) {
    let (session, predecessor) = rotated(stores).await;
    let answer = stores.sessions.rotate(present(&session, predecessor, None, 16)).told().await.unwrap();
    let closed = Revocation::Session { id: session.id, until: at(7_200) };
    assert_eq!(answer, Rotation::Replayed(closed));
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), None);
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [closed]);
    let owner = present(&session, session.current.id, None, 16);
    assert_eq!(stores.sessions.rotate(owner).told().await.unwrap(), Rotation::Unknown);
}

async fn a_token_replaced_twice_is_a_replay_even_at_once(stores: &Stores) {
    let (session, predecessor) = rotated(stores).await;
    let again = present(&session, session.current.id, Some(token()), 5);
    assert!(matches!(stores.sessions.rotate(again).told().await.unwrap(), Rotation::Rotated(_)));
    let answer = stores.sessions.rotate(present(&session, predecessor, None, 5)).told().await.unwrap();
    assert!(matches!(answer, Rotation::Replayed(_)), "{answer:?}");
}

async fn a_token_that_the_session_never_had_is_a_replay(stores: &Stores) {
    let session = opened(stores).await;
    let foreign = present(&session, TokenId::random(), Some(token()), 1);
    let answer = stores.sessions.rotate(foreign).told().await.unwrap();
    assert!(matches!(answer, Rotation::Replayed(_)), "{answer:?}");
}

async fn an_expired_session_is_unknown(stores: &Stores) {
    let session = opened(stores).await;
    let last_moment = present(&session, session.current.id, None, 3_599);
    assert!(matches!(stores.sessions.rotate(last_moment).told().await.unwrap(), Rotation::Kept(_)));
    for presented in [session.current.id, TokenId::random()] {
        let request = present(&session, presented, None, 3_600);
        assert_eq!(stores.sessions.rotate(request).told().await.unwrap(), Rotation::Unknown);
    }
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), []);
}

async fn a_closed_session_is_unknown_and_recorded(stores: &Stores) {
    let session = opened(stores).await;
    let revoked = [
        Revocation::Session { id: session.id, until: at(60) },
        Revocation::Token { id: TokenId::random(), until: at(90) },
    ];
    stores.sessions.close(session.id, &revoked, work()).told().await.unwrap();
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), None);
    let request = present(&session, session.current.id, None, 1);
    assert_eq!(stores.sessions.rotate(request).told().await.unwrap(), Rotation::Unknown);
    let mut live = stores.ledger.live(at(0)).await.unwrap();
    live.sort_by_key(Revocation::until);
    assert_eq!(live, revoked);
}

async fn closing_a_session_that_is_gone_records_it_all_the_same(stores: &Stores) {
    let never_opened = session();
    let revoked = [Revocation::Session { id: never_opened.id, until: at(60) }];
    stores.sessions.close(never_opened.id, &revoked, work()).told().await.unwrap();
    stores.sessions.close(never_opened.id, &revoked, work()).told().await.unwrap();
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), revoked);
}

async fn of_those_who_close_one_session_at_once_one_does(stores: &Stores) {
    let session = opened(stores).await;
    let occupied = stores.occupied().await;
    let closings: Vec<_> = (0..20).map(|_| closing(stores, &session)).collect();
    let mut closed = 0;
    for closing in closings {
        closed += usize::from(closing.await.unwrap());
    }
    occupied.await.unwrap();
    assert_eq!(closed, 1);
    let lines = stores.trail.lines(1, 100).await.unwrap();
    assert_eq!(lines.len(), 3, "opened, occupied, and closed once");
}

async fn a_session_that_is_said_to_be_over_is_so_after_a_kill(stores: &Stores) {
    for _ in 0..5 {
        let session = opened(stores).await;
        let first = closing(stores, &session);
        while stores.sessions.by_id(session.id).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
        // It is seen, and perhaps not on the disk yet.
        closing(stores, &session).await.unwrap();
        let next = stores.after_a_kill().await;
        assert_eq!(next.sessions.by_id(session.id).await.unwrap(), None);
        first.await.unwrap();
    }
}

/// Whether it was not over before.
fn closing(stores: &Stores, session: &Session) -> tokio::task::JoinHandle<bool> {
    let (sessions, id) = (Arc::clone(&stores.sessions), session.id);
    let revoked = [Revocation::Session { id, until: at(60) }];
    tokio::spawn(async move { sessions.close(id, &revoked, work()).told().await.unwrap() })
}

async fn a_sweep_forgets_expired_sessions_and_no_others(stores: &Stores) {
    let lasting = opened(stores).await;
    // More than one batch of a sweep.
    for _ in 0..300 {
        stores
            .sessions
            .open(Session { expires_at: at(10), ..session() }, room(1_000), work())
            .told()
            .await
            .unwrap();
    }
    assert_eq!(stores.sessions.sweep(at(10)).await.unwrap(), 0);
    assert_eq!(stores.sessions.sweep(at(11)).await.unwrap(), 300);
    assert_eq!(stores.sessions.sweep(at(11)).await.unwrap(), 0);
    assert_eq!(stores.sessions.by_id(lasting.id).await.unwrap(), Some(lasting));
}

async fn a_network_is_familiar_to_the_account_that_was_used_there_and_to_no_other(stores: &Stores) {
    for address in ["ada@example.org", "bob@example.org"] {
        stores.users.create(new_user(address, Role::User), work()).told().await.unwrap();
    }
    assert!(!is_familiar(stores, "ada", "192.0.2.1", 0).await);
    let session = opened(stores).await;
    assert!(is_familiar(stores, "ada", "192.0.2.1", 0).await);
    assert!(!is_familiar(stores, "ada", "198.51.100.1", 0).await);
    stores.sessions.rotate(present(&session, session.current.id, None, 5)).told().await.unwrap();
    assert!(is_familiar(stores, "ada", "198.51.100.1", 5).await);
    for other in ["bob", "nobody"] {
        assert!(!is_familiar(stores, other, "192.0.2.1", 5).await);
    }
    let known: Vec<_> = stores.sessions.familiar_to(session.user).await.unwrap();
    assert_eq!(
        known.iter().map(|one| one.network).collect::<Vec<_>>(),
        ["198.51.100.1", "192.0.2.1"].map(network)
    );
    stores.sessions.close(session.id, &[], work()).told().await.unwrap();
    assert!(is_familiar(stores, "ada", "192.0.2.1", 5).await, "a logout changes nothing");
    stores.sessions.close_of(session.user, SessionScope::All, at(7_200), work()).told().await.unwrap();
    assert!(!is_familiar(stores, "ada", "192.0.2.1", 5).await);
}

/// The one that is used all the time is not pushed out by those that are used once.
async fn of_many_networks_those_that_were_used_last_stay_familiar(stores: &Stores) {
    stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    for number in 0..40_u64 {
        for address in [format!("203.0.113.{number}"), "192.0.2.1".to_owned()] {
            let created_at = at(number);
            let session = Session { address, created_at, last_used_at: created_at, ..session() };
            stores.sessions.open(session, room(1_000), work()).told().await.unwrap();
        }
    }
    assert!(is_familiar(stores, "ada", "192.0.2.1", 40).await);
    let familiar = [8, 9, 39].map(|number| format!("203.0.113.{number}"));
    let mut found = Vec::new();
    for address in &familiar {
        found.push(is_familiar(stores, "ada", address, 40).await);
    }
    assert_eq!(found, [false, true, true]);
}

async fn a_network_that_was_not_used_for_ninety_days_is_strange_again(stores: &Stores) {
    stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let user = opened(stores).await.user;
    let ninety_days = 90 * 86_400;
    assert!(is_familiar(stores, "ada", "192.0.2.1", ninety_days - 1).await);
    assert!(!is_familiar(stores, "ada", "192.0.2.1", ninety_days).await);
    assert_eq!(stores.sessions.familiar_to(user).await.unwrap().len(), 1, "what is kept is told");
}

async fn a_replay_makes_no_network_familiar(stores: &Stores) {
    stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let session = opened(stores).await;
    let replayed =
        stores.sessions.rotate(present(&session, TokenId::random(), None, 5)).told().await.unwrap();
    assert!(matches!(replayed, Rotation::Replayed(_)));
    assert!(!is_familiar(stores, "ada", "198.51.100.1", 5).await);
}

async fn nothing_is_familiar_to_who_is_gone(stores: &Stores) {
    stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let user = opened(stores).await.user;
    stores.users.delete(user, at(7_200), work()).told().await.unwrap();
    assert_eq!(stores.sessions.familiar_to(user).await.unwrap(), []);
    stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    assert!(!is_familiar(stores, "ada", "192.0.2.1", 5).await);
}

async fn is_familiar(stores: &Stores, name: &str, address: &str, seconds: u64) -> bool {
    let email = new_user(&format!("{name}@example.org"), Role::User).email;
    let network: Network = network(address);
    stores.sessions.is_familiar(&email, network, at(seconds)).await.unwrap()
}

async fn opened(stores: &Stores) -> Session {
    let session = session();
    stores.sessions.open(session.clone(), room(1_000), work()).told().await.unwrap();
    session
}

/// A session whose first token, also answered, was replaced at 5.
async fn rotated(stores: &Stores) -> (Session, TokenId) {
    let session = opened(stores).await;
    let request = present(&session, session.current.id, Some(token()), 5);
    match stores.sessions.rotate(request).told().await.unwrap() {
        Rotation::Rotated(rotated) => (rotated, session.current.id),
        other => panic!("{other:?}"),
    }
}

/// A request at `seconds`, with a grace of ten seconds.
fn present(
    session: &Session,
    presented: TokenId,
    successor: Option<RefreshToken>,
    seconds: u64,
) -> RotationRequest {
    RotationRequest {
        session: session.id,
        presented,
        from: network("198.51.100.1"),
        successor,
        now: at(seconds),
        grace_since: at(seconds.saturating_sub(10)),
        revoked_until: at(7_200),
        renewed: super::event(Event::Refreshed),
        replayed: super::event(Event::RefreshReused),
    }
}
