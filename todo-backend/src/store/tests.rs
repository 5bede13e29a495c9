//! The laws of the store, on real files; those of what lies below are its own.

use std::fs;

use tempfile::TempDir;

use super::*;

fn user(number: u64) -> UserId {
    UserId::new(number).unwrap()
}

fn todo() -> Todo {
    Todo { title: "x".to_owned(), description: None, completed: false, created_ms: 0 }
}

async fn total(store: &Store, owner: u64) -> u64 {
    store.list(user(owner), Wanted::parse("").unwrap()).await.unwrap().1
}

#[tokio::test]
async fn an_id_is_never_given_twice_even_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let first = store.create(user(1), todo()).await.unwrap();
    let second = store.create(user(2), todo()).await.unwrap();
    assert!(store.delete(user(2), second).await.unwrap());
    assert!(!store.delete(user(2), first).await.unwrap(), "somebody else's is not there");
    drop(store);
    let third = Store::open(folder.path()).unwrap().create(user(1), todo()).await.unwrap();
    assert_eq!([first, second, third], [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_the_same_time_do_not_lose_each_other() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let write = |number: u64| {
        let store = store.clone();
        tokio::spawn(async move { store.create(user(1 + number % 3), todo()).await.unwrap() })
    };
    let mut ids = Vec::new();
    for writer in (0..60).map(write).collect::<Vec<_>>() {
        ids.push(writer.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=60).collect::<Vec<_>>());
    assert_eq!(total(&store, 1).await, 20);
}

#[tokio::test]
async fn all_of_a_user_goes_in_however_many_steps_and_nothing_of_others() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for number in 0..40 {
        store.create(user(1 + number % 2), todo()).await.unwrap();
    }
    for owner in [1, 1, 999] {
        store.remove_user(user(owner)).await.unwrap();
    }
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!([total(&store, 1).await, total(&store, 2).await], [0, 20]);
}

#[tokio::test]
async fn a_store_of_before_is_brought_to_this_version_and_of_a_newer_one_left_alone() {
    let folder = TempDir::new().unwrap();
    let before = sled::open(folder.path()).unwrap();
    let of_before = br#"{"title":"Milk","description":null,"completed":false,"created_ms":0,"ordinal":3}"#;
    before.open_tree("todos").unwrap().insert(key(user(1), 4), &of_before[..]).unwrap();
    before.open_tree("accounts").unwrap().insert(b"1", b"x").unwrap();
    let meta = before.open_tree("meta").unwrap();
    meta.insert("schema", &1_u64.to_be_bytes()).unwrap();
    meta.insert(NEXT_TODO_ID, &5_u64.to_be_bytes()).unwrap();
    drop((before, meta));
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.get(user(1), 4).unwrap().unwrap().title, "Milk");
    assert_eq!(store.create(user(1), todo()).await.unwrap(), 5);
    drop(store);

    let newer = Opening::begin(folder.path(), OPTIONS).unwrap();
    assert!(!newer.db().tree_names().contains(&"accounts".into()));
    newer.set_schema(3).unwrap();
    drop(newer);
    let told = Store::open(folder.path()).err().unwrap().to_string();
    assert!(told.contains("made by a newer version") && told.contains(&*folder.path().to_string_lossy()));
    assert!(fs::exists(folder.path().join("db")).unwrap());
}
