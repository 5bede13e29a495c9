//! All that is kept of a user goes, and nothing else.

use super::*;

/// Many steps' worth of todos of two users, every third completed.
async fn filled(folder: &Path) -> Store {
    let store = Store::open(folder).unwrap();
    for number in 0..40 {
        let owner = user(1 + number % 2);
        let made = store.create(owner, new("x"), Timestamp::UNIX_EPOCH).await.unwrap();
        if number % 3 == 0 {
            store.update(owner, made.id, completed()).await.unwrap();
        }
    }
    store
}

#[tokio::test]
async fn a_users_todos_and_counters_go_and_another_users_stay() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path()).await;
    let others = everything(&store, user(2));

    store.remove_user(user(1)).await.unwrap();

    assert_eq!((everything(&store, user(1)), everything(&store, user(2))), (Vec::new(), others));
    assert!(!store.inner.trees.accounts.contains_key(key::user(user(1))).unwrap());
    assert_eq!(store.inner.trees.blocks.scan_prefix(key::user(user(1))).count(), 0);
    check::consistent(&store.inner.trees).unwrap();
}

#[tokio::test]
async fn removing_again_or_nobody_is_no_fault() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path()).await;
    for owner in [1, 1, 999] {
        store.remove_user(user(owner)).await.unwrap();
    }
    assert_eq!(everything(&store, user(2)).len(), 20);
}

#[tokio::test]
async fn what_was_removed_stays_so_after_kill_9() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path()).await;
    store.remove_user(user(1)).await.unwrap();
    // sled may write on its own; only what it was told to write is confirmed.
    let last = store.inner.trees.number(ledger::CHANGES).unwrap().unwrap();
    assert_eq!(witness::Witness::hear(folder.path()).unwrap(), witness::Testimony::Confirmed(last));

    // The files as they are at this moment are what a killed process leaves.
    let left = TempDir::new().unwrap();
    copy(folder.path(), left.path());

    let store = Store::open(left.path()).unwrap();
    assert_eq!((everything(&store, user(1)).len(), everything(&store, user(2)).len()), (0, 20));
}

#[tokio::test]
async fn a_removal_that_was_broken_off_is_ended_by_the_next_one() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path()).await;
    {
        let removal = store.remove_user(user(1));
        let mut removal = std::pin::pin!(removal);
        // One step, and no more.
        assert!(poll_once(removal.as_mut()).is_none());
    }
    let left = everything(&store, user(1)).len();
    assert!((1..20).contains(&left), "{left}");
    check::consistent(&store.inner.trees).unwrap();

    store.remove_user(user(1)).await.unwrap();

    assert_eq!(everything(&store, user(1)), []);
}

#[tokio::test]
async fn a_full_disk_refuses_a_removal() {
    let folder = TempDir::new().unwrap();
    drop(filled(folder.path()).await);
    let store = Store::open_on_full_disk(folder.path()).unwrap();

    let refused = store.remove_user(user(1)).await;

    assert!(matches!(refused, Err(StoreError::NoSpace(_))), "{refused:?}");
}

/// What a future comes to at once, if it does.
fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
