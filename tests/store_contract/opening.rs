//! Which folders the embedded store opens, and what it says of the others.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use gateway_identity::Role;
use gateway_store::Users;
use gateway_store_sled::{OpenError, SledOptions, SledStore};
use tempfile::TempDir;

use super::{new_user, room};
use crate::support::stores::plain_sled;
use crate::support::told::*;

#[tokio::test]
async fn a_second_opening_of_the_folder_is_refused_with_a_clear_message() {
    let folder = filled(1).await;
    let first = open(folder.path()).unwrap();
    let refused = open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }));
    let message = refused.to_string();
    assert!(message.contains("in use by another process"), "{message}");
    assert!(message.contains(&folder.path().display().to_string()), "{message}");
    drop(first);
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_store_can_be_opened_again_as_soon_as_it_was_dropped() {
    let folder = filled(1).await;
    for _ in 0..20 {
        let store = open(folder.path()).unwrap();
        store.page(0, 1).await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_store_is_refused_with_a_message_that_says_what_to_do() {
    let folder = filled(200).await;
    let log = OpenOptions::new().write(true).open(folder.path().join("db")).unwrap();
    let length = log.metadata().unwrap().len();
    for place in (0..length).step_by(512) {
        log.write_all_at(&[0xa5; 64], place).unwrap();
    }
    assert_damaged(folder.path());
}

#[tokio::test]
async fn a_store_whose_log_lost_its_end_is_damaged() {
    let folder = filled(200).await;
    for snapshot in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        if snapshot.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(snapshot.path()).unwrap();
        }
    }
    let log = OpenOptions::new().write(true).open(folder.path().join("db")).unwrap();
    log.set_len(20_000).unwrap();
    assert_damaged(folder.path());
}

#[tokio::test]
async fn a_store_whose_files_vanished_is_damaged_and_not_a_new_one() {
    let folder = filled(1).await;
    for entry in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        if entry.file_name() != "witness" && entry.file_type().unwrap().is_file() {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    assert_damaged(folder.path());
}

#[tokio::test]
async fn a_store_with_a_broken_snapshot_is_damaged() {
    let folder = filled(1).await;
    drop(open(folder.path()).unwrap());
    let mut broken = 0;
    for snapshot in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        if snapshot.file_name().to_string_lossy().starts_with("snap.") {
            fs::write(snapshot.path(), vec![7; 100]).unwrap();
            broken += 1;
        }
    }
    assert!(broken > 0);
    assert_damaged(folder.path());
}

#[tokio::test]
async fn a_store_with_half_an_import_is_damaged() {
    let folder = filled(1).await;
    let db = plain_sled(folder.path());
    db.open_tree("meta").unwrap().insert("importing", &1_u64.to_be_bytes()).unwrap();
    drop(db);
    assert_damaged(folder.path());
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let folder = filled(1).await;
    let db = plain_sled(folder.path());
    db.open_tree("meta").unwrap().insert("schema", &3_u64.to_be_bytes()).unwrap();
    drop(db);
    let refused = open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 3, .. }));
    assert!(refused.to_string().contains("made by a newer version"), "{refused}");
}

/// As the version before left it: the index of sessions by user is made at the first start.
#[tokio::test]
async fn a_store_of_the_version_before_is_brought_to_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let ada = store.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let mut session = super::session();
    session.user = ada.id;
    gateway_store::Sessions::open(&store, session.clone(), room(1_000), work()).told().await.unwrap();
    drop(store);
    let db = plain_sled(folder.path());
    db.drop_tree("user_sessions").unwrap();
    db.open_tree("meta").unwrap().insert("schema", &1_u64.to_be_bytes()).unwrap();
    drop(db);
    for _ in 0..2 {
        let store = open(folder.path()).unwrap();
        let found = gateway_store::Sessions::of_user(&store, ada.id, session.created_at).await.unwrap();
        assert_eq!(found, [session.clone()]);
    }
}

#[test]
fn the_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let db = plain_sled(folder.path());
    db.insert("todo", "milk").unwrap();
    drop(db);
    assert!(matches!(open(folder.path()), Err(OpenError::Foreign { .. })));
}

#[test]
fn no_store_is_made_on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let options = SledOptions { min_free_bytes: u64::MAX, ..SledOptions::default() };
    let refused = SledStore::open(folder.path(), options).err().unwrap();
    assert!(matches!(refused, OpenError::Full { .. }), "{refused}");
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn nobody_else_can_look_into_the_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data/store");
    let store = open(&folder).unwrap();
    store.create(new_user("ada@example.org", Role::User), work()).told().await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

fn open(folder: &Path) -> Result<SledStore, OpenError> {
    SledStore::open(folder, SledOptions::default())
}

fn assert_damaged(folder: &Path) {
    let refused = open(folder).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    let message = refused.to_string();
    for part in [&*folder.to_string_lossy(), "move the folder aside", "gateway store import", "lost"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
}

/// A closed store with so many accounts.
async fn filled(accounts: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for n in 0..accounts {
        store.create(new_user(&format!("u{n}@example.org"), Role::User), work()).told().await.unwrap();
    }
    folder
}
