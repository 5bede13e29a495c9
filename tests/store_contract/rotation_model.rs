//! Any sequence of rotations, against a model that knows the whole history of the tokens.

use gateway_identity::TokenId;
use gateway_store::{Event, Rotation, RotationRequest};
use proptest::prelude::*;

use super::{Stores, at, session, token};
use crate::support::told::*;

const GRACE_SECONDS: u64 = 10;
const LIFETIME_SECONDS: u64 = 60;

/// Somebody presents the token that was issued `back` rotations ago (an invented one if there were
/// not so many), `later` seconds after the step before.
#[derive(Clone, Debug)]
struct Step {
    back: usize,
    rotates: bool,
    later: u64,
}

/// All tokens that were ever in force, each with whether it was presented as the current one and
/// when it was replaced.
struct Model {
    issued: Vec<(TokenId, bool, Option<u64>)>,
    closed: bool,
}

impl Model {
    fn expects(&mut self, presented: TokenId, successor: Option<TokenId>, now: u64) -> &'static str {
        if self.closed || now >= LIFETIME_SECONDS {
            return "unknown";
        }
        let newest = self.issued.len() - 1;
        let place = self.issued.iter().position(|(id, ..)| *id == presented);
        if place == Some(newest) {
            self.issued[newest].1 = true;
            let Some(successor) = successor else {
                return "kept";
            };
            self.issued[newest].2 = Some(now);
            self.issued.push((successor, false, None));
            return "rotated";
        }
        let a_moment_ago = |place: usize| self.issued[place].2.is_some_and(|at| at + GRACE_SECONDS >= now);
        let answer_was_lost = !self.issued[newest].1;
        if place.is_some_and(|place| place + 1 == newest && a_moment_ago(place)) && answer_was_lost {
            return "graced";
        }
        self.closed = true;
        "replayed"
    }
}

fn step() -> impl Strategy<Value = Step> {
    (prop_oneof![5 => Just(0), 4 => Just(1), 1 => 2..4_usize], any::<bool>(), 0..8_u64)
        .prop_map(|(back, rotates, later)| Step { back, rotates, later })
}

#[test]
fn any_sequence_of_rotations_is_answered_as_the_history_of_the_tokens_demands() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stores = runtime.block_on(Stores::sled());
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..14))| {
        runtime.block_on(follow(&stores, &steps))?;
    });
}

async fn follow(stores: &Stores, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut session = session();
    session.expires_at = at(LIFETIME_SECONDS);
    let mut model = Model { issued: vec![(session.current.id, false, None)], closed: false };
    stores.sessions.open(session.clone(), super::room(1_000), work()).told().await.unwrap();
    let mut now = 0;
    for Step { back, rotates, later } in steps {
        now += later;
        let issued = model.issued.iter().rev().nth(*back);
        let presented = issued.map_or_else(TokenId::random, |(id, ..)| *id);
        let successor = rotates.then(token);
        let request = RotationRequest {
            session: session.id,
            presented,
            from: super::network("192.0.2.1"),
            successor,
            now: at(now),
            grace_since: at(now.saturating_sub(GRACE_SECONDS)),
            revoked_until: at(7_200),
            renewed: super::event(Event::Refreshed),
            replayed: super::event(Event::RefreshReused),
        };
        let expected = model.expects(presented, successor.map(|token| token.id), now);
        let newest = model.issued.last().unwrap().0;
        let (name, current) = match stores.sessions.rotate(request).told().await.unwrap() {
            Rotation::Kept(session) => ("kept", session.current.id),
            Rotation::Rotated(session) => ("rotated", session.current.id),
            Rotation::Graced(session) => ("graced", session.current.id),
            Rotation::Replayed(_) => ("replayed", newest),
            Rotation::Unknown => ("unknown", newest),
        };
        prop_assert_eq!((name, current), (expected, newest));
    }
    let stored = stores.sessions.by_id(session.id).await.unwrap();
    prop_assert_eq!(stored.is_none(), model.closed);
    Ok(())
}
