//! The laws of what waits to leave the house.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway_identity::{Email, Role};
use gateway_store::{AuditEvent, Event, OutboxMessage, Queued, StoreError, UnitOfWork, Way};

use super::{Stores, at, new_user, user_id};
use crate::support::told::*;

store_laws! {
    what_is_queued_is_due_at_once_and_comes_in_its_order,
    an_errand_is_due_by_its_own_way_only,
    the_longest_due_come_first_and_no_more_than_are_asked_for,
    what_is_settled_never_comes_again,
    what_did_not_work_comes_at_its_new_time_and_counts_its_tries,
    what_is_gone_is_neither_settled_nor_postponed,
    an_errand_is_there_with_the_change_that_it_goes_along_with,
    an_errand_of_a_change_that_was_refused_is_not_there,
    what_follows_from_an_errand_is_recorded_as_it_is_settled,
    nothing_is_lost_and_nothing_comes_twice_after_a_kill,
    parallel_errands_are_all_there_once,
    ids_of_errands_are_never_given_twice,
}

async fn what_is_queued_is_due_at_once_and_comes_in_its_order(stores: &Stores) {
    // More than 255, so that an order of bytes that is no order of numbers shows.
    for number in 0..300 {
        enqueue(stores, 5, mail(number)).await;
    }
    assert_eq!(stores.outbox.waiting(), 300);
    assert_eq!(due(stores, 4).await, []);
    let due = due(stores, 5).await;
    assert!(due.iter().map(|queued| &queued.errand).eq(&(0..300).map(mail).collect::<Vec<_>>()));
    assert!(due.windows(2).all(|two| two[0].id < two[1].id));
    let first = due.into_iter().next().unwrap();
    assert_eq!((first.created_at, first.due_at, first.attempts), (at(5), at(5), 0));
    assert_eq!(first.request_id.as_deref(), Some("asked"));
}

async fn an_errand_is_due_by_its_own_way_only(stores: &Stores) {
    let announcement = OutboxMessage::UserDeleted { user: user_id(7), at: at(0) };
    for errand in [mail(1), announcement.clone(), mail(2)] {
        enqueue(stores, 0, errand).await;
    }
    let by = async |way| {
        let due = stores.outbox.due(at(0), way, 10, &[]).await.unwrap();
        due.into_iter().map(|queued| queued.errand).collect::<Vec<_>>()
    };
    assert_eq!(by(Way::Mail).await, [mail(1), mail(2)]);
    assert_eq!(by(Way::Webhook).await, [announcement]);
}

async fn the_longest_due_come_first_and_no_more_than_are_asked_for(stores: &Stores) {
    for (seconds, number) in [(300, 1), (2, 2), (40, 3), (2, 4)] {
        enqueue(stores, seconds, mail(number)).await;
    }
    let errands = |due: Vec<Queued>| due.into_iter().map(|queued| queued.errand).collect::<Vec<_>>();
    assert_eq!(errands(due(stores, 300).await), [2, 4, 3, 1].map(mail));
    assert_eq!(errands(due(stores, 299).await), [2, 4, 3].map(mail));
    assert_eq!(errands(stores.outbox.due(at(300), Way::Mail, 2, &[]).await.unwrap()), [2, 4].map(mail));
    assert_eq!(stores.outbox.due(at(300), Way::Mail, 0, &[]).await.unwrap(), []);
    let first = due(stores, 300).await[0].id;
    let others = stores.outbox.due(at(300), Way::Mail, 2, &[first]).await.unwrap();
    assert_eq!(errands(others), [4, 3].map(mail), "without what is under way");
}

async fn what_is_settled_never_comes_again(stores: &Stores) {
    for number in 0..3 {
        enqueue(stores, 0, mail(number)).await;
    }
    let second = due(stores, 0).await[1].id;
    stores.outbox.acknowledge(second).await.unwrap();
    let left: Vec<_> = due(stores, 9_999).await.into_iter().map(|queued| queued.errand).collect();
    assert_eq!((left, stores.outbox.waiting()), (vec![mail(0), mail(2)], 2));
}

async fn what_did_not_work_comes_at_its_new_time_and_counts_its_tries(stores: &Stores) {
    enqueue(stores, 0, mail(1)).await;
    enqueue(stores, 0, OutboxMessage::UserDeleted { user: user_id(7), at: at(0) }).await;
    let first = due(stores, 0).await.remove(0);
    for (attempts, seconds) in [(1, 30), (2, 10), (3, 600)] {
        stores.outbox.postpone(first.id, at(seconds)).await.unwrap();
        assert_eq!(due(stores, seconds - 1).await, []);
        let tried = Queued { due_at: at(seconds), attempts, ..first.clone() };
        assert_eq!(due(stores, seconds).await, [tried]);
    }
    assert_eq!(
        stores.outbox.due(at(0), Way::Webhook, 10, &[]).await.unwrap().len(),
        1,
        "the other does not wait"
    );
    assert_eq!(stores.outbox.waiting(), 2);
}

async fn what_is_gone_is_neither_settled_nor_postponed(stores: &Stores) {
    enqueue(stores, 0, mail(1)).await;
    let id = due(stores, 0).await[0].id;
    for _ in 0..2 {
        stores.outbox.acknowledge(id).await.unwrap();
        stores.outbox.postpone(id, at(10)).await.unwrap();
    }
    assert_eq!((due(stores, 9_999).await, stores.outbox.waiting()), (vec![], 0));
}

