//! Which sessions end: for a new one, and many at once.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{SessionLimit, SessionScope};

const ENDING_MAX: usize = 8;

/// Other sessions of a user, by when each was used last and whether it is over.
fn others() -> impl Strategy<Value = Vec<Session>> {
    let one = (0..50_u64, prop::bool::weighted(0.2)).prop_map(|(used, is_over)| Session {
        last_used_at: at(used),
        expires_at: if is_over { at(60) } else { at(3_600) },
        ..session_of(UserId::new(1).unwrap())
    });
    prop::collection::vec(one, 0..24)
}

fn opened(others: &[Session], new: &Session, sessions_max: usize) -> Writes {
    let room = SessionLimit {
        sessions_max,
        revoked_until: at(90),
        ended: recorded_as(Entry::new("sessions_ended")),
    };
    let along = recording(at(60), Entry::new("login_succeeded"));
    let found = Opening {
        session: new,
        is_there: false,
        has_owner: true,
        others,
        ending_max: ENDING_MAX,
        familiar: &[],
    };
    open(found, &room, &Rows::default().preconditions(&along)).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn those_that_were_used_longest_ago_end_for_a_new_one(others in others(), sessions_max in 1..12_usize) {
        let new = Session { created_at: at(60), last_used_at: at(60), ..session_of(UserId::new(1).unwrap()) };
        let writes = opened(&others, &new, sessions_max);
        let mut rows = Rows { sessions: others.iter().map(|one| (one.id, one.clone())).collect(), ..Rows::default() };
        rows.write(writes.clone());
        prop_assert_eq!(rows.sessions.get(&new.id), Some(&new));
        let (kept, ended): (Vec<_>, Vec<_>) = others.iter().partition(|one| rows.sessions.contains_key(&one.id));
        let living = kept.iter().filter(|one| one.lives_at(at(60))).count() + 1;
        prop_assert!(living <= sessions_max || ended.len() == ENDING_MAX, "{living} of {sessions_max}");
        prop_assert!(ended.is_empty() || living >= sessions_max, "more ended than had to");
        prop_assert!(ended.iter().all(|one| one.lives_at(at(60))), "one that is over takes no room");
        let longest = |one: &&&Session| one.lives_at(at(60));
        let first_kept = kept.iter().filter(longest).map(|one| one.last_used_at).min();
        let last_ended = ended.iter().map(|one| one.last_used_at).max();
        prop_assert!(first_kept.is_none_or(|kept| last_ended.is_none_or(|ended| ended <= kept)));
        let ids: BTreeSet<_> = ended.iter().map(|one| one.id).collect();
        let revoked: BTreeSet<_> = writes.revocations.iter().filter_map(session_in).collect();
        let recorded: BTreeSet<_> = writes.audit().iter().filter_map(|entry| entry.session).collect();
        prop_assert_eq!((&revoked, &recorded, writes.audit().len()), (&ids, &ids, ids.len() + 1));
    }

    #[test]
    fn all_end_but_the_one_that_stays_and_each_is_refused(count in 0..9_usize, place in any::<prop::sample::Index>()) {
        let mut rows = Rows::default();
        let user = rows.user(Role::User);
        for _ in 0..=count {
            let session = session_of(user);
            rows.sessions.insert(session.id, session);
        }
        let stays = place.get(&rows.sessions_of(user)).to_owned();
        for closing in [SessionScope::AllBut(stays), SessionScope::All] {
            let ids: Vec<_> = rows.sessions_of(user).into_iter().filter(|id| closing.ends(*id)).collect();
            let (along, stays) = (work(), rows.sessions.get(&stays).cloned());
            let account = rows.users[&user].clone();
            let leaving = Leaving { user: account.clone(), sessions: &ids, stays, familiar: Vec::new() };
            let writes = close_of(leaving, closing, at(90), &rows.preconditions(&along)).unwrap();
            let revoked: Vec<_> = writes.revocations.iter().filter_map(session_in).collect();
            rows.write(writes);
            let goes_on = closing != SessionScope::All;
            prop_assert_eq!(revoked, if goes_on { ids } else { Vec::new() });
            prop_assert_eq!(rows.sessions.len(), usize::from(goes_on));
            let raised = rows.raised(user).map(|(minimum, _)| minimum);
            prop_assert_eq!(raised, (!goes_on).then(|| account.generation.next()));
            prop_assert_eq!(rows.users[&user].generation, raised.unwrap_or(account.generation));
        }
    }

    /// Whatever is recorded, in whichever order: nothing that was refused is good again.
    #[test]
    fn what_is_known_is_never_narrowed(times in prop::collection::vec((0..9_u64, 0..9_u64), 1..6)) {
        let user = UserId::new(1).unwrap();
        let raised = |(minimum, until): &(u64, u64)| {
            Revocation::Generation { user, minimum: Generation(*minimum), until: at(*until) }
        };
        let forward = times.iter().map(raised).reduce(widest).unwrap();
        let backward = times.iter().rev().map(raised).reduce(widest).unwrap();
        let most = (times.iter().map(|one| one.0).max().unwrap(), times.iter().map(|one| one.1).max().unwrap());
        prop_assert_eq!((forward, backward), (raised(&most), raised(&most)));
        let is_known = |one: &(u64, u64)| is_known(&[raised(one)], &[Some(forward)]);
        prop_assert!(times.iter().all(is_known));
        prop_assert!(!is_known(&(most.0 + 1, most.1)) && !is_known(&(most.0, most.1 + 1)));
    }
}

#[test]
fn what_is_known_in_part_is_not_known() {
    let one = Revocation::Session { id: SessionId::random(), until: at(60) };
    let other = Revocation::Token { id: TokenId::random(), until: at(60) };
    assert!(is_known(&[one, other], &[Some(one), Some(other)]));
    assert!(!is_known(&[one, other], &[Some(one), None]));
    assert!(!is_known(&[], &[]), "what revokes nothing is recorded all the same");
    assert!(is_over(false, &[Some(one), Some(other)]));
    assert!(!is_over(true, &[Some(one)]) && !is_over(false, &[Some(one), None]));
}

fn session_in(one: &Revocation) -> Option<SessionId> {
    match one {
        Revocation::Session { id, .. } => Some(*id),
        Revocation::Token { .. } | Revocation::Generation { .. } => None,
    }
}
