//! The laws of the audit trail: nothing is changed or missed, and what is looked for is found.

use std::sync::Arc;

use gateway_identity::{Role, UserAgent, UserId};
use gateway_store::{
    Actor, AuditQuery, Break, ENTRY_TEXT_BYTES_MAX, Entry, EventCount, Proof, Prover, Sealed, StoreError,
};

use super::{Stores, at, new_user, user_id};
use crate::support::told::*;

store_laws! {
    what_is_appended_stands_in_its_order_and_is_proved,
    parallel_entries_are_all_there_and_hold_together,
    the_trail_goes_on_after_a_kill_where_it_was,
    a_change_that_was_refused_left_no_entry,
    an_entry_is_found_by_each_of_its_parts,
    whom_an_entry_concerns_finds_it_once,
    entries_of_a_span_of_time_are_found,
    page_by_page_everything_is_found_once,
    a_page_of_long_lines_is_short_and_the_rest_follows,
    lines_are_read_from_a_number_on,
    a_text_is_cut_to_its_bound_and_what_was_cut_is_marked,
    what_is_too_old_goes_and_the_rest_is_proved,
    where_nothing_is_too_old_nothing_is_recorded,
    a_removal_of_many_takes_all_of_them,
    events_are_counted_by_the_hour_and_so_is_what_is_added,
    counts_go_with_the_entries_of_their_time,
}

async fn what_is_appended_stands_in_its_order_and_is_proved(stores: &Stores) {
    assert_eq!(stores.trail.prove().await.unwrap(), Ok(Proof::default()));
    append(stores, 5, ["one", "two"]).await;
    append(stores, 6, ["three"]).await;
    let sealed = lines(stores, 1).await;
    let told: Vec<_> = sealed.iter().map(|one| (one.seq, &*one.entry.event, one.time.clone())).collect();
    let time = |seconds| at(seconds).to_millis_string();
    assert_eq!(told, [(1, "one", time(5)), (2, "two", time(5)), (3, "three", time(6))]);
    let proof = proof(stores).await.unwrap();
    assert_eq!((proof.entries, proof.first, proof.last), (3, 1, 3));
    let mut elsewhere = Prover::new(Some((3, proof.head)));
    for line in stores.trail.lines(1, 10).await.unwrap() {
        elsewhere.take(&line).unwrap();
    }
    assert_eq!(elsewhere.finish(None), Ok(proof), "who has the lines proves them without the store");
}

async fn parallel_entries_are_all_there_and_hold_together(stores: &Stores) {
    let appending: Vec<_> = (0..50)
        .map(|number| {
            let trail = Arc::clone(&stores.trail);
            let entry =
                |part| Entry { reason: Some(format!("{number} {part}").into()), ..Entry::new("told") };
            let entries = vec![entry(1), entry(2)];
            tokio::spawn(async move { trail.append(at(number), entries).await })
        })
        .collect();
    for appended in appending {
        appended.await.unwrap().unwrap();
    }
    assert_eq!(proof(stores).await.unwrap().entries, 100);
    // What is told together stands together.
    let reasons: Vec<_> = lines(stores, 1).await.into_iter().map(|one| one.entry.reason.unwrap()).collect();
    assert!(reasons.chunks(2).all(|two| two[0].replace(" 1", " 2") == two[1]), "{reasons:?}");
}

async fn the_trail_goes_on_after_a_kill_where_it_was(stores: &Stores) {
    let ada = stores.users.create(new_user("ada@example.org", Role::User), along(1, "registered")).told();
    let ada = ada.await.unwrap();
    let noted = proof(stores).await.unwrap();
    let next = stores.after_a_kill().await;
    assert_eq!(proof(&next).await, Ok(noted));
    assert_eq!(lines(&next, 1).await[0].entry.user_id, Some(ada.id), "whom it made is told");
    append(&next, 2, ["second"]).await;
    let proof = proof(&next).await.unwrap();
    assert_eq!((proof.entries, proof.last), (2, 2));
}

