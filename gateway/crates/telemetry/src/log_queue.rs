//! Between a line and whoever reads the log: a bounded queue, and a thread that writes. A reader
//! that is too slow loses lines, which are counted; no request ever waits for it, and nor does the end
//! of the process for long.
//!
//! Each thread puts its lines into a part of its own. They are collected some moments after the first one,
//! part by part, and go out together: a line costs neither a wake-up nor a call of the system. Those of one
//! thread stay in order; those of two may change places within that time.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tracing_subscriber::fmt::MakeWriter;

use super::process::LogReading;
use gateway_clock::Stopwatch;

/// Lines that may wait: usually some ten megabytes.
const LINES_MAX: u64 = 32_768;
/// Bytes of them. How long the path in a line is, is a client's choice.
const BYTES_MAX: usize = 32 << 20;
/// How long lines are gathered before they are written: so many are lost where the process is killed.
const GATHERED_FOR: Duration = Duration::from_millis(5);
/// What a part keeps of its memory when it was emptied.
const PART_BYTES_KEPT: usize = 1 << 20;
/// How long one who takes nothing is left alone.
const FULL_FOR: Duration = Duration::from_millis(5);

/// Lines of one thread, or of some where there are more of them than parts.
#[derive(Default)]
struct Part {
    text: Vec<u8>,
    lines: u64,
}

#[derive(Default)]
struct Counts {
    dropped: AtomicU64,
    /// Lines that wait, and their bytes: also while they are being written.
    waiting: AtomicU64,
    bytes: AtomicUsize,
}

/// What the thread that writes is to do.
#[derive(Default)]
struct Call {
    /// There are lines.
    rung: bool,
    /// Nothing comes after what is there.
    over: bool,
}

struct Shared {
    parts: Box<[Mutex<Part>]>,
    counts: Counts,
    call: Mutex<Call>,
    bell: Condvar,
    end: Condvar,
}

/// What is known of the queue, and how it is ended.
pub(super) struct Queue {
    shared: Arc<Shared>,
    ended: Mutex<Receiver<()>>,
}

/// Where lines go in.
#[derive(Clone)]
pub(super) struct Entrance(Arc<Shared>);

/// A queue that ends in `writer`, which is given whole lines, and of several no more than so many bytes at
/// once.
pub(super) fn to(
    mut writer: impl Write + Send + 'static,
    piece_bytes_max: usize,
) -> std::io::Result<(Entrance, Queue)> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let shared = Arc::new(Shared {
        parts: (0..threads).map(|_| Mutex::default()).collect(),
        counts: Counts::default(),
        call: Mutex::default(),
        bell: Condvar::new(),
        end: Condvar::new(),
    });
    let (tell, ended) = sync_channel(1);
    let writes = Arc::clone(&shared);
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        let mut part = Part::default();
        let mut is_torn = false;
        loop {
            let is_over = writes.wait();
            writes.write(&mut part, &mut writer, piece_bytes_max, &mut is_torn);
            if is_over {
                break;
            }
        }
        writer.flush().ok();
        tell.try_send(()).ok();
    })?;
    Ok((Entrance(Arc::clone(&shared)), Queue { shared, ended: Mutex::new(ended) }))
}

impl Shared {
    /// Until lines were gathered, or there will be none; answers whether it is over.
    fn wait(&self) -> bool {
        let mut call = self.call.lock();
        self.bell.wait_while(&mut call, |call| !call.rung && !call.over);
        self.end.wait_while_for(&mut call, |call| !call.over, GATHERED_FOR);
        // Before the parts are emptied: whoever finds one empty from here on rings again.
        call.rung = false;
        call.over
    }

