//! A service that answers as it is told, byte for byte and piece for piece.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What it does when it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Close,
    /// Waits for another request.
    Stay,
    /// The same; but no other request may come, since it said more than an answer.
    StayAlone,
}

pub(super) struct Answering {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    said: Condvar,
}

#[derive(Default)]
struct State {
    next: Option<(Vec<Vec<u8>>, Then)>,
    /// Whether an answer has begun and has not been said to its end.
    is_speaking: bool,
    was_mistaken: bool,
}

impl Answering {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared: Arc<Shared> = Arc::default();
        let serves = Arc::clone(&shared);
        // The threads end with the process, or with their connection: they hold nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serves = Arc::clone(&serves);
                // One that is let go is no matter here.
                std::thread::spawn(move || drop(serves.serve(stream)));
            }
        });
        Self { address, shared }
    }

    /// What is to be answered to the next request.
    pub(super) fn next(&self, pieces: Vec<Vec<u8>>, then: Then) {
        self.shared.state.lock().unwrap().next = Some((pieces, then));
    }

    /// Waits until everything was said, where somebody asked. Whether a request came on a connection on
    /// which more had been said than an answer.
    pub(super) fn was_mistaken(&self) -> bool {
        let state = self.shared.state.lock().unwrap();
        self.shared.said.wait_while(state, |state| state.is_speaking).unwrap().was_mistaken
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut is_spoiled = false;
        while let Some(head) = asked(&mut stream)? {
            let mut state = self.state.lock().unwrap();
            state.was_mistaken |= is_spoiled;
            let Some((pieces, mut then)) = state.next.take() else { return Ok(()) };
            if memchr::memmem::find(&head, b"\r\nConnection: close\r\n").is_some() {
                then = Then::Close;
            }
            state.is_speaking = true;
            drop(state);
            let said = say(&mut stream, &pieces, then);
            self.state.lock().unwrap().is_speaking = false;
            self.said.notify_all();
            said?;
            is_spoiled = then == Then::StayAlone;
        }
        Ok(())
    }
}

/// The head of a request without a body; none at the end.
fn asked(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let (mut head, mut chunk) = (Vec::new(), [0; 4_096]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            read => head.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(Some(head))
}

fn say(stream: &mut TcpStream, pieces: &[Vec<u8>], then: Then) -> std::io::Result<()> {
    for piece in pieces {
        stream.write_all(piece)?;
    }
    if then == Then::Close {
        stream.shutdown(Shutdown::Write)?;
    }
    Ok(())
}
