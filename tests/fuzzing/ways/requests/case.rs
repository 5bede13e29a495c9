//! What one client sends on one connection: some requests at once, of which some are odd, in pieces.

use super::oddities::{Oddity, all};
use super::parts::Parts;
use crate::fuzzing::dice::Dice;

/// No more than is written, and read, in one go.
const ONE_PIECE_BYTES_MAX: usize = 16_000;

pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) bytes: Vec<u8>,
    /// Where it is cut: rising, none of them at an end.
    pub(super) cuts: Vec<usize>,
    pub(super) oddities: Vec<&'static Oddity>,
    /// What the requests are where none is odd: method, target and content.
    pub(super) meant: Vec<(String, String, Vec<u8>)>,
    /// Whether one of them asks for another protocol: what comes early behind it may be meant for that.
    pub(super) asks_for_upgrade: bool,
}

impl Case {
    /// Some are good, most have something odd.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = dice.one_of(&[0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 3]);
        let oddities: Vec<_> = (0..count).map(|_| all().nth(dice.below(all().count())).unwrap()).collect();
        Self::with(seed, oddities, &mut dice)
    }

    /// With this that is odd, and nothing else.
    pub(super) fn odd(oddity: &'static Oddity, seed: u64) -> Self {
        Self::with(seed, vec![oddity], &mut Dice::new(seed))
    }

    fn with(seed: u64, oddities: Vec<&'static Oddity>, dice: &mut Dice) -> Self {
        let count = dice.one_of(&[1, 1, 1, 2, 2, 3]);
        let good = |number: usize, dice: &mut Dice| Parts::good(&format!("/case/{seed}/{number}"), dice);
        let mut requests: Vec<_> = (0..count).map(|number| good(number, dice)).collect();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let meant = requests.iter().map(|one| (text(&one.method), text(&one.target), one.content.clone()));
        let meant = if oddities.is_empty() { meant.collect() } else { Vec::new() };
        for oddity in &oddities {
            let at = dice.below(count);
            (oddity.change)(&mut requests[at], dice);
        }
        let asks_for_upgrade = requests.iter().any(Parts::asks_for_upgrade);
        let bytes: Vec<u8> = requests.iter().flat_map(Parts::bytes).collect();
        let cuts = cuts(bytes.len(), dice);
        Self { seed, bytes, cuts, oddities, meant, asks_for_upgrade }
    }

    /// Whether whoever reads it has all of it at once.
    pub(super) fn is_one_piece(&self) -> bool {
        self.cuts.is_empty() && self.bytes.len() <= ONE_PIECE_BYTES_MAX
    }

    /// The pieces, in their order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut begin = 0;
        ends.map(move |end| &self.bytes[std::mem::replace(&mut begin, end)..end])
    }
}

fn cuts(length: usize, dice: &mut Dice) -> Vec<usize> {
    let mut cuts: Vec<usize> = match dice.below(10) {
        0..5 => Vec::new(),
        5 if length < 300 => (1..length).collect(),
        _ => (0..dice.between(1, 5)).map(|_| dice.below(length)).collect(),
    };
    cuts.sort_unstable();
    cuts.dedup();
    cuts.retain(|cut| *cut > 0);
    cuts
}
