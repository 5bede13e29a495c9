//! A service that says exactly what it is told to, to one request on each connection, and then closes it.

use std::net::{SocketAddr, TcpListener};

use super::raw::Raw;

/// Where it listens, until the test ends.
pub fn service(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, answer) = (listener.local_addr().unwrap(), answer.into());
    // The thread ends with the process: it waits for connections and holds nothing else.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut raw = Raw::over(stream);
                if raw.try_request_head().is_some() {
                    // With something unread it would be a reset, which may overtake the answer.
                    raw.send(answer).says_no_more().rest();
                }
            });
        }
    });
    address
}