async fn a_change_that_was_refused_left_no_entry(stores: &Stores) {
    let ada = stores.user("ada", Role::Admin).await;
    let taken =
        stores.users.create(new_user("ada@example.org", Role::User), along(1, "registered")).told().await;
    assert!(matches!(taken, Err(StoreError::Conflict)));
    let last = stores.users.delete(ada.id, at(60), along(1, "account_deleted")).told().await;
    assert!(matches!(last, Err(StoreError::LastAdministrator)));
    assert!(
        stores.users.delete(user_id(9), at(60), along(1, "account_deleted")).told().await.unwrap().is_none()
    );
    assert_eq!(lines(stores, 2).await, [], "but that of the account before");
}

async fn an_entry_is_found_by_each_of_its_parts(stores: &Stores) {
    let entry = |number: u64| Entry {
        user_id: Some(user_id(number)),
        email: Some(format!("u{number}@example.org")),
        address: Some(format!("192.0.2.{number}")),
        ..Entry::new(["first", "second", "third"][number as usize - 1])
    };
    stores.trail.append(at(1), (1..=3).map(entry).collect()).await.unwrap();
    let any = || AuditQuery { limit: 10, ..AuditQuery::default() };
    let queries = [
        AuditQuery { user: Some(user_id(2)), ..any() },
        AuditQuery { event: Some("second".to_owned()), ..any() },
        AuditQuery { email: Some("u2@example.org".to_owned()), ..any() },
        AuditQuery { address: Some("192.0.2.2".to_owned()), ..any() },
    ];
    for query in queries {
        assert_eq!(found(stores, &query).await, [2], "{query:?}");
        let neither = AuditQuery { until: Some(at(0)), ..query };
        assert_eq!(found(stores, &neither).await, [0; 0], "all of it must fit: {neither:?}");
    }
    assert_eq!(found(stores, &any()).await, [3, 2, 1], "the newest comes first");
}

async fn whom_an_entry_concerns_finds_it_once(stores: &Stores) {
    let (ada, bob) = (user_id(1), user_id(2));
    let entry = |actor: UserId, about| {
        let actor = Some(Actor::User { user_id: actor });
        Entry { actor, user_id: about, ..Entry::new("done") }
    };
    let entries = vec![entry(ada, Some(bob)), entry(ada, Some(ada)), entry(bob, None), Entry::new("done")];
    stores.trail.append(at(1), entries).await.unwrap();
    let of = |user| AuditQuery { user: Some(user), limit: 10, ..AuditQuery::default() };
    assert_eq!(found(stores, &of(ada)).await, [2, 1]);
    assert_eq!(found(stores, &of(bob)).await, [3, 1]);
    assert_eq!(found(stores, &of(user_id(3))).await, [0; 0]);
}

async fn entries_of_a_span_of_time_are_found(stores: &Stores) {
    for seconds in [100, 200, 300, 400] {
        append(stores, seconds, ["told"]).await;
    }
    let within = |since: Option<u64>, until: Option<u64>| AuditQuery {
        since: since.map(at),
        until: until.map(at),
        limit: 10,
        ..AuditQuery::default()
    };
    assert_eq!(found(stores, &within(Some(200), None)).await, [4, 3, 2]);
    assert_eq!(found(stores, &within(None, Some(200))).await, [2, 1]);
    assert_eq!(found(stores, &within(Some(200), Some(300))).await, [3, 2]);
    assert_eq!(found(stores, &within(Some(401), None)).await, [0; 0]);
    let before = AuditQuery { before: Some(3), ..within(None, None) };
    assert_eq!(found(stores, &before).await, [2, 1]);
}

