//! What a presented refresh token is, over any sequence of presentations and of changes of its owner.

use proptest::prelude::*;

use super::*;
use crate::{Amendment, Rotation, RotationRequest};
use gateway_identity::Network;

const GRACE_SECONDS: u64 = 10;
const LIFETIME_SECONDS: u64 = 100;
const ACCESS_SECONDS: u64 = 30;

/// After so many seconds.
#[derive(Clone, Debug)]
enum Step {
    /// The token that was issued `back` rotations ago, or an invented one.
    Present { back: usize, rotates: bool, later: u64 },
    /// The owner is deactivated, or comes back.
    Stand { is_active: bool, later: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let back = prop_oneof![5 => Just(0), 5 => Just(1), 1 => 2..4_usize];
    prop_oneof![
        6 => (back, any::<bool>(), 0..8_u64)
            .prop_map(|(back, rotates, later)| Step::Present { back, rotates, later }),
        2 => (any::<bool>(), 0..4_u64).prop_map(|(is_active, later)| Step::Stand { is_active, later }),
    ]
}

/// A refresh token that was issued.
struct Issued {
    id: TokenId,
    replaced_at: Option<u64>,
    successor: Option<TokenId>,
}

struct Followed {
    rows: Rows,
    session: SessionId,
    owner: UserId,
    issued: Vec<Issued>,
    /// Whether the newest of them was presented.
    is_newest_used: bool,
    /// When the owner's activity was changed last.
    stood_at: Option<u64>,
    now: u64,
}

impl Followed {
    fn begin() -> Self {
        let mut rows = Rows::default();
        rows.user(Role::Admin);
        let owner = rows.user(Role::User);
        let session = Session { expires_at: at(LIFETIME_SECONDS), ..session_of(owner) };
        let issued = vec![Issued { id: session.current.id, replaced_at: None, successor: None }];
        let id = session.id;
        rows.sessions.insert(id, session);
        Self { rows, session: id, owner, issued, is_newest_used: false, stood_at: None, now: 0 }
    }

    /// Whether a lost answer is made good: nothing that happened since the token was replaced speaks
    /// against it.
    fn has_grace(&self, place: Option<usize>) -> bool {
        let token = place.filter(|place| place + 2 == self.issued.len()).map(|place| &self.issued[place]);
        let is_recent =
            |at: u64| at + GRACE_SECONDS >= self.now && self.stood_at.is_none_or(|stood| stood < at);
        let is_recent = token.and_then(|token| token.replaced_at).is_some_and(is_recent);
        is_recent && !self.is_newest_used && self.rows.users[&self.owner].is_active
    }

    fn stand(&mut self, is_active: bool) {
        let amendment = Amendment { is_active: Some(is_active), ..Amendment::default() };
        let (before, along) = (self.rows.users[&self.owner].clone(), work());
        let until = at(self.now + ACCESS_SECONDS);
        let amended = amend(before, &amendment, 1, until, &self.rows.preconditions(&along));
        let (amended, writes) = amended.unwrap();
        self.rows.write(writes);
        self.stood_at = if amended.is_changed { Some(self.now) } else { self.stood_at };
    }

    fn present(&mut self, presented: TokenId, successor: Option<RefreshToken>) -> (Rotation, Writes) {
        let request = RotationRequest {
            session: self.session,
            presented,
            from: "198.51.100.1".parse::<std::net::IpAddr>().map(Network::from).unwrap(),
            successor,
            now: at(self.now),
            grace_since: at(self.now).minus(std::time::Duration::from_secs(GRACE_SECONDS)),
            revoked_until: at(self.now + ACCESS_SECONDS),
            renewed: recorded_as(Entry::new("renewed")),
            replayed: recorded_as(Entry::new("replayed")),
        };
        let found = RefreshState {
            session: self.rows.sessions.get(&self.session).cloned(),
            owner: self.rows.users.get(&self.owner).cloned(),
            raised_until: self.rows.raised(self.owner).map(|(_, until)| until),
            familiar: Vec::new(),
        };
        let (rotation, writes) = rotate(found, &request);
        self.rows.write(writes.clone());
        (rotation, writes)
    }

