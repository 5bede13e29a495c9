//! One slice: one level, under load for a moment, by threads that share its connections.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HOST, USER_AGENT};
use http_body_util::Empty;
use rustix::time::{ClockId, clock_gettime};
use tokio::task::LocalSet;

use super::Load;
use super::connection::{Connection, Failed};
use super::level::Level;
use super::measured::Measured;
use super::pace::{Schedule, closed_loop, open_loop};
use super::place::Reached;
use super::timer::Timer;
use gateway_clock::Stopwatch;

/// A level, and where it is.
pub(super) struct Aimed {
    pub(super) level: Level,
    pub(super) reached: Reached,
}

/// Puts a level under load for `span`; `tick` is told the good answers so far, once a second.
pub(super) fn measure(
    aimed: &Aimed,
    load: &Load,
    span: Duration,
    mut tick: impl FnMut(u64),
) -> Result<Measured, String> {
    let threads = load.threads;
    let (barrier, answered) = (Barrier::new(threads as usize), AtomicU64::new(0));
    let (done, finished) = mpsc::channel();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (done, barrier, answered) = (done.clone(), &barrier, &answered);
            scope.spawn(move || {
                let share = Share { aimed, load, span, threads, thread, answered };
                // Nobody listens any more only where another thread failed already.
                done.send(share.run(barrier)).ok();
            });
        }
        drop(done);
        let mut measured = Measured::new();
        let mut fault = None;
        loop {
            match finished.recv_timeout(Duration::from_secs(1)) {
                Ok(Ok(one)) => measured.beside(&one),
                Ok(Err(why)) => fault = Some(why),
                Err(mpsc::RecvTimeoutError::Timeout) => tick(answered.load(Ordering::Relaxed)),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        fault.map_or(Ok(measured), Err)
    })
}

/// What one thread does of it.
#[derive(Clone, Copy)]
struct Share<'a> {
    aimed: &'a Aimed,
    load: &'a Load,
    span: Duration,
    threads: u32,
    thread: u32,
    answered: &'a AtomicU64,
}

impl Share<'_> {
    fn run(self, barrier: &Barrier) -> Result<Measured, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // All wait for all, those that cannot go on, too.
        let Ok(runtime) = runtime else {
            barrier.wait();
            return Err("no runtime can be made: too many open files?".to_owned());
        };
        let connections = (0..self.load.connections).filter(|nth| nth % self.threads == self.thread);
        let requests = Requests::new(&self.aimed.level);
        let mut opened = Vec::new();
        for nth in connections {
            let mut connection = Connection::new(self.aimed.reached.clone(), self.load.timeout);
            // Not measured: the way is open then, and warm. What fails here fails again below.
            runtime.block_on(connection.ask(requests.nth(nth.into()))).ok();
            opened.push((u64::from(nth), connection));
        }
        barrier.wait();
        let (computed, waited) = (cpu(), waited());
        let start = Stopwatch::start();
        let measured = Rc::new(RefCell::new(Measured::new()));
        LocalSet::new().block_on(&runtime, self.load_all(start, opened, &requests, &measured));
        let mut measured =
            Rc::try_unwrap(measured).map_err(|_| "a request is still running".to_owned())?.into_inner();
        measured.elapsed = start.elapsed();
        let part = |span: Duration| span.as_secs_f64() / measured.elapsed.as_secs_f64();
        (measured.busy, measured.starved) =
            (part(cpu().saturating_sub(computed)), part(self::waited().saturating_sub(waited)));
        Ok(measured)
    }

    async fn load_all(
        self,
        start: Stopwatch,
        opened: Vec<(u64, Connection)>,
        requests: &Requests,
        measured: &Rc<RefCell<Measured>>,
    ) {
        let next = Rc::new(Cell::new(0));
        let mut running = Vec::new();
        let (span, connections) = (self.span, u64::from(self.load.connections));
        let schedule =
            self.load.rate.map(|rate| Schedule { rate, threads: self.threads, thread: self.thread, span });
        // The tasks live as long as the thread, and what they borrow does, too; said to the
        // compiler by giving each its own.
        let answered = Rc::new(Cell::new(0));
        for (first, mut connection) in opened {
            let (next, measured, requests) = (Rc::clone(&next), Rc::clone(measured), requests.clone());
            let answered = Rc::clone(&answered);
            running.push(tokio::task::spawn_local(async move {
                let mut nth = first;
                let before = connection.opened;
                let ask = async || -> Result<u16, Failed> {
                    let request = requests.nth(nth);
                    nth += connections;
                    let answer = connection.ask(request).await;
                    answered.set(answered.get() + 1);
                    answer
                };
                match schedule {
                    Some(schedule) => open_loop(schedule, &next, Timer::since(start), &measured, ask).await,
                    None => closed_loop(span, Timer::since(start), &measured, ask).await,
                }
                measured.borrow_mut().reopened += connection.opened - before;
            }));
        }
        let report = async {
            let mut told = 0;
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                self.answered.fetch_add(answered.get() - told, Ordering::Relaxed);
                told = answered.get();
            }
        };
        let all = async {
            for task in running {
                // A panic would have ended the process's output already; the others go on.
                task.await.ok();
            }
        };
        tokio::select! {
            () = all => (),
            () = report => (),
        }
    }
}

/// What is sent, but for the token the same each time.
#[derive(Clone)]
struct Requests {
    uri: http::Uri,
    host: http::HeaderValue,
    tokens: Option<super::tokens::Tokens>,
}

impl Requests {
    fn new(level: &Level) -> Self {
        let uri = http::Uri::from(level.place.target.clone());
        Self { uri, host: level.host.clone(), tokens: level.tokens.clone() }
    }

    fn nth(&self, nth: u64) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, http::HeaderValue::from_static("gateway-bench"));
        if let Some(tokens) = &self.tokens {
            headers.insert(AUTHORIZATION, tokens.nth(nth).clone());
        }
        request
    }
}

/// What this thread has computed so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// How long this thread could have computed and had to wait for a core; zero where nobody says.
fn waited() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').nth(1).and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
