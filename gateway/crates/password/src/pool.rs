//! Hashing off the request threads: a bounded pool of its own, at lower priority, with a bounded
//! queue that is fair by client network, and a deadline. A storm of logins is shed here: it slows no
//! verified request, and takes nobody else's turn.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use secrecy::ExposeSecret as _;
use thiserror::Error;
use tokio::sync::oneshot;

use super::Password;
use super::hash::{Cost, CostFault, Hasher, Verdict};
use super::imported::Method;
use super::policy::{Owner, Policy, Weakness, breaks_a_rule};
use super::queue::FairQueue;
use gateway_clock::Stopwatch;
use gateway_identity::{Network, Width};

/// How much hashing may go on.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    pub cost: Cost,
    /// Of hashes that came from elsewhere.
    pub imported: Vec<Method>,
    /// Which passwords may be chosen.
    pub policy: Policy,
    pub threads: usize,
    /// Jobs that may wait; for one more, the newest of the network that has most is shed.
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
    pub done: AtomicU64,
    pub shed: AtomicU64,
    /// Jobs that nobody waited for any more when their turn came.
    pub abandoned: AtomicU64,
}

/// Told of each job whose turn came: how long it waited, and how long it took unless
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

impl Job {
    /// Its client is told to come back later.
    fn shed(self) {
        // The client may have gone.
        match self.work {
            Work::Hash(_, answer) => drop(answer.send(Err(Overloaded))),
            Work::Verify(_, _, answer) => drop(answer.send(Err(Overloaded))),
            Work::Assess(_, _, answer) => drop(answer.send(Err(Overloaded))),
        }
    }

    fn is_abandoned(&self) -> bool {
        match &self.work {
            Work::Hash(_, answer) => answer.is_closed(),
            Work::Verify(_, _, answer) => answer.is_closed(),
            Work::Assess(_, _, answer) => answer.is_closed(),
        }
    }
}

/// What waits. A client has a turn by the widest network that it is in: who has many addresses of IPv6
/// must not have as many turns.
struct Jobs {
    /// `None` once nobody can put one in any more.
    waiting: Mutex<Option<FairQueue<Network, Job>>>,
    more: Condvar,
}

impl Jobs {
    /// Answers with the job that is shed for this one.
    fn put(&self, from: IpAddr, job: Job) -> Option<Job> {
        let shed = match &mut *self.waiting.lock() {
            Some(waiting) => waiting.put(Network::from_address(from, Width::Site), job),
            None => Some(job),
        };
        self.more.notify_one();
        shed
    }

    /// Waits for the next one; `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(job) = waiting.as_mut()?.take() {
                return Some(job);
            }
            self.more.wait(&mut waiting);
        }
    }

    fn len(&self) -> usize {
        self.waiting.lock().as_ref().map_or(0, FairQueue::len)
    }
}

/// Ends the pool when the last handle is dropped.
struct Ends(Arc<Jobs>);

impl Drop for Ends {
    fn drop(&mut self) {
        *self.0.waiting.lock() = None;
        self.0.more.notify_all();
    }
}

/// A handle on the pool; its threads end when the last handle is dropped.
#[derive(Clone)]
pub struct HashPool {
    jobs: Arc<Ends>,
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
        let waiting = Mutex::new(Some(FairQueue::new(settings.queue)));
        let jobs = Arc::new(Jobs { waiting, more: Condvar::new() });
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
        let jobs = Arc::new(Ends(jobs));
        Ok(Self { jobs, queue_max: settings.queue, threads, figures, methods })
    }

    /// The PHC string of a password. `from` is who asks for it.
    pub async fn hash(&self, from: IpAddr, password: Password) -> Result<String, Overloaded> {
        let (answer, result) = oneshot::channel();
        self.submit(from, Work::Hash(password, answer));
        result.await.unwrap_or(Err(Overloaded))
    }

    /// Compares with a stored PHC string; with `None` it costs the same time and says `Wrong`.
    pub async fn verify(
        &self,
        from: IpAddr,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verdict, Overloaded> {
        let (answer, result) = oneshot::channel();
        self.submit(from, Work::Verify(password, stored, answer));
        result.await.unwrap_or(Err(Overloaded))
    }

    /// What is wrong with a password that somebody chooses. What the contract's rules say is said at
    /// once; what takes time, or reads a file, is done by the pool.
    pub async fn assess(
        &self,
        from: IpAddr,
        password: &str,
        owner: &Owner<'_>,
    ) -> Result<Option<Weakness>, Overloaded> {
        if let Some(weakness) = breaks_a_rule(password) {
            return Ok(Some(weakness));
        }
        let known = Known {
            email: owner.email.to_owned(),
            first_name: owner.first_name.to_owned(),
            last_name: owner.last_name.to_owned(),
        };
        let (answer, result) = oneshot::channel();
        self.submit(from, Work::Assess(Password::from(password.to_owned()), known, answer));
        result.await.unwrap_or(Err(Overloaded))
    }

    pub fn figures(&self) -> &PoolFigures {
        &self.figures
    }

    /// Jobs that wait.
    pub fn waiting(&self) -> usize {
        self.jobs.0.len()
    }

    /// Jobs that may wait.
    pub fn queue_max(&self) -> usize {
        self.queue_max
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    fn submit(&self, from: IpAddr, work: Work) {
        if let Some(shed) = self.jobs.0.put(from, Job { work, waiting: Stopwatch::start() }) {
            self.figures.shed.fetch_add(1, Ordering::Relaxed);
            shed.shed();
        }
    }
}

struct Worker {
    hasher: Hasher,
    policy: Policy,
    jobs: Arc<Jobs>,
    figures: Arc<PoolFigures>,
    wait_max: Duration,
    on_hashed: OnHashed,
}

impl Worker {
    fn run(self) {
        // On Linux the niceness is the thread's own: a verified request always goes first, and what
        // is left over is for hashing. That it cannot be lowered is no reason not to hash.
        rustix::process::nice(19).ok();
        while let Some(job) = self.jobs.next() {
            self.serve(job);
        }
    }

    fn serve(&self, job: Job) {
        let waited = job.waiting.elapsed();
        if waited > self.wait_max {
            self.figures.shed.fetch_add(1, Ordering::Relaxed);
            job.shed();
            return (self.on_hashed)(waited, None);
        }
        if job.is_abandoned() {
            self.figures.abandoned.fetch_add(1, Ordering::Relaxed);
            return (self.on_hashed)(waited, None);
        }
        let busy = Stopwatch::start();
        // The work is done also when the client has gone meanwhile: the answer's receiver is then
        // dropped, and sending to it is no error of ours.
        match job.work {
            Work::Assess(password, known, answer) => {
                let Known { email, first_name, last_name } = &known;
                let weakness =
                    self.policy.assess(password.expose_secret(), &Owner { email, first_name, last_name });
                // The client may have gone meanwhile.
                answer.send(Ok(weakness)).ok();
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
        self.figures.done.fetch_add(1, Ordering::Relaxed);
        (self.on_hashed)(waited, Some(busy.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

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
            tokio::spawn(async move { pool.hash(HERE, Password::from("Correct1".to_owned())).await })
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
        assert_eq!(pool.waiting(), 0);
    }

    #[tokio::test]
    async fn a_job_that_waited_too_long_is_shed() {
        let pool = pool(4, Duration::ZERO);
        let answer = pool.hash(HERE, Password::from("Correct1".to_owned())).await;
        assert_eq!(answer, Err(Overloaded));
    }
}