    /// Presents the token, and holds the answer against all that was answered before.
    fn hold(&mut self, back: usize, rotates: bool) -> Result<(), TestCaseError> {
        let place = self.issued.len().checked_sub(back + 1);
        let presented = place.map_or_else(TokenId::random, |place| self.issued[place].id);
        let before = self.rows.sessions.get(&self.session).cloned();
        let lives = before.as_ref().is_some_and(|session| session.lives_at(at(self.now)));
        let successor = rotates.then(token);
        let (rotation, writes) = self.present(presented, successor);
        let audit = writes.audit();
        let recorded: Vec<_> = audit.iter().map(|entry| &*entry.event).collect();
        match rotation {
            Rotation::Unknown => {
                prop_assert!(!lives && writes == Writes::default());
            }
            Rotation::Replayed(revoked) => {
                prop_assert!(lives && self.rows.sessions.is_empty());
                prop_assert!(!self.has_grace(place), "an answer may have been lost");
                prop_assert_eq!((writes.revocations, recorded), (vec![revoked], vec!["replayed"]));
            }
            Rotation::Kept(_) => {
                let newest = Some(self.issued.len() - 1);
                prop_assert_eq!((place, recorded), (newest, vec!["renewed"]), "it is not in force");
                self.is_newest_used = true;
            }
            Rotation::Rotated(session) => {
                let place = place.unwrap();
                let token = &mut self.issued[place];
                prop_assert_eq!(token.replaced_at, None, "no token is replaced twice");
                prop_assert_eq!((session.current, recorded), (successor.unwrap(), vec!["renewed"]));
                self.is_newest_used = false;
                (token.replaced_at, token.successor) = (Some(self.now), Some(session.current.id));
                self.issued.push(Issued { id: session.current.id, replaced_at: None, successor: None });
            }
            Rotation::Graced(session) => {
                let token = &self.issued[place.unwrap()];
                prop_assert!(token.replaced_at.unwrap() + GRACE_SECONDS >= self.now, "beyond its grace");
                prop_assert_eq!(token.successor, Some(session.current.id), "another successor");
                prop_assert!(!self.is_newest_used, "its successor was used");
                prop_assert!(self.stood_at <= token.replaced_at || self.stood_at.is_none());
                prop_assert!(self.rows.users[&self.owner].is_active);
                prop_assert_eq!((Some(session), recorded), (before, vec!["renewed"]), "nothing is changed");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(config())]

    /// Within a second a change of the owner's standing may count as before or after the replacement: the
    /// stricter holds.
    #[test]
    fn no_token_succeeds_twice_beyond_its_grace(steps in prop::collection::vec(step(), 1..24)) {
        let mut followed = Followed::begin();
        for step in steps {
            match step {
                Step::Present { back, rotates, later } => {
                    followed.now += later;
                    followed.hold(back, rotates)?;
                }
                Step::Stand { is_active, later } => {
                    followed.now += later;
                    followed.stand(is_active);
                }
            }
        }
    }

    #[test]
    fn a_replay_ends_the_session_for_everybody(rotations in 1..5_usize, back in 2..5_usize, later in 0..40_u64) {
        let mut followed = Followed::begin();
        for _ in 0..rotations {
            followed.hold(0, true)?;
        }
        followed.now += later;
        followed.hold(back, true)?;
        prop_assert!(followed.rows.sessions.is_empty());
        let until = at(later + ACCESS_SECONDS);
        prop_assert_eq!(&followed.rows.revocations, &[Revocation::Session { id: followed.session, until }]);
        let newest = followed.issued.last().unwrap().id;
        prop_assert_eq!(followed.present(newest, None).0, Rotation::Unknown, "its owner, too");
    }
}

#[test]
fn who_comes_back_has_no_grace_for_what_was_replaced_before() {
    for (rotated_at, has_grace) in [(1, false), (3, true)] {
        let mut followed = Followed::begin();
        for now in 0..4 {
            followed.now = now;
            match now {
                1 | 2 => followed.stand(now == 2),
                _ => {}
            }
            if now == rotated_at {
                followed.hold(0, true).unwrap();
            }
        }
        let first = followed.issued[0].id;
        let is_graced = matches!(followed.present(first, None).0, Rotation::Graced(_));
        assert_eq!(is_graced, has_grace, "replaced at {rotated_at}");
    }
}

#[test]
fn a_token_of_an_account_that_is_gone_makes_no_network_familiar() {
    let mut followed = Followed::begin();
    followed.rows.users.remove(&followed.owner);
    let current = followed.issued[0].id;
    let (rotation, writes) = followed.present(current, None);
    assert!(matches!(rotation, Rotation::Kept(_)), "{rotation:?}");
    assert_eq!(writes.familiar, []);
}
