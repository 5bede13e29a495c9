//! The queue under readers that are slow, and threads that are many.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Writes nothing until it is let go.
struct Stuck(Receiver<()>, Sender<Vec<u8>>);

impl Write for Stuck {
    fn write(&mut self, lines: &[u8]) -> std::io::Result<usize> {
        self.0.recv().ok();
        self.1.send(lines.to_vec()).ok();
        Ok(lines.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A queue that nobody reads until the first of these is dropped; then the second has what is written.
fn stuck() -> (Sender<()>, Receiver<Vec<u8>>, Entrance, Queue) {
    let (go, stuck) = channel();
    let (written, pieces) = channel();
    let (entrance, queue) = to(Stuck(stuck, written), 4 << 10).unwrap();
    (go, pieces, entrance, queue)
}

#[test]
fn long_lines_take_no_more_memory_than_many() {
    let (go, pieces, entrance, queue) = stuck();
    let mut line = vec![b'x'; 32 << 10];
    line.push(b'\n');
    for _ in 0..2_000 {
        entrance.put(&line);
    }
    let kept = 2_000 - usize::try_from(queue.read().dropped).unwrap();
    assert!(kept * line.len() <= BYTES_MAX, "{kept} lines");
    // What was written makes room.
    drop(go);
    assert_eq!(pieces.iter().take(kept).map(|piece| piece.len()).sum::<usize>(), kept * line.len());
    while queue.read().waiting > 0 {
        std::thread::yield_now();
    }
    entrance.put(b"short\n");
    assert_eq!(pieces.recv().unwrap(), b"short\n");
}

#[test]
fn a_log_that_nobody_reads_costs_lines_and_holds_nobody_up() {
    let (go, pieces, entrance, queue) = stuck();
    for number in 0..LINES_MAX + 1_000 {
        entrance.put(format!("{number}\n").as_bytes());
    }
    let reading = queue.read();
    assert_eq!((reading.dropped, reading.waiting), (1_000, LINES_MAX));
    let since = Stopwatch::start();
    queue.end(Duration::from_millis(50));
    assert!(since.elapsed() < Duration::from_secs(2), "the end waits for nobody who is stuck");
    // What was kept comes out, in order.
    drop(go);
    queue.end(Duration::from_secs(20));
    let all: Vec<u8> = pieces.try_iter().flatten().collect();
    let all = std::str::from_utf8(&all).unwrap().lines().map(|line| line.parse::<u64>().unwrap());
    assert!(all.eq(0..LINES_MAX));
    assert_eq!(queue.read().waiting, 0);
}

#[test]
fn lines_of_many_threads_come_out_whole_each_thread_in_its_order() {
    let (go, pieces, entrance, queue) = stuck();
    drop(go);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let entrance = entrance.clone();
            scope.spawn(move || {
                for number in 0..1_000 {
                    entrance.put(format!("{thread} {number:0>200}\n").as_bytes());
                }
            });
        }
    });
    queue.end(Duration::from_secs(20));
    let mut next = [0; 8];
    for piece in pieces.try_iter() {
        assert!(piece.ends_with(b"\n") && piece.len() <= 4 << 10, "{} bytes", piece.len());
        for line in std::str::from_utf8(&piece).unwrap().lines() {
            let (thread, number) = line.split_once(' ').unwrap();
            let next = &mut next[thread.parse::<usize>().unwrap()];
            assert_eq!(number.parse::<u64>().unwrap(), *next, "thread {thread}");
            *next += 1;
        }
    }
    assert_eq!(next, [1_000; 8]);
}

#[test]
fn a_piece_has_whole_lines_and_no_more_than_one_that_is_too_long() {
    let cut = |text: &'static str| pieces(text.as_bytes(), 6).collect::<Vec<_>>();
    assert_eq!(cut("a\nb\nc\nd\n"), [b"a\nb\nc\n".as_slice(), b"d\n"]);
    assert_eq!(cut("long line\nb\n"), [b"long line\n".as_slice(), b"b\n"]);
    assert_eq!(cut("abcde\nb\n"), [b"abcde\n".as_slice(), b"b\n"]);
    assert_eq!(cut("no end of it"), [b"no end of it".as_slice()]);
    assert!(cut("").is_empty());
}

/// Takes so many bytes, and then says this, once; from then on it takes all.
struct Failing {
    takes: usize,
    says: Option<ErrorKind>,
    taken: Sender<Vec<u8>>,
}

impl Write for Failing {
    fn write(&mut self, lines: &[u8]) -> std::io::Result<usize> {
        let count = if self.says.is_some() { lines.len().min(self.takes) } else { lines.len() };
        self.takes -= count.min(self.takes);
        if count == 0 {
            return Err(self.says.take().unwrap().into());
        }
        self.taken.send(lines[..count].to_vec()).ok();
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What comes out of two lines that are written one after the other, and how many are said to be lost.
fn written(takes: usize, says: ErrorKind) -> (String, u64) {
    let (taken, pieces) = channel();
    let (entrance, queue) = to(Failing { takes, says: Some(says), taken }, 4 << 10).unwrap();
    entrance.put(b"first\n");
    while queue.read().waiting > 0 {
        std::thread::yield_now();
    }
    entrance.put(b"second\n");
    queue.end(Duration::from_secs(20));
    (String::from_utf8(pieces.iter().flatten().collect()).unwrap(), queue.read().dropped)
}

#[test]
fn a_line_that_could_not_be_written_is_counted_and_the_next_one_begins_on_its_own() {
    assert_eq!(written(3, ErrorKind::StorageFull), ("fir\nsecond\n".to_owned(), 1));
    assert_eq!(written(0, ErrorKind::StorageFull), ("second\n".to_owned(), 1));
}

#[test]
fn a_reader_that_takes_nothing_for_a_moment_gets_the_rest_later() {
    for takes in [0, 3] {
        assert_eq!(written(takes, ErrorKind::WouldBlock), ("first\nsecond\n".to_owned(), 0), "{takes}");
        assert_eq!(written(takes, ErrorKind::Interrupted), ("first\nsecond\n".to_owned(), 0), "{takes}");
    }
}
