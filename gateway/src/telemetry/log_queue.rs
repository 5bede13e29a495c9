//! Between a line and whoever reads the log: a bounded queue, and a thread that writes. A reader
//! that is too slow loses lines, which are counted; no request ever waits for it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

use super::process::LogReading;

/// Lines that may wait: some ten megabytes, and half a second of a gateway at its fastest.
const LINES_MAX: usize = 32_768;

/// What is known of the queue.
pub(super) struct Queue {
    entered: Arc<AtomicU64>,
    left: Arc<AtomicU64>,
    dropped: ErrorCounter,
}

impl Queue {
    pub(super) fn read(&self) -> LogReading {
        // In this order: a line that moves on meanwhile is rather not counted as waiting.
        let (left, dropped) =
            (self.left.load(Ordering::Relaxed), self.dropped.dropped_lines().try_into().unwrap_or(u64::MAX));
        let entered = self.entered.load(Ordering::Relaxed);
        let waiting = entered.saturating_sub(left.saturating_add(dropped)).min(LINES_MAX as u64);
        LogReading { dropped, waiting, waiting_max: LINES_MAX as u64 }
    }
}

/// A queue that ends in `writer`.
pub(super) fn to(writer: impl Write + Send + 'static) -> (Entrance, Queue, WorkerGuard) {
    let (entered, left) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let exit = Exit { writer, left: Arc::clone(&left) };
    let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_MAX).thread_name("log");
    let (queue, guard) = queue.finish(exit);
    let figures = Queue { entered: Arc::clone(&entered), left, dropped: queue.error_counter() };
    (Entrance { queue, entered }, figures, guard)
}

/// Where lines go in.
#[derive(Clone)]
pub(super) struct Entrance {
    queue: NonBlocking,
    entered: Arc<AtomicU64>,
}

impl Write for Entrance {
    /// One call is one line.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.entered.fetch_add(1, Ordering::Relaxed);
        self.queue.write(line)
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

/// Where they come out, on the queue's own thread.
struct Exit<W> {
    writer: W,
    left: Arc<AtomicU64>,
}

impl<W: Write> Write for Exit<W> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        // A log that cannot be written is no reason to stop: there is nobody to tell.
        let _ = self.writer.write_all(line);
        self.left.fetch_add(1, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Writes nothing until it is let go.
    struct Stuck(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_nobody_reads_costs_lines_and_holds_nobody_up() {
        let (go, stuck) = channel();
        let (written, lines) = channel();
        let (mut entrance, queue, guard) = to(Stuck(stuck, written));
        for number in 0..LINES_MAX + 1_000 {
            entrance.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        let reading = queue.read();
        assert!((999..=1_000).contains(&reading.dropped), "{reading:?}");
        assert!(reading.waiting >= LINES_MAX as u64 - 1, "{reading:?}");
        // What was kept comes out, in order.
        drop(go);
        let kept = usize::try_from(LINES_MAX as u64 + 1_000 - reading.dropped).unwrap();
        let first: Vec<_> = lines.iter().take(kept).collect();
        assert_eq!(
            (first[0].as_slice(), first[kept - 1].as_slice()),
            (&b"0\n"[..], format!("{}\n", kept - 1).as_bytes())
        );
        drop(guard);
        assert_eq!(queue.read().waiting, 0);
    }
}
