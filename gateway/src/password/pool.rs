//! Hashing off the request threads: a bounded pool of its own, at lower priority, with a bounded
//! queue and a deadline. A storm of logins is shed here and cannot slow a verified request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use thiserror::Error;
use tokio::sync::oneshot;

use super::Password;
use super::hash::{Cost, CostFault, Hasher, Verdict};
use super::imported::Method;
use super::policy::{Owner, Policy, Weakness, breaks_a_rule};
use crate::clock::Stopwatch;

/// How much hashing may go on.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    pub cost: Cost,
    /// Of hashes that came from elsewhere.
    pub imported: Vec<Method>,
    /// Which passwords may be chosen.
    pub policy: Policy,
    pub threads: usize,
    /// Jobs that may wait; one more is shed.
    pub queue: usize,
    /// A job that waited longer is shed instead of run: its client has likely gone.
    pub wait_max: Duration,
}

/// The pool is full, or took too long: the client should come back later.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("password hashing is overloaded")]
pub struct Overloaded;

/// What the pool did so far, for metrics.
#[derive(Debug, Default)]
pub struct PoolFigures {
    pub waiting: AtomicUsize,
    pub done: AtomicU64,
    pub shed: AtomicU64,
    /// Jobs that nobody waited for any more when their turn came.
    pub abandoned: AtomicU64,
}

/// Told of each job that was taken from the queue: how long it waited, and how long it took unless
/// it was shed.
pub type OnHashed = Arc<dyn Fn(Duration, Option<Duration>) + Send + Sync>;

enum Work {
    Hash(Password, oneshot::Sender<Result<String, Overloaded>>),
    Verify(Password, Option<String>, oneshot::Sender<Result<Verdict, Overloaded>>),
    Assess(Password, Known, oneshot::Sender<Result<Option<Weakness>, Overloaded>>),
}

/// An `Owner` that goes to another thread.
struct Known {
    email: String,
    first_name: String,
    last_name: String,
}

struct Job {
    work: Work,
    waiting: Stopwatch,
}

/// A handle on the pool; its threads end when the last handle is dropped.
#[derive(Clone)]
pub struct HashPool {
    queue: SyncSender<Job>,
    queue_max: usize,
    threads: usize,
    figures: Arc<PoolFigures>,
    /// How hashes may have been made that came from elsewhere, today's way included.
    methods: Arc<[Method]>,
}

impl HashPool {
    /// Whether a password can be right whose hash was made like that.
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    pub fn start(settings: PoolSettings, on_hashed: OnHashed) -> Result<Self, CostFault> {
        let methods = settings.imported.iter().copied().chain([settings.cost.method()]).collect();
        let hasher = Hasher::new(settings.cost)?.with_imported(settings.imported);
        let (queue, jobs) = sync_channel(settings.queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let figures = Arc::new(PoolFigures::default());
        let threads = settings.threads.max(1);
        for number in 0..threads {
            let worker = Worker {
                hasher: hasher.clone(),
                policy: settings.policy.clone(),
                jobs: Arc::clone(&jobs),
                figures: Arc::clone(&figures),
                wait_max: settings.wait_max,
                on_hashed: Arc::clone(&on_hashed),
            };
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || worker.run())
                .map_err(|fault| CostFault::Unusable(fault.to_string()))?;
        }
        Ok(Self { queue, queue_max: settings.queue, threads, figures, methods })
    }

    /// The PHC string of a password.
    pub async fn hash(&self, password: Password) -> Result<String, Overloaded> {
        let (answer, result) = oneshot::channel();
        self.submit(Work::Hash(password, answer))?;
        result.await.unwrap_or(Err(Overloaded))
    }

    /// Compares with a stored PHC string; with `None` it costs the same time and says `Wrong`.
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, Overloaded> {
        let (answer, result) = oneshot::channel();
        self.submit(Work::Verify(password, stored, answer))?;
        result.await.unwrap_or(Err(Overloaded))
    }

    /// What is wrong with a password that somebody chooses. What the contract's rules say is said at
    /// once; what takes time, or reads a file, is done by the pool.
    pub async fn assess(&self, password: &str, owner: &Owner<'_>) -> Result<Option<Weakness>, Overloaded> {
        if let Some(weakness) = breaks_a_rule(password) {
            return Ok(Some(weakness));
        }
        let known = Known {
            email: owner.email.to_owned(),
            first_name: owner.first_name.to_owned(),
            last_name: owner.last_name.to_owned(),
        };
        let (answer, result) = oneshot::channel();
        self.submit(Work::Assess(Password::from(password.to_owned()), known, answer))?;
        result.await.unwrap_or(Err(Overloaded))
    }