    /// Writes what is in the parts; `emptied` is what takes the place of each.
    /// `is_torn` says that the last one ended within a line.
    fn write(&self, emptied: &mut Part, writer: &mut impl Write, piece_bytes_max: usize, is_torn: &mut bool) {
        for part in &self.parts {
            std::mem::swap(&mut *part.lock(), emptied);
            for piece in pieces(&emptied.text, piece_bytes_max) {
                // A log that cannot be written is no reason to stop: there is nobody to tell.
                if let Err(written) = write_whole(piece, writer, is_torn) {
                    let lost = piece.get(written..).unwrap_or_default();
                    let lines = memchr::memchr_iter(b'\n', lost).count();
                    self.counts.dropped.fetch_add(lines as u64, Ordering::Relaxed);
                }
            }
            self.counts.bytes.fetch_sub(emptied.text.len(), Ordering::Relaxed);
            self.counts.waiting.fetch_sub(emptied.lines, Ordering::Relaxed);
            emptied.lines = 0;
            emptied.text.clear();
            emptied.text.shrink_to(PART_BYTES_KEPT);
        }
    }

    fn ring(&self) {
        self.call.lock().rung = true;
        self.bell.notify_one();
    }
}

/// A piece; behind one that ended within a line a new line begins. Where it cannot be written, how much of it
/// was.
fn write_whole(piece: &[u8], writer: &mut impl Write, is_torn: &mut bool) -> Result<(), usize> {
    let mut written = 0;
    let mut left = if *is_torn { &b"\n"[..] } else { piece };
    while !left.is_empty() {
        match writer.write(left) {
            Ok(count) if count > 0 => {
                left = left.get(count..).unwrap_or_default();
                if std::mem::take(is_torn) {
                    left = piece;
                } else {
                    written += count;
                }
            }
            Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
            // Somebody made it so for a reader of theirs, who is slow.
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => std::thread::park_timeout(FULL_FOR),
            _ => {
                *is_torn |=
                    piece.get(..written).is_some_and(|start| start.last().is_some_and(|last| *last != b'\n'));
                return Err(written);
            }
        }
    }
    Ok(())
}

/// Whole lines, of several no more than so many bytes.
fn pieces(mut text: &[u8], bytes_max: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let last = text.get(..bytes_max).map(|start| memchr::memrchr(b'\n', start));
        let end = match last {
            None => text.len(),
            Some(last) => last.or_else(|| memchr::memchr(b'\n', text)).map_or(text.len(), |last| last + 1),
        };
        let (piece, rest) = text.split_at_checked(end)?;
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

impl Queue {
    pub(super) fn read(&self) -> LogReading {
        let counts = &self.shared.counts;
        let waiting = counts.waiting.load(Ordering::Relaxed).min(LINES_MAX);
        LogReading { dropped: counts.dropped.load(Ordering::Relaxed), waiting, waiting_max: LINES_MAX }
    }

    /// Waits until what is in it was written, but no longer than this. Lines that come later are lost.
    pub(super) fn end(&self, within: Duration) {
        let since = Stopwatch::start();
        self.shared.call.lock().over = true;
        self.shared.bell.notify_one();
        self.shared.end.notify_one();
        // The reader of the log may be stuck: the gateway must not be.
        self.ended.lock().recv_timeout(within.saturating_sub(since.elapsed())).ok();
    }
}

impl Entrance {
    /// A whole line, with its end.
    pub(super) fn put(&self, line: &[u8]) {
        thread_local!(static SEAT: usize = SEATS.fetch_add(1, Ordering::Relaxed));
        let Shared { parts, counts, .. } = &*self.0;
        // Late in the life of a thread there is no seat any more.
        let seat = SEAT.try_with(|seat| *seat).unwrap_or_default();
        let Some(part) = parts.get(seat % parts.len().max(1)) else { return };
        let waiting = counts.waiting.fetch_add(1, Ordering::Relaxed);
        let bytes = counts.bytes.fetch_add(line.len(), Ordering::Relaxed);
        if waiting >= LINES_MAX || bytes + line.len() > BYTES_MAX {
            counts.waiting.fetch_sub(1, Ordering::Relaxed);
            counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            counts.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut part = part.lock();
        let is_first = part.text.is_empty();
        part.text.extend_from_slice(line);
        part.lines += 1;
        drop(part);
        if is_first {
            self.0.ring();
        }
    }
}

static SEATS: AtomicUsize = AtomicUsize::new(0);

impl Write for &Entrance {
    /// One call is one line.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Entrance {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

#[cfg(test)]
mod tests;