async fn page_by_page_everything_is_found_once(stores: &Stores) {
    // More than 255, so that an order of bytes that is no order of numbers shows.
    let entry =
        |number: u64| Entry { user_id: number.is_multiple_of(3).then(|| user_id(7)), ..Entry::new("told") };
    stores.trail.append(at(1), (1..=400).map(entry).collect()).await.unwrap();
    let all: Vec<_> = (1..=400).rev().collect();
    let of_one: Vec<_> = all.iter().copied().filter(|seq| seq % 3 == 0).collect();
    let query = AuditQuery { limit: 7, ..AuditQuery::default() };
    assert_eq!(all_found(stores, query.clone()).await, all);
    assert_eq!(all_found(stores, AuditQuery { user: Some(user_id(7)), ..query }).await, of_one);
}

async fn a_page_of_long_lines_is_short_and_the_rest_follows(stores: &Stores) {
    let reason = Some("r".repeat(ENTRY_TEXT_BYTES_MAX).into());
    let entry = Entry { reason, ..Entry::new("told") };
    stores.trail.append(at(1), vec![entry; 300]).await.unwrap();
    let query = AuditQuery { limit: 300, ..AuditQuery::default() };
    let page = stores.trail.find(query.clone()).await.unwrap();
    assert!(page.lines.len() < 300 && page.next.is_some(), "{} lines", page.lines.len());
    assert_eq!(all_found(stores, query).await.len(), 300);
    assert!(stores.trail.lines(1, 300).await.unwrap().len() < 300);
}

async fn lines_are_read_from_a_number_on(stores: &Stores) {
    stores.trail.append(at(1), vec![Entry::new("told"); 300]).await.unwrap();
    let numbers = async |first, limit| {
        let lines = stores.trail.lines(first, limit).await.unwrap();
        lines.iter().map(|line| sealed(line).seq).collect::<Vec<_>>()
    };
    assert_eq!(numbers(1, 2).await, [1, 2]);
    assert_eq!(numbers(255, 3).await, [255, 256, 257]);
    assert_eq!(numbers(299, 10).await, [299, 300]);
    assert_eq!(numbers(301, 10).await, [0; 0]);
}

async fn a_text_is_cut_to_its_bound_and_what_was_cut_is_marked(stores: &Stores) {
    let long = "ä".repeat(ENTRY_TEXT_BYTES_MAX);
    let entry = Entry {
        email: Some(long.clone()),
        reason: Some(long.clone().into()),
        detail: Some(long),
        user_agent: UserAgent::cut("u".repeat(1_000).as_bytes()).said(),
        ..Entry::new("told")
    };
    stores.trail.append(at(1), vec![entry]).await.unwrap();
    let kept = lines(stores, 1).await.remove(0).entry;
    for text in [kept.email.as_deref(), kept.reason.as_deref(), kept.detail.as_deref()].map(Option::unwrap) {
        assert!(text.len() <= ENTRY_TEXT_BYTES_MAX && text.ends_with('…'), "{} bytes", text.len());
    }
    assert_eq!(kept.user_agent.unwrap().as_str().len(), UserAgent::BYTES_MAX);
    assert!(proof(stores).await.is_ok());
}

