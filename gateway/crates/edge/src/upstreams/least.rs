//! Least connections, as a selection for Pingora's load balancer, which has none: the server with
//! the fewest running requests for its weight first, and the others after it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pingora::lb::Backend;
use pingora::lb::selection::{BackendIter, BackendSelection};

use super::pool::server_of;

/// The servers, and where the next search begins: those that are equally idle take turns.
pub(super) struct LeastConnections {
    backends: Box<[Backend]>,
    turn: AtomicUsize,
}

/// The servers in the order of their load.
pub(super) struct ByLoad {
    order: std::vec::IntoIter<usize>,
    from: Arc<LeastConnections>,
}

impl BackendSelection for LeastConnections {
    type Iter = ByLoad;
    type Config = ();

    fn build(backends: &BTreeSet<Backend>) -> Self {
        Self { backends: backends.iter().cloned().collect(), turn: AtomicUsize::new(0) }
    }

    fn iter(self: &Arc<Self>, _: &[u8]) -> ByLoad {
        let count = self.backends.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let load = |index: &usize| {
            self.backends.get(*index).and_then(server_of).map_or(usize::MAX, |server| server.load())
        };
        let mut order: Vec<usize> = (0..count).map(|step| (turn + step) % count).collect();
        // Stable, and each load is read once: requests come and go while it sorts.
        order.sort_by_cached_key(load);
        ByLoad { order: order.into_iter(), from: Arc::clone(self) }
    }
}

impl BackendIter for ByLoad {
    fn next(&mut self) -> Option<&Backend> {
        self.from.backends.get(self.order.next()?)
    }
}
