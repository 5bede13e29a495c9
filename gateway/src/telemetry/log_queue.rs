//! Between a line and whoever reads the log: a bounded queue, and a thread that writes. A reader
//! that is too slow loses lines, which are counted; no request ever waits for it, and nor does the end
//! of the process for long.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

use super::process::LogReading;
use crate::clock::Stopwatch;

/// Lines that may wait: usually some ten megabytes.
const LINES_MAX: usize = 32_768;
/// Bytes of them. How long the path in a line is, is a client's choice.
const BYTES_MAX: usize = 32 << 20;
/// How often somebody who ends looks whether there is room for the word that it is the end.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What goes through the queue.
enum Item {
    Line(Vec<u8>),
    /// Nothing comes after it.
    End,
}

#[derive(Default)]
struct Counts {
    entered: AtomicU64,
    left: AtomicU64,
    dropped: AtomicU64,
    /// Of the lines that wait.
    bytes: AtomicUsize,
}

/// What is known of the queue, and how it is ended.
pub(super) struct Queue {
    entrance: Entrance,
    ended: Mutex<Receiver<()>>,
}

/// Where lines go in.
#[derive(Clone)]
pub(super) struct Entrance {
    queue: SyncSender<Item>,
    counts: Arc<Counts>,
}

/// A queue that ends in `writer`.
pub(super) fn to(mut writer: impl Write + Send + 'static) -> std::io::Result<(Entrance, Queue)> {
    let (queue, items) = sync_channel(LINES_MAX);
    let (tell, ended) = sync_channel(1);
    let counts = Arc::<Counts>::default();
    let entrance = Entrance { queue, counts: Arc::clone(&counts) };
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        while let Ok(Item::Line(line)) = items.recv() {
            // A log that cannot be written is no reason to stop: there is nobody to tell.
            writer.write_all(&line).ok();
            counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            counts.left.fetch_add(1, Ordering::Relaxed);
        }
        writer.flush().ok();
        tell.try_send(()).ok();
    })?;
    let queue = Queue { entrance: entrance.clone(), ended: Mutex::new(ended) };
    Ok((entrance, queue))
}

impl Queue {
    pub(super) fn read(&self) -> LogReading {
        let counts = &self.entrance.counts;
        let entered = counts.entered.load(Ordering::Relaxed);
        // Read after it: a line that moves on meanwhile is rather not counted as waiting.
        let gone = counts.left.load(Ordering::Relaxed);
        let waiting = entered.saturating_sub(gone).min(LINES_MAX as u64);
        LogReading { dropped: counts.dropped.load(Ordering::Relaxed), waiting, waiting_max: LINES_MAX as u64 }
    }

    /// Waits until what is in it was written, but no longer than this. Lines that come later are lost.
    pub(super) fn end(&self, within: Duration) {
        let since = Stopwatch::start();
        while let Err(TrySendError::Full(_)) = self.entrance.queue.try_send(Item::End) {
            if since.elapsed() >= within {
                return;
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
        // Whoever reads the log may be stuck: that is no reason to be stuck, too.
        self.ended.lock().recv_timeout(within.saturating_sub(since.elapsed())).ok();
    }
}

impl Write for Entrance {
    /// One call is one line.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let counts = &self.counts;
        counts.entered.fetch_add(1, Ordering::Relaxed);
        let waiting = counts.bytes.fetch_add(line.len(), Ordering::Relaxed);
        let is_in =
            waiting + line.len() <= BYTES_MAX && self.queue.try_send(Item::Line(line.to_vec())).is_ok();
        if !is_in {
            counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            counts.dropped.fetch_add(1, Ordering::Relaxed);
            counts.left.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Entrance {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Writes nothing until it is let go.
    struct Stuck(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.recv().ok();
            self.1.send(line.to_vec()).ok();
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn long_lines_take_no_more_memory_than_many() {
        let (go, stuck) = channel();
        let (written, lines) = channel();
        let (mut entrance, queue) = to(Stuck(stuck, written)).unwrap();
        let line = vec![b'x'; 32 << 10];
        for _ in 0..2_000 {
            entrance.write_all(&line).unwrap();
        }
        let kept = 2_000 - usize::try_from(queue.read().dropped).unwrap();
        assert!(kept * line.len() <= BYTES_MAX, "{kept} lines");
        // What was written makes room.
        drop(go);
        assert_eq!(lines.iter().take(kept).count(), kept);
        entrance.write_all(b"short").unwrap();
        assert_eq!(lines.recv().unwrap(), b"short");
    }

    #[test]
    fn a_log_that_nobody_reads_costs_lines_and_holds_nobody_up() {
        let (go, stuck) = channel();
        let (written, lines) = channel();
        let (mut entrance, queue) = to(Stuck(stuck, written)).unwrap();
        for number in 0..LINES_MAX + 1_000 {
            entrance.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        let reading = queue.read();
        // One line may be in the hands of the writer.
        assert!((999..=1_000).contains(&reading.dropped), "{reading:?}");
        assert!(reading.waiting >= LINES_MAX as u64 - 1, "{reading:?}");
        let since = Stopwatch::start();
        queue.end(Duration::from_millis(50));
        assert!(since.elapsed() < Duration::from_secs(2), "the end waits for nobody who is stuck");
        // What was kept comes out, in order.
        drop(go);
        let kept = LINES_MAX + 1_000 - usize::try_from(reading.dropped).unwrap();
        let all: Vec<_> = lines.iter().take(kept).collect();
        let last = format!("{}\n", kept - 1);
        assert_eq!((all[0].as_slice(), all[kept - 1].as_slice()), (&b"0\n"[..], last.as_bytes()));
        queue.end(Duration::from_secs(20));
        assert_eq!(queue.read().waiting, 0);
    }
}
