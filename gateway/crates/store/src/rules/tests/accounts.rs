//! What changes of accounts revoke, over any sequence of them.

use proptest::prelude::*;

use super::*;
use crate::{Amendment, PasswordChange, SessionScope, TicketKey};

#[derive(Clone, Debug)]
enum Step {
    Create { is_admin: bool },
    Amend { who: u64, role: Option<bool>, is_active: Option<bool>, name: bool },
    Password { who: u64, from: bool },
    End { who: u64 },
    Delete { who: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 1..6_u64;
    prop_oneof![
        2 => any::<bool>().prop_map(|is_admin| Step::Create { is_admin }),
        6 => (who(), any::<Option<bool>>(), any::<Option<bool>>(), any::<bool>())
            .prop_map(|(who, role, is_active, name)| Step::Amend { who, role, is_active, name }),
        1 => (who(), any::<bool>()).prop_map(|(who, from)| Step::Password { who, from }),
        1 => who().prop_map(|who| Step::End { who }),
        2 => who().prop_map(|who| Step::Delete { who }),
    ]
}

fn role(is_admin: bool) -> Role {
    if is_admin { Role::Admin } else { Role::User }
}

fn amendment(role: Option<Role>, is_active: Option<bool>, first_name: Option<String>) -> Amendment {
    Amendment { role, is_active, first_name, ..Amendment::default() }
}

impl Rows {
    fn leaving<'a>(&self, who: UserId, sessions: &'a [SessionId]) -> Option<Leaving<'a>> {
        let user = self.users.get(&who)?.clone();
        Some(Leaving { user, sessions, stays: None, familiar: Vec::new() })
    }

    /// What the step writes; nothing where its account is not there.
    fn answer(&self, step: &Step) -> Result<Writes, StoreError> {
        let along = recording(at(1), Entry::new("told"));
        let preconditions = self.preconditions(&along);
        let nothing = Ok(Writes::default());
        match *step {
            Step::Create { is_admin } => {
                let new = new_user(self.last_user + 1, role(is_admin));
                create(&new, self.last_user, false, &preconditions).map(|(_, writes)| writes)
            }
            Step::Amend { who, role: wanted, is_active, name } => {
                let Some(before) = self.users.get(&user_id(who)) else { return nothing };
                let name = name.then(|| format!("{} again", before.first_name));
                let amendment = amendment(wanted.map(role), is_active, name);
                amend(before.clone(), &amendment, self.active(), at(60), &preconditions)
                    .map(|(_, writes)| writes)
            }
            Step::Password { who, from } => {
                let sessions = self.sessions_of(user_id(who));
                let Some(leaving) = self.leaving(user_id(who), &sessions) else { return nothing };
                let change = password(&leaving.user, from);
                set_password(leaving, &change, &preconditions).map(|set| set.unwrap().1)
            }
            Step::End { who } => {
                let sessions = self.sessions_of(user_id(who));
                let Some(leaving) = self.leaving(user_id(who), &sessions) else { return nothing };
                close_of(leaving, SessionScope::All, at(60), &preconditions)
            }
            Step::Delete { who } => {
                let sessions = self.sessions_of(user_id(who));
                let Some(leaving) = self.leaving(user_id(who), &sessions) else { return nothing };
                delete(leaving, self.active(), &[], at(60), &preconditions).map(|(.., writes)| writes)
            }
        }
    }
}

fn user_id(number: u64) -> UserId {
    UserId::new(number).unwrap()
}

fn password(user: &User, from: bool) -> PasswordChange {
    PasswordChange {
        user: user.id,
        version: user.password_version,
        hash: StoredHash("second".to_owned()),
        keep: None,
        from: from.then(|| "192.0.2.7".parse().unwrap()),
        proves_email: false,
        revoked_until: at(60),
    }
}

/// What an access token says.
struct Token {
    user: UserId,
    role: Role,
    generation: Generation,
}

impl Rows {
    fn tokens(&self) -> Vec<Token> {
        let active = self.users.values().filter(|user| user.is_active);
        active.map(|user| Token { user: user.id, role: user.role, generation: user.generation }).collect()
    }

    fn refuses(&self, token: &Token) -> bool {
        self.raised(token.user).is_some_and(|(minimum, _)| token.generation < minimum)
    }

