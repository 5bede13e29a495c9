//! What follows a commit, and that it does.

use std::sync::Mutex;

use tokio::sync::{Semaphore, oneshot};

use super::*;
use crate::UnitOfWork;
use crate::doc::Words;

/// Writes down what it was told, and holds up what it publishes.
struct Listener {
    heard: Mutex<Vec<String>>,
    may_publish: Semaphore,
    ended: Mutex<Option<oneshot::Sender<()>>>,
    reachable: bool,
    under_way: UnderWay,
}

impl Listener {
    fn new(reachable: bool) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (ended, end) = oneshot::channel();
        let (heard, ended) = (Mutex::default(), Mutex::new(Some(ended)));
        let under_way = UnderWay::at_most(2);
        (Arc::new(Self { heard, may_publish: Semaphore::new(0), ended, reachable, under_way }), end)
    }

    /// Nothing is held up.
    fn open() -> Arc<Self> {
        let (listener, _) = Self::new(true);
        listener.may_publish.add_permits(1);
        listener
    }

    fn hear(&self, what: String) {
        self.heard.lock().unwrap().push(what);
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Announce<Words> for Listener {
    fn record(&self, event: &&'static str) {
        self.hear(format!("recorded {event}"));
    }

    fn wake(&self) {
        self.hear("woken".to_owned());
    }

    fn publish<'a>(&'a self, revoked: &'a [u8]) -> Published<'a, Words> {
        Box::pin(async move {
            self.may_publish.acquire().await.unwrap().forget();
            self.hear(format!("published {revoked:?}"));
            self.ended.lock().unwrap().take().and_then(|ended| ended.send(()).ok());
            self.reachable.then_some(()).ok_or("unreachable")
        })
    }

    fn under_way(&self) -> &UnderWay {
        &self.under_way
    }
}

fn work() -> UnitOfWork<Words> {
    UnitOfWork::because("account_changed")
}

#[tokio::test]
async fn what_cannot_wait_comes_first_and_each_thing_once() {
    let listener = Listener::open();
    let change = async { Ok(work().after("session_ended").sending("a mail").committed(1, vec![7, 8])) };
    assert_eq!(commit(&listener, change).await.unwrap(), 1);
    let order = ["recorded session_ended", "recorded account_changed", "woken", "published [7, 8]"];
    assert_eq!(listener.heard(), order);
}

#[tokio::test]
async fn what_changed_nothing_is_recorded_nowhere_and_wakes_nobody() {
    let listener = Listener::open();
    assert_eq!(commit(&listener, async { Ok(Committed::unchanged(1, vec![])) }).await.unwrap(), 1);
    assert_eq!(listener.heard(), [""; 0]);
    assert_eq!(commit(&listener, async { Ok(Committed::unchanged(1, vec![7])) }).await.unwrap(), 1);
    assert_eq!(listener.heard(), ["published [7]"], "the last time may have been in vain");
}

#[tokio::test]
async fn what_a_store_refused_is_told_to_nobody_but_its_caller() {
    let listener = Listener::open();
    let refused = commit::<Words, _, u8, _>(&listener, async { Err("full") }).await;
    assert!(matches!(refused, Err(Failed::Store("full"))));
    assert_eq!(listener.heard(), [""; 0]);
}

#[tokio::test]
async fn a_change_stands_where_its_revocation_is_not_known_everywhere() {
    let (listener, _end) = Listener::new(false);
    listener.may_publish.add_permits(1);
    let outcome = commit(&listener, async { Ok(work().committed(1, vec![7])) }).await;
    assert_eq!(outcome.unwrap_err().value(), Some(&1));
    assert_eq!(listener.heard(), ["recorded account_changed", "published [7]"]);
}

#[tokio::test]
async fn what_is_durable_is_announced_where_a_further_step_failed() {
    let listener = Listener::open();
    let outcome = commit(&listener, async { Ok(work().committed(1, vec![7]).short_of("full")) }).await;
    assert!(matches!(outcome, Err(Failed::Store("full"))));
    assert_eq!(listener.heard(), ["recorded account_changed", "published [7]"]);
}

#[tokio::test]
async fn who_leaves_while_the_store_works_leaves_no_change_untold() {
    let (listener, end) = Listener::new(true);
    let (durable, is_durable) = oneshot::channel::<()>();
    let change = async move {
        is_durable.await.unwrap();
        Ok(work().committed(1, vec![7]))
    };
    leave(commit(&listener, change)).await;
    listener.may_publish.add_permits(1);
    durable.send(()).unwrap();
    end.await.unwrap();
    assert_eq!(listener.heard(), ["recorded account_changed", "published [7]"]);
}

#[tokio::test]
async fn who_leaves_while_it_is_published_leaves_no_change_untold() {
    let (listener, end) = Listener::new(true);
    leave(commit(&listener, async { Ok(work().committed(1, vec![7])) })).await;
    listener.may_publish.add_permits(1);
    end.await.unwrap();
    assert_eq!(listener.heard(), ["recorded account_changed", "published [7]"]);
}

#[tokio::test]
async fn who_leaves_before_there_is_a_place_leaves_no_change() {
    let (listener, _end) = Listener::new(true);
    let begun = Arc::new(Mutex::new(0));
    for _ in 0..5 {
        let begun = Arc::clone(&begun);
        leave(commit(&listener, async move {
            *begun.lock().unwrap() += 1;
            Ok(work().committed(1, vec![7]))
        }))
        .await;
        tokio::task::yield_now().await;
    }
    listener.may_publish.add_permits(5);
    listener.under_way.none().await;
    assert_eq!(*begun.lock().unwrap(), 2, "as many as may be under way");
    assert_eq!(listener.heard().iter().filter(|what| **what == "published [7]").count(), 2);
}

#[tokio::test]
async fn none_is_under_way_once_all_are_announced() {
    let (listener, _end) = Listener::new(true);
    leave(commit(&listener, async { Ok(work().committed(1, vec![7])) })).await;
    leave(listener.under_way.none()).await;
    listener.may_publish.add_permits(1);
    listener.under_way.none().await;
    assert_eq!(listener.heard(), ["recorded account_changed", "published [7]"]);
}

#[tokio::test]
async fn what_follows_in_memory_follows_also_where_it_is_not_known_everywhere() {
    let (listener, _end) = Listener::new(false);
    listener.may_publish.add_permits(1);
    let seen = Arc::new(Mutex::new(None));
    let sees = Arc::clone(&seen);
    let change =
        async move { Ok(work().committed(1, vec![7]).inspect(|value| *sees.lock().unwrap() = Some(*value))) };
    assert!(matches!(commit(&listener, change).await, Err(Failed::Unpublished { .. })));
    assert_eq!(*seen.lock().unwrap(), Some(1));
}

#[tokio::test]
#[should_panic(expected = "on purpose")]
async fn a_panic_is_the_callers() {
    let broken = async { panic!("on purpose") };
    drop(commit::<Words, _, u8, _>(&Listener::open(), broken).await);
}

/// Polls it once, and drops it.
async fn leave(work: impl Future) {
    tokio::select! {
        biased;
        _ = work => panic!("it was over at once"),
        () = std::future::ready(()) => {}
    }
}
