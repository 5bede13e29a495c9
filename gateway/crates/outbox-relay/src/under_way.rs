//! The errands that are being done, each by a task of its own. What leaves by one way holds up nothing
//! that leaves by another, and one that hangs holds up no other but those for which there is no place.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

use gateway_store::Way;

/// Errands of one way that are done at the same time.
const AT_ONCE_MAX: usize = 8;

#[derive(Default)]
pub(super) struct UnderWay {
    tasks: JoinSet<()>,
    errands: HashMap<Id, (u64, Way)>,
}

impl UnderWay {
    /// How many more may be begun.
    pub(super) fn room(&self, way: Way) -> usize {
        AT_ONCE_MAX.saturating_sub(self.errands.values().filter(|(_, taken)| *taken == way).count())
    }

    /// Those that are being done are still in the outbox, and due.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.errands.values().map(|(id, _)| *id).collect()
    }

    pub(super) fn begin(&mut self, errand: u64, way: Way, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(task);
        self.errands.insert(handle.id(), (errand, way));
    }

    /// Until one of them is over; never, where there is none. All that are over then have left. Answers
    /// whether each came to its end: one that panicked is begun again.
    pub(super) async fn ended(&mut self) -> bool {
        let mut whole = true;
        let Some(first) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
        let mut ended = Some(first);
        while let Some(one) = ended {
            whole &= one.is_ok();
            let id = one.map_or_else(|fault| fault.id(), |(id, ())| id);
            self.errands.remove(&id);
            ended = self.tasks.try_join_next_with_id();
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_hangs_takes_its_own_place_and_none_of_the_other_way() {
        let mut under_way = UnderWay::default();
        under_way.begin(1, Way::Mail, std::future::pending());
        for errand in 2..=8 {
            assert!(under_way.room(Way::Mail) > 0);
            under_way.begin(errand, Way::Mail, async {});
        }
        assert_eq!((under_way.room(Way::Mail), under_way.room(Way::Webhook)), (0, 8));
        assert_eq!(under_way.ids().len(), 8);
        while under_way.ids().len() > 1 {
            assert!(under_way.ended().await);
        }
        assert_eq!((under_way.ids(), under_way.room(Way::Mail)), (vec![1], 7));
    }

    #[tokio::test]
    async fn one_that_panics_is_over_and_that_is_said() {
        let mut under_way = UnderWay::default();
        under_way.begin(1, Way::Webhook, async { panic!("on purpose") });
        assert!(!under_way.ended().await && under_way.ids().is_empty());
    }
}
