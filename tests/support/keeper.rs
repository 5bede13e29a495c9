//! A service of HTTP/1.1 that does with its connections what it is told to, and remembers which of them
//! each request came on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// Longer than it takes to send the next request, and shorter than it takes to trust a connection.
const MOMENT: Duration = Duration::from_millis(60);

/// What it does with its connections.
#[derive(Clone, Copy)]
pub struct Temper {
    /// Of its answers.
    pub status: u16,
    /// Further fields of its answers, each with its end.
    pub fields: &'static str,
    /// Whether it reads the content before it answers. Else it does so after that, where it stays.
    pub reads: bool,
    pub then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Until it is asked to close (RFC 9112 §9.6).
    Stays,
    /// Whatever it is asked. What it did not read is the beginning of the next request to it.
    StaysUnread,
    /// It reads nothing more, and closes a moment later.
    Leaves,
    /// The content that it did not read is the next request to it, which it answers a moment later.
    AnswersContent,
}

impl Temper {
    /// Of most servers.
    pub const EVEN: Self = Self { status: 200, fields: "", reads: true, then: Then::Stays };
}

pub struct Keeper {
    pub address: SocketAddr,
    temper: Arc<Mutex<Temper>>,
    asked: Arc<Mutex<Vec<usize>>>,
    open: Arc<AtomicUsize>,
    connections: Arc<Mutex<Vec<Weak<TcpStream>>>>,
}

impl Keeper {
    pub fn start(temper: Temper) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (temper, asked) = (Arc::new(Mutex::new(temper)), Arc::default());
        let (told, seen): (_, Arc<Mutex<Vec<usize>>>) = (Arc::clone(&temper), Arc::clone(&asked));
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        let connections: Arc<Mutex<Vec<_>>> = Arc::default();
        let all = Arc::clone(&connections);
        // The thread ends with the process: it waits for connections and holds nothing else.
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let (told, seen, count) = (Arc::clone(&told), Arc::clone(&seen), Arc::clone(&count));
                count.fetch_add(1, Ordering::Relaxed);
                let stream = Arc::new(stream);
                all.lock().unwrap().push(Arc::downgrade(&stream));
                std::thread::spawn(move || {
                    serve(&stream, number, &told, &seen);
                    drop(stream);
                    count.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { address, temper, asked, open, connections }
    }

    pub fn becomes(&self, temper: Temper) {
        *self.temper.lock().unwrap() = temper;
    }

    /// How many connections have not ended.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// It answers once more on each connection that is open, though nobody asked.
    pub fn speaks_up(&self) {
        let stray = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsomebody's";
        for connection in self.connections.lock().unwrap().iter().filter_map(Weak::upgrade) {
            (&*connection).write_all(stray).unwrap();
        }
    }

    /// The connection of each request so far.
    pub fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, number: usize, told: &Mutex<Temper>, seen: &Mutex<Vec<usize>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (length, closes) = head(&mut reader)?;
        let mut content = vec![0; length];
        seen.lock().unwrap().push(number);
        let temper = *told.lock().unwrap();
        if temper.reads {
            reader.read_exact(&mut content).ok()?;
        }
        let answer = |text: &str| {
            let Temper { status, fields, .. } = temper;
            format!("HTTP/1.1 {status} OK\r\n{fields}Content-Length: {}\r\n\r\n{text}", text.len())
        };
        writer.write_all(answer("own").as_bytes()).ok()?;
        match temper.then {
            Then::Stays if closes => return None,
            Then::Stays if !temper.reads => reader.read_exact(&mut content).ok()?,
            Then::Stays | Then::StaysUnread => {}
            Then::Leaves => {
                moment();
                return None;
            }
            Then::AnswersContent if content.is_empty() => {}
            Then::AnswersContent => {
                moment();
                writer.write_all(answer("somebody's").as_bytes()).ok()?;
                reader.read_exact(&mut content).ok()?;
            }
        }
    }
}

/// The length of the content behind a head, if one came, and whether it asks to close.
fn head(reader: &mut BufReader<TcpStream>) -> Option<(usize, bool)> {
    let (mut length, mut closes, mut lines) = (0, false, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        lines += 1;
        closes |= line.eq_ignore_ascii_case("connection: close\r\n");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" && lines > 1 {
            return Some((length, closes));
        }
    }
}

fn moment() {
    pass(MOMENT);
}

/// Nothing happens for so long.
pub fn pass(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(begun.elapsed()));
    }
}
