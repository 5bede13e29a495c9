//! The load: a fixed number of connections, each with one request at a time, for a fixed time.
//! Every answer is looked at, its status and its end; a wrong one stops the whole run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gateway::clock::Stopwatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::programs::{Watched, cpu_time};
use crate::statistics::percentile;

pub(crate) const CONNECTIONS: usize = 64;
/// No slice sends more than this, however fast the machine is.
const REQUESTS_MAX: u64 = 3_000_000;
/// An answer that takes longer than this is none.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// What is sent to whom, and what must come back.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Requests take turns.
    pub(crate) requests: Arc<Vec<String>>,
    pub(crate) status: u16,
    /// How the body ends; empty where only the status matters.
    pub(crate) ends_with: &'static str,
}

/// What one slice of time showed.
#[derive(Clone, Copy)]
pub(crate) struct Slice {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// CPU time of the proxy, with what it asks on the way; and of the store beside it, in seconds.
    pub(crate) cpu: f64,
    pub(crate) beside: f64,
    /// Of 100 requests, the longest times of 50 and of 99, in microseconds.
    pub(crate) p50: u32,
    pub(crate) p99: u32,
}

struct Progress {
    sent: AtomicU64,
    answered: AtomicU64,
    /// Whether times count: after the warm-up.
    measuring: AtomicBool,
    over: AtomicBool,
}

impl Load {
    /// Loads the proxy for `warm_up` and then for `length`, which is measured.
    pub(crate) async fn run(
        &self,
        watched: &Watched,
        warm_up: Duration,
        length: Duration,
    ) -> Result<Slice, String> {
        let progress = Arc::new(Progress {
            sent: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            measuring: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            connections.spawn(self.clone().connection(Arc::clone(&progress)));
        }
        tokio::time::sleep(warm_up).await;
        let answered = || progress.answered.load(Ordering::Relaxed);
        let spent = || (cpu_time(&watched.proxy), cpu_time(&watched.beside));
        progress.measuring.store(true, Ordering::Relaxed);
        let (before, spent_before, watch) = (answered(), spent(), Stopwatch::start());
        tokio::time::sleep(length).await;
        let (after, spent_after, taken) = (answered(), spent(), watch.elapsed());
        progress.over.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        while let Some(ended) = connections.join_next().await {
            times.append(&mut ended.map_err(|fault| fault.to_string())??);
        }
        if after == before || progress.sent.load(Ordering::Relaxed) >= REQUESTS_MAX {
            return Err("no answers, or more than were asked for".to_owned());
        }
        Ok(Slice {
            requests: after - before,
            seconds: taken.as_secs_f64(),
            cpu: spent_after.0 - spent_before.0,
            beside: spent_after.1 - spent_before.1,
            p50: percentile(&mut times, 50),
            p99: percentile(&mut times, 99),
        })
    }

    /// One request on a connection of its own: whether it is answered as it should be.
    pub(crate) async fn probe(&self) -> Result<(), String> {
        let mut stream = TcpStream::connect(self.address).await.map_err(|fault| fault.to_string())?;
        self.exchange(&mut stream, 0, &mut vec![0; 16 * 1_024]).await
    }

    /// Answers how long each request took that began in the time that is measured.
    async fn connection(self, progress: Arc<Progress>) -> Result<Vec<u32>, String> {
        let mut stream = TcpStream::connect(self.address).await.map_err(|fault| fault.to_string())?;
        stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
        let (mut buffer, mut times) = (vec![0; 16 * 1_024], Vec::new());
        while !progress.over.load(Ordering::Relaxed) {
            let turn = progress.sent.fetch_add(1, Ordering::Relaxed);
            if turn >= REQUESTS_MAX {
                break;
            }
            let (counts, watch) = (progress.measuring.load(Ordering::Relaxed), Stopwatch::start());
            let answered = self.exchange(&mut stream, turn, &mut buffer);
            let answered = tokio::time::timeout(ANSWER_TIME_MAX, answered).await;
            answered.map_err(|_| "an answer did not come in time".to_owned())??;
            if counts {
                times.push(u32::try_from(watch.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            progress.answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(times)
    }

    async fn exchange(&self, stream: &mut TcpStream, turn: u64, buffer: &mut [u8]) -> Result<(), String> {
        let request = &self.requests[turn as usize % self.requests.len()];
        let answer = ask(stream, request, buffer).await?;
        self.judge(answer)
    }

    fn judge(&self, answer: &[u8]) -> Result<(), String> {
        if status(answer) == Some(self.status) && answer.ends_with(self.ends_with.as_bytes()) {
            return Ok(());
        }
        let start: String = String::from_utf8_lossy(answer).chars().take(600).collect();
        Err(format!("expected {} and `{}`, got: {start}", self.status, self.ends_with))
    }
}

/// One request, and the whole answer.
pub(crate) async fn ask<'a>(
    stream: &mut TcpStream,
    request: &str,
    buffer: &'a mut [u8],
) -> Result<&'a [u8], String> {
    stream.write_all(request.as_bytes()).await.map_err(|fault| fault.to_string())?;
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(0) => return Err("the connection was closed in the middle of an answer".to_owned()),
            Ok(read) => filled += read,
            Err(fault) => return Err(fault.to_string()),
        }
        if length(&buffer[..filled]).is_some_and(|whole| filled >= whole) {
            return Ok(&buffer[..filled]);
        }
    }
}

pub(crate) fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

/// The length of the whole answer, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let body = answer[..end].split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then(|| std::str::from_utf8(value).ok()?.trim().parse().ok())?
    });
    // Without a length the answer would end with its connection, which no proxy here does.
    body.map(|body: usize| end + body)
}
