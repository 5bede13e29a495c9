//! Connections that wait for their next request, and those that are held to see what their server does.

use std::time::Duration;

use super::connection::Connection;
use crate::clock::Stopwatch;
use crate::edge::descriptors::IdleDescriptor;
use crate::framing::After;

/// Connections that wait; those above it are closed after their request.
const KEPT_MAX: usize = 1_024;

/// What went over a connection, and since when nothing did.
#[derive(Clone, Copy)]
pub(super) struct Past {
    pub(super) answers: u32,
    pub(super) after: After,
    /// How long it may wait.
    pub(super) idle: Duration,
    pub(super) since: Stopwatch,
    /// It was seen open and quiet when its server had had the time to close it.
    pub(super) is_settled: bool,
}

impl Past {
    /// That begins to wait now.
    pub(super) fn new(answers: u32, after: After, idle: Duration) -> Self {
        Self { answers, after, idle, since: Stopwatch::start(), is_settled: false }
    }
}

pub(super) struct Kept {
    pub(super) connection: Connection,
    pub(super) past: Past,
    _descriptor: IdleDescriptor,
}

impl Kept {
    pub(super) fn new(connection: Connection, past: Past, descriptor: IdleDescriptor) -> Self {
        Self { connection, past, _descriptor: descriptor }
    }
}

#[derive(Default)]
pub(super) struct Waiting {
    /// The one that was used last is the last one.
    ready: Vec<Kept>,
    /// One after each kind of exchange, where the others are closed.
    probes: [Option<Kept>; After::ALL.len()],
}

impl Waiting {
    /// The one that was used last, of those that fit.
    pub(super) fn take(&mut self, fits: impl Fn(&Past) -> bool) -> Option<Kept> {
        let place = self.ready.iter().rposition(|kept| fits(&kept.past))?;
        Some(self.ready.remove(place))
    }

    /// Whether it was put aside, as one that is used again, or as a probe. There is one of those.
    pub(super) fn put(&mut self, kept: Kept, is_probe: bool) -> bool {
        if is_probe {
            let probe = self.probe(kept.past.after);
            let is_free = probe.is_none();
            if is_free {
                *probe = Some(kept);
            }
            return is_free;
        }
        let has_room = self.ready.len() < KEPT_MAX;
        if has_room {
            self.ready.push(kept);
        }
        has_room
    }

    /// The probe after this kind of exchange, if it waited for so long.
    pub(super) fn take_probe(&mut self, after: After, waited: Duration) -> Option<Kept> {
        self.probe(after).take_if(|probe| probe.past.since.elapsed() >= waited)
    }

    #[expect(clippy::indexing_slicing, reason = "there is a place for each kind")]
    fn probe(&mut self, after: After) -> &mut Option<Kept> {
        &mut self.probes[after as usize]
    }

    /// The one that is missed least, where another connection needs the room.
    pub(super) fn give_up(&mut self) -> Option<Kept> {
        let probe = self.probes.iter_mut().find_map(Option::take);
        probe.or_else(|| (!self.ready.is_empty()).then(|| self.ready.remove(0)))
    }

    /// All of them; the one that was used last is the last one.
    pub(super) fn take_all(&mut self) -> Vec<Kept> {
        let mut all: Vec<_> = self.probes.iter_mut().filter_map(Option::take).collect();
        all.append(&mut self.ready);
        all
    }
}
