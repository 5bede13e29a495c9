//! The properties of turns, by whatever happens to those who ask and those who answer.

use std::task::Waker;

use proptest::prelude::*;

use super::*;

/// What is answered: to which question, by which batch.
type Said = (u8, usize);

fn queue() -> Arc<BatchQueue<u8, Said>> {
    Arc::new(BatchQueue(Mutex::new(Gathered::new())))
}

fn look(answer: &mut Answer<Said>) -> Poll<Option<Said>> {
    Pin::new(answer).poll(&mut Context::from_waker(Waker::noop()))
}

/// What may happen, in any order. Numbers choose among those that are there.
#[derive(Clone, Debug)]
enum Act {
    Ask(u8),
    Look(usize),
    Leave(usize),
    Take(usize),
    GiveUp(usize),
    Answer(usize),
    Lose(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let any = 0_usize..64;
    prop_oneof![
        4 => (0_u8..6).prop_map(Act::Ask),
        2 => any.clone().prop_map(Act::Look),
        1 => any.clone().prop_map(Act::Leave),
        2 => any.clone().prop_map(Act::Take),
        1 => any.clone().prop_map(Act::GiveUp),
        2 => any.clone().prop_map(Act::Answer),
        1 => any.prop_map(Act::Lose),
    ]
}

/// One of them, if there is any.
fn one_of<T>(from: &mut Vec<T>, number: usize) -> Option<T> {
    (!from.is_empty()).then(|| from.remove(number % from.len()))
}

/// A desk, its askers with their questions and when they asked, and what was taken from it.
struct World {
    queue: Arc<BatchQueue<u8, Said>>,
    asking: Vec<(Answer<Said>, u8, usize)>,
    turns: Vec<Turn<u8, Said>>,
    taken: Vec<(Batch<u8, Said>, usize)>,
    now: usize,
}

impl World {
    fn act(&mut self, act: &Act) {
        self.now += 1;
        match *act {
            Act::Ask(question) => {
                let (answer, turn) = self.queue.ask(question);
                self.turns.extend(turn);
                self.asking.push((answer, question, self.now));
            }
            Act::Look(number) => self.look(number),
            Act::Leave(number) => drop(one_of(&mut self.asking, number)),
            Act::Take(number) => {
                let batch = one_of(&mut self.turns, number).and_then(|mut turn| turn.take());
                self.taken.extend(batch.map(|batch| (batch, self.now)));
            }
            Act::GiveUp(number) => drop(one_of(&mut self.turns, number)),
            Act::Answer(number) => {
                let Some((batch, when)) = one_of(&mut self.taken, number) else { return };
                let said = batch.questions().iter().map(|question| (*question, when)).collect();
                batch.answer(said);
            }
            Act::Lose(number) => drop(one_of(&mut self.taken, number)),
        }
    }

    fn look(&mut self, number: usize) {
        let Some((mut answer, question, when)) = one_of(&mut self.asking, number) else { return };
        match look(&mut answer) {
            Poll::Pending => self.asking.push((answer, question, when)),
            Poll::Ready(None) => {}
            Poll::Ready(Some((answered, taken))) => {
                assert_eq!(answered, question, "the answer belongs to its question");
                assert!(taken > when, "what was asked later goes out later");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_asker_has_the_answer_to_its_question_or_none(
        acts in prop::collection::vec(act(), 0..200)
    ) {
        let mut world = World { queue: queue(), asking: vec![], turns: vec![], taken: vec![], now: 0 };
        acts.iter().for_each(|act| world.act(act));
        // At the end nobody is left waiting.
        world.turns.clear();
        world.taken.clear();
        for (answer, ..) in &mut world.asking {
            prop_assert!(look(answer).is_ready());
        }
        prop_assert!(world.queue.0.lock().batches.is_empty());
    }
}

#[test]
fn the_same_question_goes_out_once() {
    let queue = queue();
    let (mut one, turn) = queue.ask(7);
    let (mut other, none) = queue.ask(7);
    assert!(none.is_none());
    let batch = turn.unwrap().take().unwrap();
    assert_eq!(batch.questions(), [7]);
    assert!(look(&mut one).is_pending() && look(&mut other).is_pending());
    batch.answer(vec![(7, 1)]);
    assert_eq!((look(&mut one), look(&mut other)), (Poll::Ready(Some((7, 1))), Poll::Ready(Some((7, 1)))));
}

#[test]
fn a_full_batch_is_followed_by_another() {
    let queue = Arc::new(BatchQueue(Mutex::new(Gathered::<usize, ()>::new())));
    let turns: Vec<_> = (0..=QUESTIONS_MAX).filter_map(|question| queue.ask(question).1).collect();
    let batches: Vec<_> = turns.into_iter().filter_map(|mut turn| turn.take()).collect();
    let lengths: Vec<_> = batches.iter().map(|batch| batch.questions().len()).collect();
    assert_eq!(lengths, [QUESTIONS_MAX, 1]);
}
