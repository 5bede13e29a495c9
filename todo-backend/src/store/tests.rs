//! The laws of the store, on real files.

mod damage;
mod laws;
mod moving;
mod removal;

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::todo::{Description, Title};

fn user(number: u64) -> UserId {
    UserId::new(number).unwrap()
}

fn new(title: &str) -> NewTodo {
    NewTodo { title: Title::parse(title).unwrap(), description: Description::default() }
}

fn completed() -> Change {
    Change { completed: Some(true), ..Change::default() }
}

fn everything(store: &Store, owner: UserId) -> Vec<Todo> {
    store.list(owner, Selection::All, 0, usize::MAX).unwrap().todos
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_todo_of_before_without_a_description_has_an_empty_one() {
    let of_before = br#"{"title":"Milk","description":null,"completed":false,"created_ms":0,"ordinal":3}"#;

    let (todo, ordinal) = record::decode(TodoId::new(1).unwrap(), of_before).unwrap();

    assert_eq!((todo.description, ordinal), (Description::default(), 3));
}

#[tokio::test]
async fn a_todo_is_kept_as_it_was_given() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let description = Description::parse(" two\nlines ").unwrap();
    let given = NewTodo { description: description.clone(), ..new("Milk") };

    let made = store.create(user(1), given, Timestamp::UNIX_EPOCH).await.unwrap();

    assert_eq!(made.description, description);
    assert_eq!((made.completed, made.created_at), (false, Timestamp::UNIX_EPOCH));
    assert_eq!(store.get(user(1), made.id).unwrap(), Some(made));
}

#[tokio::test]
async fn somebody_elses_todo_is_not_there() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let made = store.create(user(1), new("Mine"), Timestamp::UNIX_EPOCH).await.unwrap();

    assert_eq!(store.get(user(2), made.id).unwrap(), None);
    assert_eq!(store.update(user(2), made.id, completed()).await.unwrap(), None);
    assert_eq!(store.delete(user(2), made.id).await.unwrap(), None);
    assert_eq!(everything(&store, user(2)), []);

    assert_eq!(everything(&store, user(1)), [made]);
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let kept = store.create(user(1), new("Kept"), Timestamp::UNIX_EPOCH).await.unwrap();
    let gone = store.create(user(1), new("Gone"), Timestamp::UNIX_EPOCH).await.unwrap();
    store.update(user(1), kept.id, completed()).await.unwrap();
    store.delete(user(1), gone.id).await.unwrap();

    // The files as they are at this moment are what a killed process leaves.
    let left = TempDir::new().unwrap();
    copy(folder.path(), left.path());

    let found = everything(&Store::open(left.path()).unwrap(), user(1));
    assert_eq!(found, [Todo { completed: true, ..kept }]);
}

#[tokio::test]
async fn an_id_is_never_given_twice_even_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let first = store.create(user(1), new("a"), Timestamp::UNIX_EPOCH).await.unwrap().id;
    let second = store.create(user(2), new("b"), Timestamp::UNIX_EPOCH).await.unwrap().id;
    store.delete(user(2), second).await.unwrap();
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    let third = store.create(user(1), new("c"), Timestamp::UNIX_EPOCH).await.unwrap().id;

    assert_eq!([first, second, third].map(TodoId::get), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_the_same_time_do_not_lose_each_other() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let writers: Vec<_> = (0..60)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let owner = user(1 + number % 3);
                let todo = store.create(owner, new("x"), Timestamp::UNIX_EPOCH).await.unwrap();
                store.update(owner, todo.id, completed()).await.unwrap();
                todo.id
            })
        })
        .collect();
    let mut ids = Vec::new();
    for writer in writers {
        ids.push(writer.await.unwrap().get());
    }
    ids.sort_unstable();

    assert_eq!(ids, (1..=60).collect::<Vec<_>>());
    check::consistent(&store.inner.trees).unwrap();
    assert_eq!(store.list(user(1), Selection::Completed, 0, 100).unwrap().total, 20);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_still_reads() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let made = store.create(user(1), new("Before"), Timestamp::UNIX_EPOCH).await.unwrap();
    drop(store);
    let store = Store::open_on_full_disk(folder.path()).unwrap();

    let refused = store.create(user(1), new("After"), Timestamp::UNIX_EPOCH).await;

    assert!(matches!(refused, Err(StoreError::NoSpace(_))), "{refused:?}");
    assert_eq!(everything(&store, user(1)), [made]);
}

#[test]
fn a_folder_in_use_says_so() {
    let folder = TempDir::new().unwrap();
    let _first = Store::open(folder.path()).unwrap();

    let error = Store::open(folder.path()).err().unwrap();

    assert!(matches!(error, StoreError::InUse(_)), "{error:?}");
    assert!(error.to_string().contains("is in use by another process"), "{error}");
}

#[test]
fn a_new_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("a/b");
    let _store = Store::open(&folder).unwrap();

    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}
