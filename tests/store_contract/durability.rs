//! What the embedded store promises about the disk.

use std::fs;
use std::path::Path;

use gateway_identity::{Role, TokenId};
use gateway_store::{Event, Revocation, RevocationLedger, RotationRequest, Sessions, StoreError, Users};
use gateway_store_sled::{SledOptions, SledStore};

use super::{at, copy_of, new_user, room, session, token, user_id};
use crate::support::told::*;

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let opened = session();
    let revoked = Revocation::Token { id: TokenId::random(), until: at(60) };
    let store = open(folder.path());
    let user = store.create(new_user("ada@example.org", Role::Admin), work()).told().await.unwrap();
    Sessions::open(&store, opened.clone(), room(1_000), work()).told().await.unwrap();
    store.record(&[revoked], work()).told().await.unwrap();
    let id = store.installation().await.unwrap();
    drop(store);

    let store = open(folder.path());
    assert_eq!(Users::by_id(&store, user.id).await.unwrap(), Some(user.clone()));
    assert_eq!(Sessions::by_id(&store, opened.id).await.unwrap(), Some(opened));
    assert_eq!(store.live(at(0)).await.unwrap(), [revoked]);
    assert_eq!(store.installation().await.unwrap(), id);
    let next = store.create(new_user("bob@example.org", Role::User), work()).told().await.unwrap();
    assert_eq!(next.id, user_id(2));
}

/// A copy of the files, made while the store is open, is what a killed process leaves behind.
#[tokio::test]
async fn what_was_acknowledged_is_in_the_files_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut opened = session();
    Sessions::open(&store, opened.clone(), room(1_000), work()).told().await.unwrap();
    for round in 1..=20 {
        let user = store.create(new_user(&format!("u{round}@example.org"), Role::User), work()).told().await;
        let successor = token();
        let request = RotationRequest {
            session: opened.id,
            presented: opened.current.id,
            from: super::network("192.0.2.1"),
            successor: Some(successor),
            now: at(round),
            grace_since: at(round),
            revoked_until: at(7_200),
            renewed: super::event(Event::Refreshed),
            replayed: super::event(Event::RefreshReused),
        };
        store.rotate(request).told().await.unwrap();
        opened.current = successor;

        let left_behind = copy_of(folder.path());
        let copy = open(left_behind.path());
        assert_eq!(Users::by_id(&copy, user_id(round)).await.unwrap(), user.ok());
        let found = Sessions::by_id(&copy, opened.id).await.unwrap();
        assert_eq!(found.map(|session| session.current), Some(successor));
    }
}

#[tokio::test]
async fn many_waiting_writers_share_a_flush_and_all_are_durable() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let writing: Vec<_> = (0..500)
        .map(|n| {
            let store = store.clone();
            let new = new_user(&format!("u{n}@example.org"), Role::User);
            tokio::spawn(async move { store.create(new, work()).told().await.unwrap().id })
        })
        .collect();
    for written in writing {
        written.await.unwrap();
    }
    let groups: u64 = fs::read_to_string(folder.path().join("witness")).unwrap().trim().parse().unwrap();
    assert!(groups < 100, "500 writes took {groups} flushes");
    let copy = copy_of(folder.path());
    assert_eq!(open(copy.path()).page(0, 1).await.unwrap().total, 500);
}

#[tokio::test]
async fn writes_are_refused_and_reads_go_on_when_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let user =
        open(folder.path()).create(new_user("ada@example.org", Role::Admin), work()).told().await.unwrap();
    // No disk has that much room, so that for this store every disk is full.
    let options = SledOptions { min_free_bytes: u64::MAX, ..SledOptions::default() };
    let store = SledStore::open(folder.path(), options).unwrap();
    let refused = store.create(new_user("bob@example.org", Role::User), work()).told().await.unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)));
    let message = refused.to_string();
    assert!(message.contains(&folder.path().display().to_string()), "{message}");
    assert!(message.contains("MiB free") && message.contains("needed"), "{message}");
    assert_eq!(Users::by_id(&store, user.id).await.unwrap(), Some(user));
    assert_eq!(store.page(0, 10).await.unwrap().total, 1);
    assert_eq!(store.failure(), None, "it recovers as soon as there is room");
    assert_eq!(store.export(&mut Vec::new()).unwrap().users, 1);
}

#[tokio::test]
async fn a_damaged_record_is_reported_and_the_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for name in ["ada", "bob", "eve"] {
        store.create(new_user(&format!("{name}@example.org"), Role::User), work()).told().await.unwrap();
    }
    drop(store);
    let db = crate::support::stores::plain_sled(folder.path());
    db.open_tree("users").unwrap().insert(2_u64.to_be_bytes(), b"{\"id\":2,".to_vec()).unwrap();
    drop(db);

    let store = open(folder.path());
    let damaged = Users::by_id(&store, user_id(2)).await;
    assert!(matches!(damaged, Err(StoreError::Corrupt(_))));
    let amended = store.amend(user_id(2), Default::default(), at(60), work()).told().await;
    assert!(matches!(amended, Err(StoreError::Corrupt(_))));
    assert!(Users::by_id(&store, user_id(3)).await.unwrap().is_some());
    store.create(new_user("dan@example.org", Role::User), work()).told().await.unwrap();
}

fn open(folder: &Path) -> SledStore {
    SledStore::open(folder, SledOptions::default()).unwrap()
}
