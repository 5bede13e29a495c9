//! What goes to Redis on behalf of requests: over the connection that the keeper keeps, and no longer than
//! allowed.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::check::{self, Ask, Failure, Heard};
use super::turn::Turn;
use super::view::{State, View};
use super::{complaint, keeper};
use gateway_store::Unreachable;

/// Batches that may wait for their answers at a time. What is asked meanwhile makes the next ones longer.
const BATCHES_MAX: usize = 64;

pub(super) struct Link {
    pub(super) view: Arc<View>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    under_way: Semaphore,
}

impl Link {
    pub(super) fn new(view: View) -> Self {
        let under_way = Semaphore::new(BATCHES_MAX);
        Self { view: Arc::new(view), keeper: Mutex::new(None), under_way }
    }

    pub(super) fn start(&self) {
        let mut keeper = self.keeper.lock();
        if keeper.as_ref().is_none_or(JoinHandle::is_finished) {
            *keeper = Some(tokio::spawn(keeper::keep(Arc::clone(&self.view))));
        }
    }

    /// The connection for requests. Only at the very start this waits; later on, who finds none fails at
    /// once, for the next attempt may be a second away.
    pub(super) async fn connection(&self) -> Result<MultiplexedConnection, Unreachable> {
        if let Some(connection) = self.view.serving.load().as_deref() {
            return Ok(connection.clone());
        }
        self.start();
        let mut state = self.view.state.subscribe();
        let known = state.wait_for(|state| !matches!(state, State::Starting)).await;
        if let Ok(State::Down(reason)) = known.as_deref() {
            return Err(reason.clone());
        }
        drop(known);
        let serving = self.view.serving.load();
        serving.as_deref().cloned().ok_or_else(|| Unreachable("Redis was just lost".to_owned()))
    }

    pub(super) fn explain(&self, error: &redis::RedisError) -> Unreachable {
        // A runtime that ended, or a panic, would have taken the keeper along.
        self.start();
        complaint::explain(error, self.view.target.password.as_ref())
    }
}

/// Takes a batch at the end of this turn of the loop, and has it answered. One time-out is enough for all
/// that are in it: each of them came after the first one, for which it began.
pub(super) async fn ask_together(link: Arc<Link>, mut turn: Turn<Ask, Heard>, patience: Duration) {
    let mut batch = None;
    let asking = async {
        // Whatever else this thread has to do comes first, and what it asks comes along.
        tokio::task::yield_now().await;
        let _place = link.under_way.acquire().await;
        match batch.insert(turn.take()) {
            Some(batch) => check::look_up(&link, batch.questions()).await,
            None => Ok(Vec::new()),
        }
    };
    let heard = tokio::time::timeout(patience, asking).await;
    let Some(batch) = batch.flatten().or_else(|| turn.take()) else { return };
    let to_all = |failure: Failure| vec![Err(failure); batch.questions().len()];
    let answers = match heard {
        Ok(Ok(answers)) => answers,
        Ok(Err(unreachable)) => to_all(Failure::Unreachable(unreachable)),
        Err(_) => to_all(Failure::Late),
    };
    batch.answer(answers);
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get_mut() {
            keeper.abort();
        }
    }
}
