//! The laws of single-use tokens and of invitations.

use std::sync::Arc;

use gateway_identity::{Email, Role, UserId};
use gateway_store::{
    Amendment, Entry, Invitation, OutboxMessage, PasswordChange, Precondition, Purpose, StoreError,
    StoredHash, Ticket, TicketKey, Way,
};

use super::{Stores, at, new_user, user_id};
use crate::support::told::*;

store_laws! {
    a_ticket_is_found_as_it_was_issued_until_its_time_is_over,
    a_ticket_that_is_issued_again_is_the_later_one,
    a_ticket_permits_one_change,
    of_fifty_who_hold_one_ticket_one_gets_through,
    a_ticket_whose_time_is_over_permits_nothing,
    a_change_that_is_refused_leaves_its_ticket,
    a_ticket_that_was_used_up_stays_so_after_a_kill,
    what_was_granted_to_an_account_goes_with_it,
    an_invitation_gets_an_id_that_none_had_and_a_mail,
    a_later_invitation_of_an_address_replaces_the_earlier_one,
    an_invitation_is_used_up_with_its_ticket,
    an_invitation_counts_as_long_as_its_inviter_administers,
    an_invitation_of_the_operator_needs_no_inviter,
    invitations_are_listed_page_by_page_and_those_that_are_over_are_not,
    an_invitation_is_withdrawn_once_and_its_ticket_is_void,
    a_sweep_of_tickets_forgets_what_is_over_and_nothing_else,
}

const KEY: &str = "a token of somebody";

async fn a_ticket_is_found_as_it_was_issued_until_its_time_is_over(stores: &Stores) {
    let ticket = granted(reset(user_id(1), 0), 60);
    stores.tickets.issue(TicketKey::from_token(KEY), ticket.clone()).await.unwrap();
    for (seconds, found) in [(0, true), (59, true), (60, false)] {
        let now = stores.tickets.ticket(TicketKey::from_token(KEY), at(seconds)).await.unwrap();
        assert_eq!(now, found.then(|| ticket.clone()), "{seconds}");
    }
    assert_eq!(stores.tickets.ticket(TicketKey::from_token("another"), at(0)).await.unwrap(), None);
}

async fn a_ticket_that_is_issued_again_is_the_later_one(stores: &Stores) {
    let later = granted(reset(user_id(2), 5), 600);
    for ticket in [granted(reset(user_id(1), 0), 60), later.clone()] {
        stores.tickets.issue(TicketKey::from_token(KEY), ticket).await.unwrap();
    }
    stores.tickets.sweep(at(61)).await.unwrap();
    assert_eq!(stores.tickets.ticket(TicketKey::from_token(KEY), at(61)).await.unwrap(), Some(later));
    assert_eq!(stores.tickets.sweep(at(601)).await.unwrap(), 1);
}

async fn a_ticket_permits_one_change(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    issue(stores, KEY, reset(ada.id, 0)).await;
    stores.users.set_password(password(ada.id, 0, "second"), redeeming(KEY)).told().await.unwrap().unwrap();
    // The same right, of the version that there is now: it was the token that was good once.
    let again = stores.users.set_password(password(ada.id, 1, "third"), redeeming(KEY)).told().await;
    assert!(matches!(again, Err(StoreError::TicketGone)));
    let proven = Amendment { email_verified: Some(true), ..Amendment::default() };
    let other = stores.users.amend(ada.id, proven, at(60), redeeming(KEY)).told().await;
    assert!(matches!(other, Err(StoreError::TicketGone)));
    let after = stores.users.by_id(ada.id).await.unwrap().unwrap();
    assert_eq!((after.password_hash.0.as_str(), after.email_verified), ("second", false));
    assert_eq!(stores.tickets.ticket(TicketKey::from_token(KEY), at(0)).await.unwrap(), None);
}

