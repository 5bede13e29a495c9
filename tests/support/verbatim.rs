//! A service that answers with 200 and `ok`, and keeps every byte of each connection in its order.

use std::io::{BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::upstream::read;

type Record = Arc<Mutex<Vec<Vec<u8>>>>;

pub struct Verbatim {
    pub address: SocketAddr,
    record: Record,
}

impl Verbatim {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let record = Record::default();
        let kept = Arc::clone(&record);
        // The thread ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = {
                    let mut all = kept.lock().unwrap();
                    all.push(Vec::new());
                    all.len() - 1
                };
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, number, kept));
            }
        });
        Self { address, record }
    }

    /// What came on each connection so far.
    pub fn connections(&self) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.record.lock().unwrap().iter().map(text).collect()
    }
}

/// Keeps what is read from a connection.
struct Kept {
    stream: TcpStream,
    number: usize,
    record: Record,
}

impl Read for Kept {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(into)?;
        self.record.lock().unwrap()[self.number].extend_from_slice(&into[..count]);
        Ok(count)
    }
}

fn serve(stream: TcpStream, number: usize, record: Record) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(Kept { stream, number, record });
    while read(&mut reader).is_some() {
        if writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
            return;
        }
    }
}
