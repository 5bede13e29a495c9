//! Services that do exactly what they are told to, each time that somebody connects.

use std::net::{SocketAddr, TcpListener};

use super::raw::Raw;

/// One that says this to one request on each connection, and then closes it. Where it listens, until the test
/// ends.
pub fn service(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    playing(move |mut raw| {
        if raw.try_request_head().is_some() {
            // With something unread it would be a reset, which may overtake the answer.
            raw.send(&answer).says_no_more().rest();
        }
    })
}

/// One that plays this with each connection.
pub fn playing(play: impl Fn(Raw) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The threads end with the process: they wait for connections and hold nothing else.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let play = play.clone();
            std::thread::spawn(move || play(Raw::over(stream)));
        }
    });
    address
}