async fn of_fifty_who_hold_one_ticket_one_gets_through(stores: &Stores) {
    issue(stores, KEY, registration("ada@example.org")).await;
    let attempts: Vec<_> = (0..50)
        .map(|n| {
            let users = Arc::clone(&stores.users);
            let new = new_user(&format!("u{n}@example.org"), Role::User);
            tokio::spawn(async move { users.create(new, redeeming(KEY)).told().await })
        })
        .collect();
    let mut through = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => through += 1,
            Err(error) => assert!(matches!(error, StoreError::TicketGone), "{error}"),
        }
    }
    assert_eq!((through, stores.users.page(0, 100).await.unwrap().total), (1, 1));
}

async fn a_ticket_whose_time_is_over_permits_nothing(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    issue(stores, KEY, reset(ada.id, 0)).await;
    let late = work_at(at(60)).provided(Precondition::Ticket(TicketKey::from_token(KEY)));
    let refused = stores.users.set_password(password(ada.id, 0, "second"), late).told().await;
    assert!(matches!(refused, Err(StoreError::TicketGone)));
    assert_eq!(stores.users.by_id(ada.id).await.unwrap(), Some(ada));
}

async fn a_change_that_is_refused_leaves_its_ticket(stores: &Stores) {
    stores.user("ada", Role::User).await;
    issue(stores, KEY, registration("ada@example.org")).await;
    let taken = stores.users.create(new_user("ada@example.org", Role::User), redeeming(KEY)).told().await;
    assert!(matches!(taken, Err(StoreError::Conflict)));
    assert!(stores.tickets.ticket(TicketKey::from_token(KEY), at(0)).await.unwrap().is_some());
    stores.users.create(new_user("bob@example.org", Role::User), redeeming(KEY)).told().await.unwrap();
}

async fn a_ticket_that_was_used_up_stays_so_after_a_kill(stores: &Stores) {
    issue(stores, KEY, registration("ada@example.org")).await;
    issue(stores, "unused", registration("bob@example.org")).await;
    stores.users.create(new_user("ada@example.org", Role::User), redeeming(KEY)).told().await.unwrap();
    let next = stores.after_a_kill().await;
    let again = next.users.create(new_user("eve@example.org", Role::User), redeeming(KEY)).told().await;
    assert!(matches!(again, Err(StoreError::TicketGone)));
    next.users.create(new_user("bob@example.org", Role::User), redeeming("unused")).told().await.unwrap();
}

async fn what_was_granted_to_an_account_goes_with_it(stores: &Stores) {
    let (ada, bob) = (stores.user("ada", Role::User).await, stores.user("bob", Role::User).await);
    let verification = Purpose::EmailVerification { user: ada.id, email: ada.email.clone() };
    let gone = [reset(ada.id, 0), verification, registration("ada@example.org")];
    let stays = [reset(bob.id, 0), registration("bob@example.org")];
    for (number, purpose) in gone.into_iter().chain(stays).enumerate() {
        issue(stores, &number.to_string(), purpose).await;
    }
    stores.users.delete(ada.id, at(60), work()).told().await.unwrap();
    let mut found = Vec::new();
    for number in 0..5 {
        found.push(
            stores.tickets.ticket(TicketKey::from_token(&number.to_string()), at(0)).await.unwrap().is_some(),
        );
    }
    assert_eq!(found, [false, false, false, true, true]);
}