    /// Whether the account is as the token says.
    fn fits(&self, token: &Token) -> bool {
        self.users.get(&token.user).is_some_and(|user| user.is_active && user.role == token.role)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_active_administrator_always_stays(steps in prop::collection::vec(step(), 1..40)) {
        let mut rows = Rows::default();
        rows.user(Role::Admin);
        for step in &steps {
            match rows.answer(step) {
                Ok(writes) => rows.write(writes),
                Err(refused) => {
                    prop_assert!(matches!(refused, StoreError::LastAdministrator), "{refused}");
                    prop_assert_eq!(rows.active(), 1, "somebody else was there: {:?}", step);
                }
            }
            prop_assert!(rows.active() >= 1, "{step:?}");
        }
    }

    /// Whichever token was issued at whichever moment: it says what its account is, or is refused.
    #[test]
    fn a_token_says_what_its_account_is_or_is_refused(steps in prop::collection::vec(step(), 1..24)) {
        let mut rows = Rows::default();
        rows.user(Role::Admin);
        let mut issued = rows.tokens();
        for step in &steps {
            let before = rows.clone();
            rows.answer(step).into_iter().for_each(|writes| rows.write(writes));
            for token in &issued {
                prop_assert!(rows.refuses(token) || rows.fits(token), "{step:?}");
                prop_assert!(rows.refuses(token) || !before.refuses(token), "{step:?} brought a token back");
            }
            let fresh = rows.tokens();
            prop_assert!(fresh.iter().all(|token| !rows.refuses(token)), "{step:?} refuses what is issued after it");
            issued.extend(fresh);
        }
    }

    #[test]
    fn a_change_that_alters_nothing_writes_and_revokes_nothing(
        is_admin: bool,
        is_active: bool,
        asks in any::<[bool; 5]>(),
    ) {
        let mut rows = Rows::default();
        let id = rows.user(role(is_admin));
        let before = User { is_active, ..rows.users[&id].clone() };
        let same = Amendment {
            role: asks[0].then_some(before.role),
            is_active: asks[1].then_some(before.is_active),
            first_name: asks[2].then(|| before.first_name.clone()),
            last_name: asks[3].then(|| before.last_name.clone()),
            email_verified: asks[4].then_some(before.email_verified),
        };
        let along = recording(at(1), Entry::new("told"));
        let (amended, writes) = amend(before.clone(), &same, 1, at(60), &rows.preconditions(&along)).unwrap();
        prop_assert_eq!((amended.user, amended.is_changed, amended.revoked), (before, false, None));
        prop_assert_eq!(writes, Writes::default());
    }

    /// Each change has its entry once, and names alone revoke nothing.
    #[test]
    fn a_change_is_recorded_once_and_revokes_where_the_standing_is_another(steps in prop::collection::vec(step(), 1..24)) {
        let mut rows = Rows::default();
        rows.user(Role::Admin);
        for step in &steps {
            let Ok(writes) = rows.answer(step) else { continue };
            let is_change = writes != Writes::default();
            prop_assert_eq!(writes.audit().len(), usize::from(is_change), "{:?}", step);
            if let (Step::Amend { .. }, [AccountWrite::Changed { before, after }]) = (step, &writes.accounts[..]) {
                let stands = (before.role, before.is_active) == (after.role, after.is_active);
                prop_assert_eq!(writes.revocations.is_empty(), stands);
                let standing = after.standing();
                prop_assert_eq!(writes.audit()[0].detail.clone(), Some(standing));
            }
            rows.write(writes);
        }
    }
}

#[test]
fn a_change_sends_its_mail_and_no_other() {
    let mut rows = Rows::default();
    rows.user(Role::Admin);
    let sent = |rows: &Rows, step: Step| {
        let errands = rows.answer(&step).unwrap().errands();
        errands.iter().map(OutboxMessage::as_str).collect::<Vec<_>>()
    };
    assert_eq!(sent(&rows, Step::Create { is_admin: false }), [""; 0]);
    let (asked, along) = (NewUser { ask_to_verify: true, ..new_user(2, Role::User) }, work());
    let (user, writes) = create(&asked, 1, false, &rows.preconditions(&along)).unwrap();
    assert_eq!(writes.errands(), [OutboxMessage::EmailVerification { user: user.id }]);
    rows.write(writes);
    assert_eq!(sent(&rows, Step::Password { who: 2, from: true }), ["password_changed"]);
    assert_eq!(sent(&rows, Step::Password { who: 2, from: false }), [""; 0]);
    assert_eq!(sent(&rows, Step::End { who: 2 }), [""; 0]);
    let amended = Step::Amend { who: 2, role: Some(true), is_active: Some(false), name: true };
    assert_eq!(sent(&rows, amended), [""; 0]);
    assert_eq!(sent(&rows, Step::Delete { who: 2 }), ["account_deleted", "user_deleted"]);
}

#[test]
fn what_was_granted_to_an_account_or_its_address_goes_with_it() {
    let mut rows = Rows::default();
    rows.user(Role::Admin);
    let (ada, along) = (rows.user(Role::User), work());
    let key = TicketKey::from_token("a token");
    let leaving = rows.leaving(ada, &[]).unwrap();
    let (.., writes) = delete(leaving, 1, &[key], at(60), &rows.preconditions(&along)).unwrap();
    assert_eq!(writes.tickets_removed, [key]);
}