async fn what_is_too_old_goes_and_the_rest_is_proved(stores: &Stores) {
    for seconds in [100, 200, 300] {
        let entry = Entry { user_id: Some(user_id(1)), ..Entry::new("told") };
        stores.trail.append(at(seconds), vec![entry]).await.unwrap();
    }
    let noted = proof(stores).await.unwrap();
    assert_eq!(stores.trail.expire(at(300), at(400)).await.unwrap(), 2);
    let left = lines(stores, 1).await;
    assert_eq!(left.iter().map(|one| one.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(left[1].entry.actor, Some(Actor::Gateway), "that it was removed is recorded");
    let of = AuditQuery { user: Some(user_id(1)), limit: 10, ..AuditQuery::default() };
    assert_eq!(found(stores, &of).await, [3]);
    let next = stores.after_a_kill().await;
    let proof = proof(&next).await.unwrap();
    assert_eq!((proof.entries, proof.first, proof.last), (2, 3, 4));
    let mut prover = Prover::new(Some((noted.last, noted.head)));
    next.trail.lines(1, 10).await.unwrap().iter().for_each(|line| prover.take(line).unwrap());
    assert!(prover.finish(None).is_ok(), "and what was noted before is still in it");
}

async fn where_nothing_is_too_old_nothing_is_recorded(stores: &Stores) {
    assert_eq!(stores.trail.expire(at(300), at(300)).await.unwrap(), 0);
    append(stores, 300, ["told"]).await;
    assert_eq!(stores.trail.expire(at(300), at(400)).await.unwrap(), 0);
    assert_eq!(lines(stores, 1).await.len(), 1);
}

async fn a_removal_of_many_takes_all_of_them(stores: &Stores) {
    // More than one batch of a sweep.
    stores.trail.append(at(1), vec![Entry::new("told"); 700]).await.unwrap();
    append(stores, 100, ["stays"]).await;
    assert_eq!(stores.trail.expire(at(50), at(100)).await.unwrap(), 700);
    let proof = proof(stores).await.unwrap();
    assert_eq!(proof.first, 701);
    assert_eq!(lines(stores, 1).await[0].entry.event, "stays");
}

async fn events_are_counted_by_the_hour_and_so_is_what_is_added(stores: &Stores) {
    let hour = at(0).seconds() / 3_600;
    let count = |hour, word: &str, count| EventCount { hour, word: word.to_owned(), count };
    append(stores, 0, ["refused", "refused", "told"]).await;
    append(stores, 3_600, ["refused"]).await;
    stores.trail.tally(vec![count(hour, "requests", 40), count(hour, "refused", 1)]).await.unwrap();
    stores.trail.tally(vec![count(hour, "requests", 2)]).await.unwrap();
    let sums = async |first, last| stores.trail.tallies(first, last).await.unwrap();
    let word = |word: &str, count: u64| (word.to_owned(), count);
    assert_eq!(sums(hour, hour).await, [word("refused", 3), word("requests", 42), word("told", 1)]);
    assert_eq!(sums(hour, hour + 1).await, [word("refused", 4), word("requests", 42), word("told", 1)]);
    assert_eq!(sums(hour + 1, u64::MAX).await, [word("refused", 1)]);
    assert_eq!(sums(0, hour - 1).await, []);
}

async fn counts_go_with_the_entries_of_their_time(stores: &Stores) {
    let hour = at(0).seconds() / 3_600;
    append(stores, 0, ["told"]).await;
    stores.trail.expire(at(3_600), at(3_600)).await.unwrap();
    assert_eq!(stores.trail.tallies(hour, hour).await.unwrap(), []);
}

fn along(seconds: u64, event: &'static str) -> gateway_store::UnitOfWork {
    recording(at(seconds), Entry::new(event))
}

async fn append<const N: usize>(stores: &Stores, seconds: u64, events: [&'static str; N]) {
    stores.trail.append(at(seconds), events.map(Entry::new).to_vec()).await.unwrap();
}

fn sealed(line: &str) -> Sealed {
    serde_json::from_str(line).unwrap()
}

async fn lines(stores: &Stores, first: u64) -> Vec<Sealed> {
    stores.trail.lines(first, 1_000).await.unwrap().iter().map(|line| sealed(line)).collect()
}

async fn proof(stores: &Stores) -> Result<Proof, Break> {
    stores.trail.prove().await.unwrap()
}

/// The numbers of a page.
async fn found(stores: &Stores, query: &AuditQuery) -> Vec<u64> {
    let page = stores.trail.find(query.clone()).await.unwrap();
    page.lines.iter().map(|line| sealed(line).seq).collect()
}

/// The numbers of all pages.
async fn all_found(stores: &Stores, mut query: AuditQuery) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let page = stores.trail.find(query.clone()).await.unwrap();
        assert!(page.lines.len() <= query.limit);
        all.extend(page.lines.iter().map(|line| sealed(line).seq));
        match page.next {
            Some(next) => query.before = Some(next),
            None => return all,
        }
    }
}
