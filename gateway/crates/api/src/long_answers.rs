//! Long answers that are being read: one of an account, few from an address and in all. Of those that are
//! made meanwhile, one at a time reads the store; what the others hold is a piece.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use gateway_identity::Network;
use gateway_identity::UserId;
use gateway_problem::{Code, Problem};

/// A part of each is in memory while its client reads: some hundred kilobytes at most.
const TOTAL_MAX: usize = 64;
/// A slow reader keeps no others out.
const PER_ADDRESS_MAX: usize = 8;
/// Most are read sooner.
const COME_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// All that run.
pub struct LongAnswers {
    running: Mutex<Vec<(UserId, Network)>>,
    turn: Semaphore,
}

/// One that runs, until this is dropped.
pub(super) struct Running {
    answers: Arc<LongAnswers>,
    who: (UserId, Network),
}

impl Default for LongAnswers {
    fn default() -> Self {
        // One: each of them can keep a core busy, and the requests need theirs.
        Self { running: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl LongAnswers {
    /// The right to read the store, in the order in which it was asked for.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turn.acquire().await.ok()
    }

    /// A place for one more, if there is one.
    pub(super) fn begin(self: &Arc<Self>, user: UserId, address: IpAddr) -> Result<Running, Problem> {
        let who = (user, Network::from(address));
        let mut running = self.running.lock();
        let of_address = running.iter().filter(|(_, other)| *other == who.1).count();
        let is_running = running.iter().any(|(other, _)| *other == user);
        if is_running || of_address >= PER_ADDRESS_MAX || running.len() >= TOTAL_MAX {
            return Err(Problem::new(Code::AnswerInProgress).retry_after(COME_AGAIN_AFTER));
        }
        running.push(who);
        Ok(Running { answers: Arc::clone(self), who })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.answers.running.lock();
        if let Some(place) = running.iter().position(|who| *who == self.who) {
            running.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: usize) -> UserId {
        UserId::new(id as u64 + 1).unwrap()
    }

    /// The first address of a network of IPv6, which is counted as one.
    fn address(network: usize) -> IpAddr {
        format!("2001:db8:0:{network:x}::1").parse().unwrap()
    }

    #[test]
    fn an_account_has_one_an_address_few_and_all_together_a_bounded_number() {
        let answers = Arc::<LongAnswers>::default();
        let first = answers.begin(user(0), address(0)).unwrap_or_else(|_| panic!("there is room"));
        let refused = |id, network| answers.begin(user(id), address(network)).err().map(|no| no.code());
        assert_eq!(refused(0, 1), Some(Code::AnswerInProgress), "its account has one");
        let held: Vec<_> = (1..PER_ADDRESS_MAX).map(|id| answers.begin(user(id), address(0))).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(refused(100, 0), Some(Code::AnswerInProgress), "its address has enough");
        let others: Vec<_> = (0..TOTAL_MAX)
            .map(|id| answers.begin(user(200 + id), address(1 + id / PER_ADDRESS_MAX)))
            .collect();
        assert_eq!(others.iter().filter(|one| one.is_ok()).count(), TOTAL_MAX - PER_ADDRESS_MAX);
        drop((first, held, others));
        assert_eq!(refused(0, 1), None);
        assert!(answers.running.lock().is_empty());
    }
}
