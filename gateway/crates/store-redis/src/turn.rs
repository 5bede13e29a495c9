//! What a thread asks within one turn of its loop goes out together: who asked what, and who gets which
//! answer. It knows nothing of Redis, and waits for nobody.

use std::collections::VecDeque;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use foldhash::{HashMap, HashMapExt as _};
use parking_lot::Mutex;

/// Questions of one batch: while it answers them, Redis does nothing else.
pub(super) const QUESTIONS_MAX: usize = 128;

/// Where questions are gathered: a desk for each thread, so that none waits for the lock of another.
pub(super) struct BatchQueues<Q, A>(Box<[Arc<BatchQueue<Q, A>>]>);

impl<Q: Copy + Eq + Hash, A: Clone> BatchQueues<Q, A> {
    pub(super) fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self((0..threads).map(|_| Arc::new(BatchQueue(Mutex::new(Gathered::new())))).collect())
    }

    /// Puts a question. With a `Turn` comes the duty to take a batch, and to have it answered.
    pub(super) fn ask(&self, question: Q) -> (Answer<A>, Option<Turn<Q, A>>) {
        thread_local!(static SEAT: usize = SEATS.fetch_add(1, Ordering::Relaxed));
        let seat = SEAT.with(|seat| seat % self.0.len().max(1));
        // There is one for each number below their count.
        self.0.get(seat).map_or_else(|| (Answer::none(), None), |queue| queue.ask(question))
    }
}

static SEATS: AtomicUsize = AtomicUsize::new(0);

struct BatchQueue<Q, A>(Mutex<Gathered<Q, A>>);

struct Gathered<Q, A> {
    /// As many as there are turns that have not taken theirs. The last one may still grow.
    batches: VecDeque<Batch<Q, A>>,
    /// Where each question of the last one stands: what is asked twice goes out once.
    places: HashMap<Q, usize>,
}

impl<Q, A> Gathered<Q, A> {
    fn new() -> Self {
        Self { batches: VecDeque::new(), places: HashMap::new() }
    }
}

impl<Q: Copy + Eq + Hash, A: Clone> BatchQueue<Q, A> {
    fn ask(self: &Arc<Self>, question: Q) -> (Answer<A>, Option<Turn<Q, A>>) {
        let mut gathered = self.0.lock();
        let Gathered { batches, places } = &mut *gathered;
        if let Some(batch) = batches.back_mut() {
            if let Some(place) = places.get(&question) {
                return (Answer::at(*place, &batch.answers), None);
            }
            if batch.questions.len() < QUESTIONS_MAX {
                places.insert(question, batch.questions.len());
                return (batch.put(question), None);
            }
        }
        let mut batch = Batch { questions: Vec::new(), answers: Arc::default(), said: Vec::new() };
        let answer = batch.put(question);
        places.clear();
        places.insert(question, 0);
        batches.push_back(batch);
        (answer, Some(Turn { queue: Some(Arc::clone(self)) }))
    }
}

/// The duty to take a batch of a desk; there is one for each. If it is dropped, that batch is, too.
pub(super) struct Turn<Q, A> {
    queue: Option<Arc<BatchQueue<Q, A>>>,
}

impl<Q, A> Turn<Q, A> {
    /// The oldest batch, which grows no more; `None` the second time.
    pub(super) fn take(&mut self) -> Option<Batch<Q, A>> {
        self.queue.take()?.0.lock().batches.pop_front()
    }
}

impl<Q, A> Drop for Turn<Q, A> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Questions that go out together. Whoever waits is told, also where it is dropped without answers.
pub(super) struct Batch<Q, A> {
    questions: Vec<Q>,
    answers: Arc<Answers<A>>,
    said: Vec<A>,
}

impl<Q, A> Batch<Q, A> {
    pub(super) fn questions(&self) -> &[Q] {
        &self.questions
    }

    /// One answer for each question, in their order.
    pub(super) fn answer(mut self, answers: Vec<A>) {
        self.said = answers;
    }

    fn put(&mut self, question: Q) -> Answer<A> {
        let place = self.questions.len();
        self.questions.push(question);
        Answer::at(place, &self.answers)
    }
}

impl<Q, A> Drop for Batch<Q, A> {
    fn drop(&mut self) {
        let mut answers = self.answers.0.lock();
        answers.said = Some(std::mem::take(&mut self.said));
        let waiting = std::mem::take(&mut answers.waiting);
        drop(answers);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// What the askers of one batch wait for.
struct Answers<A>(Mutex<Waiting<A>>);

struct Waiting<A> {
    /// What was answered, and nothing where the batch was dropped; `None` until then.
    said: Option<Vec<A>>,
    waiting: Vec<Waker>,
}

impl<A> Default for Answers<A> {
    fn default() -> Self {
        Self(Mutex::new(Waiting { said: None, waiting: Vec::new() }))
    }
}

/// The answer to one question, once it is there; `None` if it will not be. To drop it takes nothing from
/// those who asked the same.
pub(super) struct Answer<A> {
    answers: Arc<Answers<A>>,
    place: usize,
    /// Which of those who wait it is, once it was polled.
    seat: Option<usize>,
}

impl<A> Answer<A> {
    fn at(place: usize, answers: &Arc<Answers<A>>) -> Self {
        Self { answers: Arc::clone(answers), place, seat: None }
    }

    fn none() -> Self {
        let never = Answers(Mutex::new(Waiting { said: Some(Vec::new()), waiting: Vec::new() }));
        Self { answers: Arc::new(never), place: 0, seat: None }
    }
}

impl<A: Clone> Future for Answer<A> {
    type Output = Option<A>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<A>> {
        let this = self.get_mut();
        let mut answers = this.answers.0.lock();
        if let Some(said) = &answers.said {
            return Poll::Ready(said.get(this.place).cloned());
        }
        let seat = *this.seat.get_or_insert(answers.waiting.len());
        match answers.waiting.get_mut(seat) {
            Some(waker) => waker.clone_from(context.waker()),
            None => answers.waiting.push(context.waker().clone()),
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