async fn an_invitation_gets_an_id_that_none_had_and_a_mail(stores: &Stores) {
    let request_id = Some("asked".to_owned());
    let along = recording(at(5), Entry { request_id, ..Entry::new("invited") });
    let first = stores.tickets.invite(invitation("ada", None), along).told().await.unwrap();
    assert_eq!(stores.tickets.invitation(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(stores.tickets.invitation(first.id + 1).await.unwrap(), None);
    stores.tickets.withdraw(first.id, work()).told().await.unwrap();
    let second = invited(stores, "ada", None).await;
    assert!(second.id > first.id);
    let due = stores.outbox.due(at(5), Way::Mail, 10, &[]).await.unwrap();
    // The second one has no time, and so was due before.
    let errands: Vec<_> = due.iter().map(|queued| queued.errand.clone()).collect();
    assert_eq!(errands, [second.id, first.id].map(|id| OutboxMessage::Invitation { id }));
    assert_eq!((due[1].request_id.as_deref(), due[1].created_at), (Some("asked"), at(5)));
    let invited = |line: &&String| line.contains("\"invited\"");
    assert_eq!(stores.trail.lines(1, 10).await.unwrap().iter().filter(invited).count(), 1);
}

async fn a_later_invitation_of_an_address_replaces_the_earlier_one(stores: &Stores) {
    let first = invited(stores, "ada", None).await;
    let other = invited(stores, "bob", None).await;
    issue(stores, KEY, Purpose::Invitation { id: first.id }).await;
    let second = invited(stores, "ada", None).await;
    let (listed, total) = stores.tickets.invitations(at(0), 0, 10).await.unwrap();
    assert_eq!((listed, total), (vec![other, second.clone()], 2));
    assert_eq!(stores.tickets.invitation(first.id).await.unwrap(), None);
    let refused = stores.users.create(new_user("ada@example.org", Role::User), redeeming(KEY)).told().await;
    assert!(matches!(refused, Err(StoreError::TicketGone)));
    issue(stores, "second", Purpose::Invitation { id: second.id }).await;
    stores.users.create(new_user("ada@example.org", Role::User), redeeming("second")).told().await.unwrap();
}

async fn an_invitation_is_used_up_with_its_ticket(stores: &Stores) {
    let id = invited(stores, "ada", None).await.id;
    for token in [KEY, "of a second mail"] {
        issue(stores, token, Purpose::Invitation { id }).await;
    }
    stores.users.create(new_user("ada@example.org", Role::User), redeeming(KEY)).told().await.unwrap();
    assert_eq!(stores.tickets.invitation(id).await.unwrap(), None);
    let again = new_user("eve@example.org", Role::User);
    let again = stores.users.create(again, redeeming("of a second mail")).told().await;
    assert!(matches!(again, Err(StoreError::TicketGone)));
}

async fn an_invitation_counts_as_long_as_its_inviter_administers(stores: &Stores) {
    stores.user("root", Role::Admin).await;
    let demoted = Amendment { role: Some(Role::User), ..Amendment::default() };
    let inactive = Amendment { is_active: Some(false), ..Amendment::default() };
    for (name, change) in [("demoted", Some(demoted)), ("inactive", Some(inactive)), ("gone", None)] {
        let inviter = stores.user(name, Role::Admin).await;
        let id = invited(stores, &format!("by-{name}"), Some(inviter.id)).await.id;
        issue(stores, name, Purpose::Invitation { id }).await;
        match change {
            Some(change) => {
                drop(stores.users.amend(inviter.id, change, at(60), work()).told().await.unwrap())
            }
            None => drop(stores.users.delete(inviter.id, at(60), work()).told().await.unwrap()),
        }
        let guest = new_user(&format!("by-{name}@example.org"), Role::User);
        let refused = stores.users.create(guest.clone(), redeeming(name)).told().await;
        assert!(matches!(refused, Err(StoreError::TicketGone)), "{name}");
        assert_eq!(stores.users.by_email(&guest.email).await.unwrap(), None);
    }
}

async fn an_invitation_of_the_operator_needs_no_inviter(stores: &Stores) {
    let admin = stores.user("root", Role::Admin).await;
    for (name, inviter) in [("ada", None), ("bob", Some(admin.id))] {
        let id = invited(stores, name, inviter).await.id;
        issue(stores, name, Purpose::Invitation { id }).await;
        let guest = new_user(&format!("{name}@example.org"), Role::User);
        stores.users.create(guest, redeeming(name)).told().await.unwrap();
    }
}

async fn invitations_are_listed_page_by_page_and_those_that_are_over_are_not(stores: &Stores) {
    let mut ids = Vec::new();
    for number in 0..300 {
        ids.push(invited(stores, &format!("u{number}"), None).await.id);
    }
    let over = Invitation { expires_at: at(10), ..invitation("over", None) };
    stores.tickets.invite(over, work()).told().await.unwrap();
    let (page, total) = stores.tickets.invitations(at(10), 250, 20).await.unwrap();
    assert_eq!((page.iter().map(|one| one.id).collect::<Vec<_>>(), total), (ids[250..270].to_vec(), 300));
    let (page, total) = stores.tickets.invitations(at(9), 300, u64::MAX).await.unwrap();
    assert_eq!((page.len(), total), (1, 301));
    assert_eq!(stores.tickets.invitations(at(9), u64::MAX, 5).await.unwrap().0, []);
}

async fn an_invitation_is_withdrawn_once_and_its_ticket_is_void(stores: &Stores) {
    let invitation = invited(stores, "ada", None).await;
    issue(stores, KEY, Purpose::Invitation { id: invitation.id }).await;
    let along = || recording(at(0), Entry::new("invitation_withdrawn"));
    assert_eq!(
        stores.tickets.withdraw(invitation.id, along()).told().await.unwrap(),
        Some(invitation.clone())
    );
    assert_eq!(stores.tickets.withdraw(invitation.id, along()).told().await.unwrap(), None);
    let withdrawn = |line: &&String| line.contains("invitation_withdrawn");
    let recorded = stores.trail.lines(1, 10).await.unwrap().iter().filter(withdrawn).count();
    assert_eq!(recorded, 1, "what is not there is not withdrawn");
    let refused = stores.users.create(new_user("ada@example.org", Role::User), redeeming(KEY)).told().await;
    assert!(matches!(refused, Err(StoreError::TicketGone)));
}

async fn a_sweep_of_tickets_forgets_what_is_over_and_nothing_else(stores: &Stores) {
    // More than one batch of a sweep.
    for number in 0..300 {
        let ticket = granted(reset(user_id(1), 0), 10);
        stores.tickets.issue(TicketKey::from_token(&number.to_string()), ticket).await.unwrap();
    }
    issue(stores, KEY, reset(user_id(1), 0)).await;
    let over = Invitation { expires_at: at(10), ..invitation("over", None) };
    let over = stores.tickets.invite(over, work()).told().await.unwrap().id;
    let good = invited(stores, "good", None).await.id;
    assert_eq!(stores.tickets.sweep(at(10)).await.unwrap(), 0);
    assert_eq!(stores.tickets.sweep(at(11)).await.unwrap(), 300);
    assert!(stores.tickets.ticket(TicketKey::from_token(KEY), at(11)).await.unwrap().is_some());
    assert_eq!(stores.tickets.invitation(over).await.unwrap(), None);
    assert!(stores.tickets.invitation(good).await.unwrap().is_some());
}

fn reset(user: UserId, password_version: u64) -> Purpose {
    Purpose::PasswordReset { user, password_version }
}

fn registration(address: &str) -> Purpose {
    let new = new_user(address, Role::User);
    let (first_name, last_name) = (new.first_name, new.last_name);
    Purpose::Registration { email: new.email, password_hash: new.password_hash, first_name, last_name }
}

fn granted(purpose: Purpose, seconds: u64) -> Ticket {
    Ticket { purpose, expires_at: at(seconds) }
}

/// A ticket of a minute.
async fn issue(stores: &Stores, token: &str, purpose: Purpose) {
    stores.tickets.issue(TicketKey::from_token(token), granted(purpose, 60)).await.unwrap();
}

fn redeeming(token: &str) -> gateway_store::UnitOfWork {
    work_at(at(0)).provided(Precondition::Ticket(TicketKey::from_token(token)))
}

fn password(user: UserId, version: u64, hash: &str) -> PasswordChange {
    PasswordChange {
        user,
        version,
        hash: StoredHash(hash.to_owned()),
        keep: None,
        from: None,
        proves_email: false,
        revoked_until: at(60),
    }
}

fn invitation(name: &str, invited_by: Option<UserId>) -> Invitation {
    let email = Email::parse(&format!("{name}@example.org")).unwrap();
    Invitation { id: 0, email, role: Role::User, created_at: at(0), expires_at: at(60), invited_by }
}

async fn invited(stores: &Stores, name: &str, invited_by: Option<UserId>) -> Invitation {
    stores.tickets.invite(invitation(name, invited_by), work()).told().await.unwrap()
}
