//! Connections that wait for their next request, and the one that is held to see what its server does.

use std::time::Duration;

use super::connection::Connection;
use crate::clock::Stopwatch;
use crate::edge::descriptors::IdleDescriptor;
use crate::framing::SETTLED;

/// Connections that wait; those above it are closed after their request.
const KEPT_MAX: usize = 1_024;

/// What went over a connection, and since when nothing did.
#[derive(Clone, Copy)]
pub(super) struct Past {
    pub(super) answers: u32,
    /// How long it may wait.
    pub(super) idle: Duration,
    pub(super) since: Stopwatch,
    /// It was seen open and quiet when its server had had the time to close it.
    pub(super) is_settled: bool,
}

impl Past {
    /// That begins to wait now.
    pub(super) fn new(answers: u32, idle: Duration) -> Self {
        Self { answers, idle, since: Stopwatch::start(), is_settled: false }
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
    /// Where the others are closed.
    probe: Option<Kept>,
    /// None is kept any more.
    is_closed: bool,
}

impl Waiting {
    /// The one that was used last.
    pub(super) fn take(&mut self) -> Option<Kept> {
        self.ready.pop()
    }

    /// Whether it was put aside, as one that is used again, or as a probe. There is one of those.
    pub(super) fn put(&mut self, kept: Kept, is_probe: bool) -> bool {
        let has_room =
            !self.is_closed && if is_probe { self.probe.is_none() } else { self.ready.len() < KEPT_MAX };
        match has_room {
            true if is_probe => self.probe = Some(kept),
            true => self.ready.push(kept),
            false => {}
        }
        has_room
    }

    pub(super) fn has_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// The probe, if its server had the time to close it.
    pub(super) fn take_probe(&mut self) -> Option<Kept> {
        self.probe.take_if(|probe| probe.past.since.elapsed() >= SETTLED)
    }

    /// The one that is missed least, where another connection needs the room.
    pub(super) fn give_up(&mut self) -> Option<Kept> {
        self.probe.take().or_else(|| (!self.ready.is_empty()).then(|| self.ready.remove(0)))
    }

    /// All of them; the one that was used last is the last one.
    pub(super) fn take_all(&mut self) -> Vec<Kept> {
        self.probe.take().into_iter().chain(std::mem::take(&mut self.ready)).collect()
    }

    /// From here on none is kept.
    pub(super) fn close(&mut self) -> Vec<Kept> {
        self.is_closed = true;
        self.take_all()
    }
}
