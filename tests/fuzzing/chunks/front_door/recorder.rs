//! A service that records what reaches it, in part as well, and answers each whole request.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use gateway_framing::{Chunked, Length, head_end, of_request};

/// A request, or its beginning.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) target: String,
    pub(super) content: Vec<u8>,
    pub(super) is_whole: bool,
}

pub(super) struct Recorder {
    pub(super) address: SocketAddr,
    ends: Arc<AtomicBool>,
    listens: JoinHandle<Vec<JoinHandle<Vec<Arrived>>>>,
}

impl Recorder {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ends);
        let listens = std::thread::spawn(move || {
            let open = listener.incoming().flatten().take_while(|_| !is_over.load(Ordering::Acquire));
            open.map(|stream| std::thread::spawn(move || serve(stream))).collect()
        });
        Self { address, ends, listens }
    }

    /// Everything that arrived, when all who called have gone.
    pub(super) fn arrived(self) -> Vec<Arrived> {
        self.ends.store(true, Ordering::Release);
        // It waits for one more, which comes behind all that were there.
        drop(TcpStream::connect(self.address));
        let connections = self.listens.join().unwrap();
        connections.into_iter().flat_map(|connection| connection.join().unwrap()).collect()
    }
}

fn serve(mut stream: TcpStream) -> Vec<Arrived> {
    let (mut all, mut bytes) = (Vec::new(), Vec::new());
    stream.set_nodelay(true).unwrap();
    while let Some(arrived) = request(&mut stream, &mut bytes) {
        let is_whole = arrived.is_whole;
        all.push(arrived);
        if !is_whole || stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
            break;
        }
    }
    all
}

/// The next request, of the bytes that are left and of those that come.
fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Arrived> {
    let end = loop {
        match head_end(bytes, 0) {
            Some(end) => break end,
            None if !more(stream, bytes) => return None,
            None => {}
        }
    };
    let head: Vec<u8> = bytes.drain(..end).collect();
    let target = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
    let mut arrived = Arrived { target, content: Vec::new(), is_whole: false };
    match of_request(&head) {
        Ok(Length::None) => arrived.is_whole = true,
        Ok(Length::Bytes(length)) => {
            let length = usize::try_from(length).unwrap();
            while bytes.len() < length && more(stream, bytes) {}
            arrived.is_whole = bytes.len() >= length;
            arrived.content = bytes.drain(..length.min(bytes.len())).collect();
        }
        Ok(Length::Chunked) => {
            let mut chunked = Chunked::new();
            loop {
                let read = chunked.read(bytes, |part| arrived.content.extend_from_slice(part));
                bytes.drain(..read.unwrap_or(bytes.len()));
                arrived.is_whole = chunked.is_ended();
                if read.is_err() || arrived.is_whole || !more(stream, bytes) {
                    break;
                }
            }
        }
        Ok(Length::UntilClose) | Err(_) => {}
    }
    Some(arrived)
}

/// Whether there was more.
fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 16_384];
    match stream.read(&mut chunk) {
        Ok(read) if read > 0 => {
            bytes.extend_from_slice(&chunk[..read]);
            true
        }
        _ => false,
    }
}
