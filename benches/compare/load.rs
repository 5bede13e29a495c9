//! The load: a fixed number of connections, each with one request at a time (of HTTP/2, one on each
//! stream), for a fixed time or number. Every answer is looked at, its status and its end; a wrong one
//! stops the whole run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use tokio::task::JoinSet;

use crate::clients::{ANSWER_BYTES_MAX, Client, Protocol};
use crate::programs::{Watched, cpu_time};
use crate::statistics::percentile;

pub(crate) const CONNECTIONS: usize = 64;
/// No slice sends more than this, however fast the machine is.
const REQUESTS_MAX: u64 = 3_000_000;
/// An answer that takes longer than this is none.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a proxy may take until it answers as it should.
const READY_TIME_MAX: Duration = Duration::from_secs(10);

/// What is sent to whom, and what must come back.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Requests take turns.
    pub(crate) protocol: Protocol,
    pub(crate) status: u16,
    /// How the body ends; empty where only the status matters.
    pub(crate) ends_with: &'static str,
    /// How long the body is, where it is a large one.
    pub(crate) content_bytes: Option<usize>,
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
    requests_max: u64,
    answered: AtomicU64,
    /// Whether times count: after the warm-up.
    measuring: AtomicBool,
    over: AtomicBool,
}

type Running = JoinSet<Result<Vec<u32>, String>>;

impl Load {
    /// Loads the proxy for `warm_up` and then for `length`, which is measured. Before both, connections are
    /// made, and each client was answered once.
    pub(crate) async fn run(
        &self,
        watched: &Watched,
        warm_up: Duration,
        length: Duration,
    ) -> Result<Slice, String> {
        let (progress, clients) = self.begin(REQUESTS_MAX).await?;
        let answered = || progress.answered.load(Ordering::Relaxed);
        let (all, watch) = (clients.len() as u64, Stopwatch::start());
        // What a client is answered wrongly ends it, and is told below.
        while answered() < all && watch.elapsed() < ANSWER_TIME_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(warm_up).await;
        let spent = || (cpu_time(&watched.proxy), cpu_time(&watched.beside));
        progress.measuring.store(true, Ordering::Relaxed);
        let (before, spent_before, watch) = (answered(), spent(), Stopwatch::start());
        tokio::time::sleep(length).await;
        let (after, spent_after, taken) = (answered(), spent(), watch.elapsed());
        progress.over.store(true, Ordering::Relaxed);
        let mut times = ended(clients).await?;
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

    /// So many requests, and no more.
    pub(crate) async fn send(&self, requests: u64) -> Result<(), String> {
        let (_, clients) = self.begin(requests).await?;
        ended(clients).await.map(drop)
    }

    /// One request on a connection of its own: whether it is answered as it should be.
    pub(crate) async fn probe(&self) -> Result<(), String> {
        self.open(0).await.map(drop)
    }

    /// Waits until it is, as a proxy may still be reading its configuration, or filling a store.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        let watch = Stopwatch::start();
        while let Err(fault) = self.probe().await {
            if watch.elapsed() > READY_TIME_MAX {
                return Err(fault);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// One more on a connection that is open.
    pub(crate) async fn ask_again(&self, client: &mut Client) -> Result<(), String> {
        in_time(client.exchange(self, 0, &mut vec![0; ANSWER_BYTES_MAX])).await
    }

    /// Connections, each of which was answered once; they end when they are dropped.
    pub(crate) async fn hold(&self, count: usize) -> Result<Vec<Client>, String> {
        let mut open = Vec::with_capacity(count);
        let mut coming = JoinSet::new();
        for number in 0..count {
            let load = self.clone();
            coming.spawn(async move {
                let client = load.open(number).await;
                client.map_err(|fault| format!("connection {number} of {count}: {fault}"))
            });
            if coming.len() < CONNECTIONS {
                continue;
            }
            if let Some(client) = coming.join_next().await {
                open.push(client.map_err(|fault| fault.to_string())??);
            }
        }
        while let Some(client) = coming.join_next().await {
            open.push(client.map_err(|fault| fault.to_string())??);
        }
        Ok(open)
    }

    async fn open(&self, number: usize) -> Result<Client, String> {
        let mut clients = Client::connect(self, number).await?;
        let mut client = clients.pop().ok_or("a connection without a client")?;
        self.ask_again(&mut client).await?;
        Ok(client)
    }

    async fn begin(&self, requests_max: u64) -> Result<(Arc<Progress>, Running), String> {
        let progress = Arc::new(Progress {
            sent: AtomicU64::new(0),
            requests_max,
            answered: AtomicU64::new(0),
            measuring: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let mut clients = Vec::new();
        for number in 0..CONNECTIONS {
            clients.append(&mut Client::connect(self, number).await?);
        }
        let ask = |client| self.clone().requests(client, Arc::clone(&progress));
        let running = clients.into_iter().map(ask).collect();
        Ok((progress, running))
    }

    /// Answers how long each request took that began in the time that is measured.
    async fn requests(self, mut client: Client, progress: Arc<Progress>) -> Result<Vec<u32>, String> {
        let (mut buffer, mut times) = (vec![0; ANSWER_BYTES_MAX], Vec::new());
        while !progress.over.load(Ordering::Relaxed) {
            let turn = progress.sent.fetch_add(1, Ordering::Relaxed);
            if turn >= progress.requests_max {
                break;
            }
            let (counts, watch) = (progress.measuring.load(Ordering::Relaxed), Stopwatch::start());
            in_time(client.exchange(&self, turn, &mut buffer)).await?;
            if counts {
                times.push(u32::try_from(watch.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            progress.answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(times)
    }
}

async fn in_time(answered: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let answered = tokio::time::timeout(ANSWER_TIME_MAX, answered).await;
    answered.unwrap_or_else(|_| Err("an answer did not come in time".to_owned()))
}

async fn ended(mut clients: Running) -> Result<Vec<u32>, String> {
    let mut times = Vec::new();
    while let Some(ended) = clients.join_next().await {
        times.append(&mut ended.map_err(|fault| fault.to_string())??);
    }
    Ok(times)
}