async fn an_errand_is_there_with_the_change_that_it_goes_along_with(stores: &Stores) {
    let work = UnitOfWork::because(AuditEvent::new(Event::Registered, at(3)).in_request("asked".to_owned()));
    let mut new = new_user("ada@example.org", Role::User);
    new.ask_to_verify = true;
    let ada = stores.users.create(new, work.sending(mail(1))).told().await.unwrap();
    let next = stores.after_a_kill().await;
    assert_eq!(next.users.by_id(ada.id).await.unwrap(), Some(ada.clone()));
    let due = due(&next, 3).await;
    let errands: Vec<_> = due.iter().map(|queued| queued.errand.clone()).collect();
    let expected = [mail(1), OutboxMessage::EmailVerification { user: ada.id }];
    assert!(errands.len() == 2 && expected.iter().all(|one| errands.contains(one)), "{errands:?}");
    assert!(due.iter().all(|queued| queued.request_id.as_deref() == Some("asked")));
}

async fn an_errand_of_a_change_that_was_refused_is_not_there(stores: &Stores) {
    let ada = stores.user("ada", Role::Admin).await;
    let work = || work().sending(mail(1));
    let taken = stores.users.create(new_user("ada@example.org", Role::User), work()).told().await;
    assert!(matches!(taken, Err(StoreError::Conflict)));
    let last = stores.users.delete(ada.id, at(60), work()).told().await;
    assert!(matches!(last, Err(StoreError::LastAdministrator)));
    let nobody = stores.users.delete(user_id(9), at(60), work()).told().await.unwrap();
    assert_eq!((nobody, stores.outbox.waiting()), (None, 0));
}

async fn what_follows_from_an_errand_is_recorded_as_it_is_settled(stores: &Stores) {
    enqueue(stores, 0, mail(1)).await;
    let id = due(stores, 0).await[0].id;
    let given_up = UnitOfWork::because(AuditEvent::new(Event::DeliveryGivenUp, at(9))).sending(mail(2));
    stores.outbox.give_up(id, given_up).told().await.unwrap();
    let next = stores.after_a_kill().await;
    let left: Vec<_> = due(&next, 9).await.into_iter().map(|queued| queued.errand).collect();
    assert_eq!(left, [mail(2)]);
    let lines = next.trail.lines(1, 10).await.unwrap();
    assert!(lines.len() == 1 && lines[0].contains("delivery_given_up"), "{lines:?}");
}

async fn nothing_is_lost_and_nothing_comes_twice_after_a_kill(stores: &Stores) {
    let mut expected = Vec::new();
    for number in 0..12 {
        enqueue(stores, number, mail(number)).await;
        let queued = due(stores, number).await.pop().unwrap();
        match number % 3 {
            0 => stores.outbox.acknowledge(queued.id).await.unwrap(),
            1 => {
                stores.outbox.postpone(queued.id, at(100 + number)).await.unwrap();
                expected.push(Queued { due_at: at(100 + number), attempts: 1, ..queued });
            }
            _ => expected.push(queued),
        }
        // What is acknowledged holds, whenever the next process comes.
        let next = stores.after_a_kill().await;
        expected.sort_by_key(|queued| (queued.due_at, queued.id));
        assert_eq!(due(&next, 1_000).await, expected, "after {number}");
        assert_eq!(next.outbox.waiting(), expected.len());
    }
}

async fn parallel_errands_are_all_there_once(stores: &Stores) {
    let adding: Vec<_> = (0..50)
        .map(|number| {
            let outbox = Arc::clone(&stores.outbox);
            tokio::spawn(async move { outbox.enqueue(mail(number), at(0), None).told().await })
        })
        .collect();
    for added in adding {
        added.await.unwrap().unwrap();
    }
    let due = due(stores, 0).await;
    let ids: BTreeSet<_> = due.iter().map(|queued| queued.id).collect();
    let whom: BTreeSet<_> = due.iter().map(|queued| queued.errand.recipient().1.unwrap().as_str()).collect();
    assert_eq!((due.len(), ids.len(), whom.len()), (50, 50, 50));
}

async fn ids_of_errands_are_never_given_twice(stores: &Stores) {
    enqueue(stores, 0, mail(1)).await;
    let first = due(stores, 0).await[0].id;
    stores.outbox.acknowledge(first).await.unwrap();
    let next = stores.after_a_kill().await;
    enqueue(&next, 0, mail(2)).await;
    assert!(due(&next, 0).await[0].id > first);
}

fn mail(number: u64) -> OutboxMessage {
    OutboxMessage::PasswordReset { email: Email::parse(&format!("u{number}@example.org")).unwrap() }
}

async fn enqueue(stores: &Stores, seconds: u64, errand: OutboxMessage) {
    stores.outbox.enqueue(errand, at(seconds), Some("asked".to_owned())).told().await.unwrap();
}

/// The mails that are due.
async fn due(stores: &Stores, seconds: u64) -> Vec<Queued> {
    stores.outbox.due(at(seconds), Way::Mail, 1_000, &[]).await.unwrap()
}
