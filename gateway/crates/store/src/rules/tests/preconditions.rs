//! What a change may rest on: a ticket permits one change, and an invitation counts as long as its inviter
//! administers.

use proptest::prelude::*;

use super::*;
use crate::{Amendment, Precondition, Purpose};

#[derive(Clone, Debug)]
enum Step {
    /// Somebody registers by the ticket.
    Register {
        ticket: usize,
    },
    /// The account that invites is changed.
    Inviter {
        is_admin: bool,
        is_active: bool,
    },
    /// A later mail of the same invitation.
    Mail {
        ticket: usize,
    },
    Later {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_usize).prop_map(|ticket| Step::Register { ticket }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(is_admin, is_active)| Step::Inviter { is_admin, is_active }),
        2 => (0..4_usize).prop_map(|ticket| Step::Mail { ticket }),
        1 => (0..30_u64).prop_map(|seconds| Step::Later { seconds }),
    ]
}

fn key(ticket: usize) -> TicketKey {
    TicketKey::from_token(&ticket.to_string())
}

const OVER_SECONDS: u64 = 60;

/// One administrator who stays, one who invites, and two invitations: one of his, one of the operator's.
struct Followed {
    rows: Rows,
    inviter: UserId,
    now: u64,
    /// How many came by each of the two.
    came: [u64; 2],
}

impl Followed {
    fn begin() -> Self {
        let mut rows = Rows::default();
        rows.user(Role::Admin);
        let inviter = rows.user(Role::Admin);
        for (last, invited_by) in [(0, Some(inviter)), (1, None)] {
            let email = Email::parse(&format!("guest{last}@example.org")).unwrap();
            let (created_at, expires_at) = (at(0), at(OVER_SECONDS));
            let asked = Invitation { id: 0, email, role: Role::User, created_at, expires_at, invited_by };
            let along = work();
            let (_, writes) = invite(&asked, last, &[], &rows.preconditions(&along)).unwrap();
            rows.write(writes);
        }
        Self { rows, inviter, now: 0, came: [0, 0] }
    }

    fn holds(&self, ticket: usize) -> bool {
        self.rows.tickets.iter().any(|(held, _)| *held == key(ticket))
    }

    fn follow(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Later { seconds } => self.now += seconds,
            Step::Mail { ticket } if !self.holds(ticket) => {
                let purpose = Purpose::Invitation { id: 1 + ticket as u64 % 2 };
                self.rows.tickets.push((key(ticket), Ticket { purpose, expires_at: at(OVER_SECONDS) }));
            }
            Step::Mail { .. } => {}
            Step::Inviter { is_admin, is_active } => {
                let role = Some(if is_admin { Role::Admin } else { Role::User });
                let asked = Amendment { role, is_active: Some(is_active), ..Amendment::default() };
                let (before, along) = (self.rows.users[&self.inviter].clone(), work());
                let preconditions = self.rows.preconditions(&along);
                let writes = amend(before, &asked, self.rows.active(), at(90), &preconditions).unwrap().1;
                self.rows.write(writes);
            }
            Step::Register { ticket } => return self.register(ticket),
        }
        Ok(())
    }

    fn register(&mut self, ticket: usize) -> Result<(), TestCaseError> {
        let along = work_at(at(self.now)).provided(Precondition::Ticket(key(ticket)));
        let (place, administers) = (ticket % 2, self.rows.users[&self.inviter].is_active_administrator());
        if let Err(refused) = self.rows.create(Role::User, &along) {
            prop_assert!(matches!(refused, StoreError::TicketGone), "{refused}");
            return Ok(());
        }
        self.came[place] += 1;
        prop_assert!(self.now < OVER_SECONDS, "its time is over");
        prop_assert!(place == 1 || administers, "who invited administers no more");
        prop_assert!(!self.holds(ticket) && !self.rows.invitations.contains_key(&(1 + place as u64)));
        Ok(())
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_invitation_lets_one_in_while_its_inviter_administers(steps in prop::collection::vec(step(), 1..30)) {
        let mut followed = Followed::begin();
        for step in &steps {
            followed.follow(step)?;
        }
        prop_assert!(followed.came.iter().all(|came| *came <= 1), "{:?}", followed.came);
    }

    #[test]
    fn what_rests_on_an_account_needs_it_as_it_was_looked_at(is_active: bool, is_there: bool, changes in 0..3_u64) {
        let mut rows = Rows::default();
        let id = rows.user(Role::User);
        let seen = rows.users[&id].clone();
        let now = User { is_active, password_version: seen.password_version + changes, ..seen.clone() };
        rows.users = is_there.then_some((id, now)).into_iter().collect();
        let along = work().provided(Precondition::unchanged(&seen));
        let is_same = is_there && is_active && changes == 0;
        match alone(&rows.preconditions(&along)) {
            Ok(_) => prop_assert!(is_same),
            Err(refused) => prop_assert!(!is_same && matches!(refused, StoreError::Outdated), "{refused}"),
        }
    }
}

#[test]
fn a_later_invitation_of_an_address_takes_the_place_of_the_earlier_one() {
    let Followed { mut rows, inviter, .. } = Followed::begin();
    let (first, along) = (rows.invitations[&1].clone(), work());
    let again = Invitation { invited_by: Some(inviter), ..first.clone() };
    let replaced: Vec<_> =
        rows.invitations.values().filter(|one| is_replaced(one, &again)).cloned().collect();
    assert_eq!(replaced, [first]);
    let (second, writes) = invite(&again, 2, &replaced, &rows.preconditions(&along)).unwrap();
    assert_eq!(writes.errands(), [OutboxMessage::Invitation { id: second.id }]);
    rows.write(writes);
    assert_eq!(rows.invitations.keys().collect::<Vec<_>>(), [&2, &3]);
}

#[test]
fn the_invitation_of_another_than_its_inviter_does_not_count() {
    let Followed { rows, inviter, .. } = Followed::begin();
    let invitation = &rows.invitations[&1];
    let other = rows.users.values().find(|user| user.id != inviter).unwrap();
    assert!(invitation.counts(Some(&rows.users[&inviter])));
    assert!(!invitation.counts(Some(other)) && !invitation.counts(None));
    assert!(rows.invitations[&2].counts(None), "the operator has no account");
}
