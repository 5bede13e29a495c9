//! An upstream that records what reached it, byte for byte, and answers as it is told.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub line: String,
    /// Names as they were written, and values.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Arrived {
    /// All values of a name, in any case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a name that occurs exactly once.
    pub fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} occurs {} times in {self:?}", all.len());
        all[0]
    }

    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// The values as a CGI, WSGI or PHP server sees them: everything but letters and digits is `_`.
    pub fn folded(&self, name: &str) -> Vec<&str> {
        let fold = |name: &str| -> String {
            name.chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect()
        };
        self.headers
            .iter()
            .filter(|(key, _)| fold(key) == fold(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }
}

/// Listens until the test ends.
pub struct Upstream {
    pub address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    answered: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
}

impl Upstream {
    /// Answers everything with 200 and `ok`.
    pub fn start() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }

    /// Answers everything with these bytes; a connection is closed after an empty answer.
    pub fn answering(answer: &str) -> Self {
        Self::serving(answer, usize::MAX, || ())
    }

    /// Answers this many requests on each connection, and closes it in the middle of the next one.
    pub fn that_hangs_up_after(answers: usize) -> Self {
        Self::serving("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", answers, || ())
    }

    fn serving(answer: &str, answers: usize, wait: impl Fn() + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(answer.to_owned()));
        let answered = Arc::new(AtomicUsize::new(0));
        let (record, count, told) = (Arc::clone(&arrived), Arc::clone(&answered), Arc::clone(&answer));
        // The thread ends with the process: it waits for connections and holds nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = told.lock().unwrap().clone();
                let (record, count, wait) = (Arc::clone(&record), Arc::clone(&count), wait.clone());
                std::thread::spawn(move || serve(stream, (&record, &count), &answer, answers, wait));
            }
        });
        Self { address, arrived, answered, answer }
    }

    /// From the next connection on it answers with these bytes.
    pub fn answer_from_now(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    /// Answers with 200 and `ok`, but not before the gate is opened.
    pub fn gated() -> (Self, Gate) {
        let gate = Gate::default();
        let closed = gate.clone();
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let upstream = Self::serving(ok, usize::MAX, move || closed.pass());
        (upstream, gate)
    }

    /// Answers with 200 and `ok`, and not before so much time has gone by.
    pub fn that_takes(span: std::time::Duration) -> Self {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        Self::serving(ok, usize::MAX, move || {
            let begun = std::time::Instant::now();
            // To be woken late is no matter; early it never is.
            while begun.elapsed() < span {
                std::thread::park_timeout(span.saturating_sub(begun.elapsed()));
            }
        })
    }

    /// Everything that arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// How many answers were written.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// The one request that arrived.
    pub fn only(&self) -> Arrived {
        let arrived = self.arrived();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        arrived[0].clone()
    }

    pub fn forget(&self) {
        self.arrived.lock().unwrap().clear();
    }
}

/// Holds answers back until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    pub fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

fn serve(
    stream: TcpStream,
    (record, count): (&Mutex<Vec<Arrived>>, &AtomicUsize),
    answer: &str,
    answers: usize,
    wait: impl Fn(),
) {
    let mut left = answers;
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(arrived) = read(&mut reader) {
        record.lock().unwrap().push(arrived);
        wait();
        if answer.is_empty() || left == 0 || writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
        count.fetch_add(1, Ordering::SeqCst);
        left -= 1;
    }
}

pub(super) fn read(reader: &mut BufReader<impl Read>) -> Option<Arrived> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut field = Vec::new();
        reader.read_until(b'\n', &mut field).ok()?;
        let field = String::from_utf8_lossy(&field).trim_end().to_owned();
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut arrived = Arrived { line: line.trim_end().to_owned(), headers, body: Vec::new() };
    if let Some(length) = arrived.all("content-length").first().and_then(|length| length.parse().ok()) {
        arrived.body = vec![0; length];
        reader.read_exact(&mut arrived.body).ok()?;
    } else if arrived.has("transfer-encoding") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            arrived.body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    }
    Some(arrived)
}
