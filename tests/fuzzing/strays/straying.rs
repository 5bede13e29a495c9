//! A service that answers each request with its marker, and says what nobody asked for: with an answer, or on
//! connections that wait.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::fuzzing::dice::Dice;

/// What nobody asks for. Its marker is nobody's.
const STRAYS: [&str; 7] = [
    "HTTP/1.1 200 OK\r\nX-Marker: stray\r\nContent-Length: 5\r\n\r\nstray",
    "HTTP/1.1 200 OK\r\nX-Marker: stray\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nstray\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Marker: stray\r\nConnection: close\r\n\r\nstray",
    "HTTP/1.1 408 Request Timeout\r\nX-Marker: stray\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nX-Marker: stray\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Marker: st",
    "\r\n",
];

pub(super) struct Straying {
    pub(super) address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Straying {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let known = Arc::clone(&open);
        // The threads end with the process, or with their connection: they hold nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_nodelay(true).unwrap();
                known.lock().unwrap().push(stream.try_clone().unwrap());
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address, open }
    }

    /// On some of the connections, on which nothing is to be answered. When this is over it is there to be read.
    /// On how many.
    pub(super) fn stray(&self, dice: &mut Dice) -> usize {
        let mut open = self.open.lock().unwrap();
        let mut strays = 0;
        open.retain_mut(|stream| {
            if !dice.in_percent(40) {
                return true;
            }
            let said = stream.write_all(dice.one_of(&STRAYS).as_bytes()).is_ok();
            strays += usize::from(said);
            if dice.in_percent(20) {
                stream.shutdown(Shutdown::Write).ok();
            }
            // Each strays once: it is not to be used again.
            false
        });
        strays
    }
}

/// The head says how: whether something follows its answer at once, and where that is cut.
fn serve(mut stream: TcpStream) {
    let (mut seen, mut chunk) = (Vec::new(), [0; 4_096]);
    loop {
        while let Some(end) = memchr::memmem::find(&seen, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).into_owned();
            let length: usize = field(&head, "content-length").parse().unwrap_or(0);
            if seen.len() < end + 4 + length {
                break;
            }
            seen.drain(..end + 4 + length);
            let answer = answer(&head);
            let (first, rest) = answer.split_at(field(&head, "x-cut").parse().unwrap_or(0).min(answer.len()));
            if stream.write_all(first).and_then(|()| stream.write_all(rest)).is_err() {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => seen.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
}

fn answer(head: &str) -> Vec<u8> {
    let marker = field(head, "x-marker");
    let content = if head.starts_with("HEAD ") { "" } else { &marker };
    let length = marker.len();
    let stray = field(head, "x-stray").parse().map_or("", |at: usize| STRAYS[at % STRAYS.len()]);
    let answer =
        format!("HTTP/1.1 200 OK\r\nX-Marker: {marker}\r\nContent-Length: {length}\r\n\r\n{content}{stray}");
    answer.into_bytes()
}

fn field(head: &str, name: &str) -> String {
    let line = |line: &str| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    head.lines().find_map(line).unwrap_or_default()
}
