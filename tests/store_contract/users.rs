//! The laws of accounts.

use std::sync::Arc;

use gateway_identity::{Generation, Role};
use gateway_store::{Amended, Amendment, Revocation, StoreError, StoredHash};

use super::{Stores, at, new_user, user_id};
use crate::support::told::*;

store_laws! {
    ids_are_given_in_turn_from_one_on,
    an_account_is_found_by_id_and_by_address,
    who_never_registered_is_not_found,
    an_address_registers_once,
    a_refused_registration_uses_up_no_id,
    of_twenty_parallel_registrations_of_one_address_exactly_one_succeeds,
    parallel_registrations_get_distinct_ids,
    a_page_holds_accounts_in_the_order_of_their_ids_and_the_total,
    a_page_beyond_the_end_is_empty_and_tells_the_total,
    an_amendment_of_names_revokes_nothing,
    giving_the_role_that_somebody_has_revokes_nothing,
    a_change_of_role_raises_the_generation_and_records_it,
    a_deactivation_raises_the_generation_and_so_does_the_return,
    an_amendment_of_nobody_answers_nobody,
    the_last_active_administrator_cannot_be_demoted_or_deactivated,
    of_two_administrators_who_demote_each_other_at_once_one_remains,
    a_deactivated_administrator_still_is_an_administrator,
    a_password_hash_is_replaced_only_where_it_is_what_was_expected,
}

async fn ids_are_given_in_turn_from_one_on(stores: &Stores) {
    for id in 1..=3 {
        let new = new_user(&format!("user{id}@example.org"), Role::User);
        assert_eq!(stores.users.create(new, work()).told().await.unwrap().id, user_id(id));
    }
}

async fn an_account_is_found_by_id_and_by_address(stores: &Stores) {
    let new = new_user("ada@example.org", Role::User);
    let user = stores.users.create(new.clone(), work()).told().await.unwrap();
    assert!(user.is_active);
    assert_eq!(user.generation, Generation(0));
    assert_eq!(user.password_hash, new.password_hash);
    assert_eq!(stores.users.by_id(user.id).await.unwrap(), Some(user.clone()));
    assert_eq!(stores.users.by_email(&new.email).await.unwrap(), Some(user));
}

async fn who_never_registered_is_not_found(stores: &Stores) {
    let stranger = new_user("stranger@example.org", Role::User);
    assert_eq!(stores.users.by_id(user_id(7)).await.unwrap(), None);
    assert_eq!(stores.users.by_email(&stranger.email).await.unwrap(), None);
    assert!(!stores.users.has_administrator().await.unwrap());
}

async fn an_address_registers_once(stores: &Stores) {
    let mut new = new_user("ada@example.org", Role::User);
    let first = stores.users.create(new.clone(), work()).told().await.unwrap();
    new.first_name = "Eve".to_owned();
    let second = stores.users.create(new.clone(), work()).told().await;
    assert!(matches!(second, Err(StoreError::Conflict)));
    assert_eq!(stores.users.by_email(&new.email).await.unwrap(), Some(first));
}

async fn a_refused_registration_uses_up_no_id(stores: &Stores) {
    let new = new_user("ada@example.org", Role::User);
    stores.users.create(new.clone(), work()).told().await.unwrap();
    stores.users.create(new, work()).told().await.unwrap_err();
    let next = stores.users.create(new_user("bob@example.org", Role::User), work()).told().await.unwrap();
    assert_eq!(next.id, user_id(2));
}

async fn of_twenty_parallel_registrations_of_one_address_exactly_one_succeeds(stores: &Stores) {
    let attempts: Vec<_> = (0..20)
        .map(|_| {
            let users = Arc::clone(&stores.users);
            tokio::spawn(
                async move { users.create(new_user("ada@example.org", Role::User), work()).told().await },
            )
        })
        .collect();
    let mut created = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => created += 1,
            Err(error) => assert!(matches!(error, StoreError::Conflict), "{error}"),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(stores.users.page(0, 100).await.unwrap().total, 1);
}

async fn parallel_registrations_get_distinct_ids(stores: &Stores) {
    let attempts: Vec<_> = (0..50)
        .map(|n| {
            let users = Arc::clone(&stores.users);
            let new = new_user(&format!("user{n}@example.org"), Role::User);
            tokio::spawn(async move { users.create(new, work()).told().await.unwrap().id.get() })
        })
        .collect();
    let mut ids = Vec::new();
    for attempt in attempts {
        ids.push(attempt.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=50).collect::<Vec<_>>());
}

async fn a_page_holds_accounts_in_the_order_of_their_ids_and_the_total(stores: &Stores) {
    // More than 255, so that an order of bytes that is no order of numbers shows.
    let users = &stores.users;
    let all =
        (1..=300).map(|n| users.create(new_user(&format!("u{n}@example.org"), Role::User), work()).told());
    for creating in all {
        creating.await.unwrap();
    }
    let page = stores.users.page(250, 20).await.unwrap();
    let ids: Vec<_> = page.users.iter().map(|user| user.id.get()).collect();
    assert_eq!(ids, (251..=270).collect::<Vec<_>>());
    assert_eq!(page.total, 300);
}

async fn a_page_beyond_the_end_is_empty_and_tells_the_total(stores: &Stores) {
    stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    for offset in [1, u64::MAX] {
        let page = stores.users.page(offset, u64::MAX).await.unwrap();
        assert_eq!((page.users.len(), page.total), (0, 1));
    }
}

