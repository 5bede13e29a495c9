//! Servers of one service that can be told apart, made ill, killed and started again.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::upstream::{Arrived, Gate, read};

#[derive(Default)]
struct State {
    name: String,
    stop: AtomicBool,
    /// What the health path answers.
    ill: AtomicBool,
    status: AtomicU16,
    /// Read a request, and close without an answer.
    hang_up: AtomicBool,
    gate: Gate,
    streams: Mutex<Vec<TcpStream>>,
    arrived: Mutex<Vec<Arrived>>,
}

/// One server. Its answers are its name; `/hold` is answered when it is released; `/healthz` is
/// not recorded.
pub struct Instance {
    pub address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl Instance {
    pub fn start(name: &str) -> Self {
        // One of its own, where it comes back.
        Self::start_at(name, SocketAddr::from(([127, 0, 0, 1], super::free_port())))
    }

    pub fn start_at(name: &str, address: SocketAddr) -> Self {
        let state = State { name: name.to_owned(), status: AtomicU16::new(200), ..State::default() };
        let mut instance = Self { address, state: Arc::new(state), thread: None };
        instance.revive();
        instance
    }

    /// Accepts connections, again where it was killed.
    pub fn revive(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        let state = Arc::clone(&self.state);
        state.stop.store(false, Ordering::SeqCst);
        self.thread = Some(std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if state.stop.load(Ordering::SeqCst) {
                    return;
                }
                state.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(stream, &state));
            }
        }));
    }

    /// As a process that is killed: nothing listens any more, and open connections break.
    pub fn kill(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        for stream in self.state.streams.lock().unwrap().drain(..) {
            stream.shutdown(std::net::Shutdown::Both).ok();
        }
    }

    pub fn ill(&self, ill: bool) {
        self.state.ill.store(ill, Ordering::SeqCst);
    }

    pub fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    pub fn hang_up(&self, hang_up: bool) {
        self.state.hang_up.store(hang_up, Ordering::SeqCst);
    }

    /// Lets `/hold` be answered.
    pub fn release(&self) {
        self.state.gate.open();
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.state.arrived.lock().unwrap().len()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.state.gate.open();
        self.kill();
    }
}

fn serve(stream: TcpStream, state: &State) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(arrived) = read(&mut reader) {
        let health = arrived.target() == "/healthz";
        let hold = arrived.target().ends_with("/hold");
        let status = match health {
            true if state.ill.load(Ordering::SeqCst) => 503,
            true => 200,
            false => state.status.load(Ordering::SeqCst),
        };
        if !health {
            state.arrived.lock().unwrap().push(arrived);
            if state.hang_up.load(Ordering::SeqCst) {
                writer.shutdown(std::net::Shutdown::Both).ok();
                return;
            }
        }
        if hold {
            state.gate.pass();
        }
        let (name, length) = (&state.name, state.name.len());
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{name}");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