    pub fn figures(&self) -> &PoolFigures {
        &self.figures
    }

    /// Jobs that may wait.
    pub fn queue_max(&self) -> usize {
        self.queue_max
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    fn submit(&self, work: Work) -> Result<(), Overloaded> {
        self.figures.waiting.fetch_add(1, Ordering::Relaxed);
        let job = Job { work, waiting: Stopwatch::start() };
        self.queue.try_send(job).map_err(|_| {
            self.figures.waiting.fetch_sub(1, Ordering::Relaxed);
            self.figures.shed.fetch_add(1, Ordering::Relaxed);
            Overloaded
        })
    }
}

struct Worker {
    hasher: Hasher,
    policy: Policy,
    jobs: Arc<Mutex<Receiver<Job>>>,
    figures: Arc<PoolFigures>,
    wait_max: Duration,
    on_hashed: OnHashed,
}

impl Worker {
    fn run(self) {
        // On Linux the niceness is the thread's own: a verified request always goes first, and what
        // is left over is for hashing. That it cannot be lowered is no reason not to hash.
        let _ = rustix::process::nice(19);
        loop {
            let job = self.jobs.lock().recv();
            let Ok(job) = job else { return };
            self.figures.waiting.fetch_sub(1, Ordering::Relaxed);
            self.serve(job);
        }
    }

    fn serve(&self, job: Job) {
        let waited = job.waiting.elapsed();
        let late = waited > self.wait_max;
        let busy = Stopwatch::start();
        // The work is done also when the client has gone meanwhile, unless that is known before:
        // the answer's receiver is then dropped, and sending to it is no error of ours.
        match job.work {
            Work::Hash(_, answer) if late => drop(answer.send(Err(Overloaded))),
            Work::Verify(_, _, answer) if late => drop(answer.send(Err(Overloaded))),
            Work::Assess(_, _, answer) if late => drop(answer.send(Err(Overloaded))),
            Work::Hash(_, answer) if answer.is_closed() => return self.abandon(waited),
            Work::Verify(_, _, answer) if answer.is_closed() => return self.abandon(waited),
            Work::Assess(_, _, answer) if answer.is_closed() => return self.abandon(waited),
            Work::Assess(password, known, answer) => {
                let Known { email, first_name, last_name } = &known;
                let weakness =
                    self.policy.assess(password.expose_secret(), &Owner { email, first_name, last_name });
                // The client may have gone meanwhile.
                let _ = answer.send(Ok(weakness));
                // No hash: the figures are about hashes.
                return;
            }
            Work::Hash(password, answer) => {
                drop(answer.send(self.hasher.hash(&password).ok_or(Overloaded)));
            }
            Work::Verify(password, stored, answer) => {
                drop(answer.send(Ok(self.hasher.verify(&password, stored.as_deref()))));
            }
        }
        if late {
            self.figures.shed.fetch_add(1, Ordering::Relaxed);
        } else {
            self.figures.done.fetch_add(1, Ordering::Relaxed);
        }
        (self.on_hashed)(waited, (!late).then(|| busy.elapsed()));
    }

    fn abandon(&self, waited: Duration) {
        self.figures.abandoned.fetch_add(1, Ordering::Relaxed);
        (self.on_hashed)(waited, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(queue: usize, wait_max: Duration) -> HashPool {
        let (cost, imported) = (Cost::OWASP, Vec::new());
        let policy = Policy { guesses_log10_min: 4, breached: None };
        let settings = PoolSettings { cost, imported, policy, threads: 1, queue, wait_max };
        HashPool::start(settings, Arc::new(|_, _| ())).unwrap()
    }

    #[tokio::test]
    async fn a_storm_past_the_queue_is_shed_at_once_and_the_rest_is_served() {
        let pool = pool(4, Duration::from_secs(60));
        let jobs = (0..64).map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.hash(Password::from("Correct1".to_owned())).await })
        });
        let jobs: Vec<_> = jobs.collect();
        let (mut served, mut shed) = (0, 0);
        for job in jobs {
            match job.await.unwrap() {
                Ok(_) => served += 1,
                Err(Overloaded) => shed += 1,
            }
        }
        assert!(served >= 4 && shed >= 32, "{served} served, {shed} shed");
        assert_eq!(pool.figures().waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_job_that_waited_too_long_is_shed() {
        let pool = pool(4, Duration::ZERO);
        let answer = pool.hash(Password::from("Correct1".to_owned())).await;
        assert_eq!(answer, Err(Overloaded));
    }
}