async fn an_amendment_of_names_revokes_nothing(stores: &Stores) {
    let before = stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let amendment = Amendment { first_name: Some("Augusta".to_owned()), ..Amendment::default() };
    let Amended { user, revoked, .. } =
        stores.users.amend(before.id, amendment, at(60), work()).told().await.unwrap().unwrap();
    assert_eq!(user.first_name, "Augusta");
    assert_eq!((user.last_name.as_str(), user.generation), ("Lovelace", before.generation));
    assert_eq!(revoked, None);
    assert_eq!(stores.users.by_id(user.id).await.unwrap(), Some(user));
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), []);
}

async fn giving_the_role_that_somebody_has_revokes_nothing(stores: &Stores) {
    let before = stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let amendment = Amendment { role: Some(Role::User), is_active: Some(true), ..Amendment::default() };
    let amended = stores.users.amend(before.id, amendment, at(60), work()).told().await.unwrap();
    assert_eq!(amended, Some(Amended { user: before, is_changed: false, revoked: None }));
}

async fn a_change_of_role_raises_the_generation_and_records_it(stores: &Stores) {
    let before = stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let Amended { user, revoked, .. } =
        stores.users.amend(before.id, role(Role::Admin), at(60), work()).told().await.unwrap().unwrap();
    assert_eq!((user.role, user.generation), (Role::Admin, Generation(1)));
    let recorded = Revocation::Generation { user: user.id, minimum: Generation(1), until: at(60) };
    assert_eq!(revoked, Some(recorded));
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [recorded]);
    assert!(stores.users.has_administrator().await.unwrap());
}

async fn a_deactivation_raises_the_generation_and_so_does_the_return(stores: &Stores) {
    let before = stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let away =
        stores.users.amend(before.id, active(false), at(60), work()).told().await.unwrap().unwrap().user;
    assert_eq!((away.is_active, away.generation), (false, Generation(1)));
    let back =
        stores.users.amend(before.id, active(true), at(70), work()).told().await.unwrap().unwrap().user;
    assert_eq!((back.is_active, back.generation), (true, Generation(2)));
    let recorded = Revocation::Generation { user: before.id, minimum: Generation(2), until: at(70) };
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [recorded]);
}

async fn an_amendment_of_nobody_answers_nobody(stores: &Stores) {
    assert_eq!(stores.users.amend(user_id(9), active(false), at(60), work()).told().await.unwrap(), None);
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), []);
}

async fn the_last_active_administrator_cannot_be_demoted_or_deactivated(stores: &Stores) {
    let ada = stores.users.create(new_user("ada@example.org", Role::Admin), work()).told().await.unwrap();
    let bob = stores.users.create(new_user("bob@example.org", Role::Admin), work()).told().await.unwrap();
    stores.users.amend(bob.id, active(false), at(60), work()).told().await.unwrap();
    for amendment in [role(Role::User), active(false)] {
        let refused = stores.users.amend(ada.id, amendment, at(60), work()).told().await;
        assert!(matches!(refused, Err(StoreError::LastAdministrator)));
    }
    assert_eq!(stores.users.by_id(ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(stores.ledger.live(at(0)).await.unwrap().len(), 1);
    stores.users.amend(bob.id, active(true), at(60), work()).told().await.unwrap();
    stores.users.amend(ada.id, role(Role::User), at(60), work()).told().await.unwrap();
}

async fn of_two_administrators_who_demote_each_other_at_once_one_remains(stores: &Stores) {
    let ada = stores.users.create(new_user("ada@example.org", Role::Admin), work()).told().await.unwrap();
    let bob = stores.users.create(new_user("bob@example.org", Role::Admin), work()).told().await.unwrap();
    let (one, other) = tokio::join!(
        stores.users.amend(ada.id, role(Role::User), at(60), work()).told(),
        stores.users.amend(bob.id, role(Role::User), at(60), work()).told(),
    );
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
    assert!(stores.users.has_administrator().await.unwrap());
}

async fn a_deactivated_administrator_still_is_an_administrator(stores: &Stores) {
    let ada = stores.users.create(new_user("ada@example.org", Role::Admin), work()).told().await.unwrap();
    let bob = stores.users.create(new_user("bob@example.org", Role::Admin), work()).told().await.unwrap();
    stores.users.amend(bob.id, active(false), at(60), work()).told().await.unwrap();
    stores.users.amend(ada.id, role(Role::User), at(60), work()).told().await.unwrap_err();
    assert!(stores.users.has_administrator().await.unwrap());
}

async fn a_password_hash_is_replaced_only_where_it_is_what_was_expected(stores: &Stores) {
    let user = stores.users.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let (first, second) = (user.password_hash, StoredHash("$argon2id$second".to_owned()));
    assert!(!stores.users.rehash(user.id, &second, second.clone()).await.unwrap());
    assert!(stores.users.rehash(user.id, &first, second.clone()).await.unwrap());
    assert!(!stores.users.rehash(user.id, &first, first.clone()).await.unwrap());
    assert!(!stores.users.rehash(user_id(9), &first, second.clone()).await.unwrap());
    assert_eq!(stores.users.by_id(user.id).await.unwrap().unwrap().password_hash, second);
}

fn role(role: Role) -> Amendment {
    Amendment { role: Some(role), ..Amendment::default() }
}

fn active(is_active: bool) -> Amendment {
    Amendment { is_active: Some(is_active), ..Amendment::default() }
}
