//! Fuzzing: bytes of a corpus, changed at random, and a law that holds of them whatever they have become.
//! Each target is a `fuzz.rs` beside what it tries, and `./dev fuzz` runs it for as long as one likes.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestError, TestRunner};

use gateway_clock::Stopwatch;

/// Of one target, where nobody asks for more by `FUZZ_SECONDS`.
const TARGET_TIME: Duration = Duration::from_millis(1_500);
/// Between two looks at the clock.
const CASES: u32 = 64;
const BYTES_MAX: usize = 16 * 1_024;

/// Whether the bytes were taken for what they are to be, or why the law does not hold.
pub type Held = Result<bool, TestCaseError>;

/// Meaningful inputs of one target.
pub struct Corpus {
    name: &'static str,
    seeds: Vec<(String, Vec<u8>)>,
}

impl Corpus {
    pub fn new(name: &'static str) -> Self {
        Self { name, seeds: Vec::new() }.with(&format!("tests/fuzzing/corpus/{name}"))
    }

    /// Those that are there for another purpose, too.
    pub fn with(mut self, folder: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(folder);
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.is_file()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            self.seeds.push((name, std::fs::read(&file).unwrap()));
        }
        self.seeds.sort();
        self
    }

    /// The law is held against each of the corpus as it is, and against what becomes of it, until the time
    /// is over. Of a failure the shortest way there from the corpus is shown.
    pub fn hold(&self, law: impl Fn(&[u8]) -> Held) {
        let mut taken = 0;
        for (name, seed) in &self.seeds {
            let held = law(seed);
            taken +=
                usize::from(held.unwrap_or_else(|why| panic!("{} of the corpus, {name}: {why}", self.name)));
        }
        assert!(
            (1..self.seeds.len()).contains(&taken),
            "{}: a corpus has what is taken, and what is not",
            self.name
        );
        let (begun, bytes) = (Stopwatch::start(), self.bytes());
        let (cases, taken) = (Cell::new(0_u64), Cell::new(0_u64));
        while cases.get() == 0 || begun.elapsed() < time() {
            let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
            let held = TestRunner::new(config).run(&bytes, |bytes| {
                cases.set(cases.get() + 1);
                law(&bytes).map(|is_taken| taken.set(taken.get() + u64::from(is_taken)))
            });
            match held {
                Ok(()) => {}
                Err(TestError::Fail(why, bytes)) => panic!(
                    "{name}: {why}\nof these bytes: {}\nwhich, once this is mended, belong into tests/fuzzing/corpus/{name}",
                    bytes.escape_ascii(),
                    name = self.name
                ),
                Err(TestError::Abort(why)) => panic!("{}: {why}", self.name),
            }
        }
        println!("{}: {} cases, of which {} were taken", self.name, cases.get(), taken.get());
    }

    /// Mostly what is nearly good, since a reader is done with anything else at its first byte.
    fn bytes(&self) -> impl Strategy<Value = Vec<u8>> {
        let seeds: Vec<Vec<u8>> = self.seeds.iter().map(|(_, seed)| seed.clone()).collect();
        let parts = |unit: Unit| seeds.iter().flat_map(|seed| unit.parts(seed)).collect::<Vec<_>>();
        let put = prop_oneof![
            2 => Just(Put::Text(Vec::new())),
            2 => vec(select(b" \t\r\n\0\x1b\x7f\x80\xc0\xff.,:;=/\\%\"'#?&+-[]{}()".to_vec()), 1..3).prop_map(Put::Text),
            1 => vec(any::<u8>(), 1..4).prop_map(Put::Text),
            3 => select(parts(Unit::Word)).prop_map(Put::Text),
            2 => select(parts(Unit::Line)).prop_map(Put::Text),
            1 => (2..40_usize).prop_map(Put::Again),
        ];
        let unit = prop_oneof![2 => Just(Unit::Byte), 3 => Just(Unit::Word), 1 => Just(Unit::Line)];
        let change = (unit, any::<Index>(), 0..4_usize, put);
        let change = change.prop_map(|(unit, at, count, put)| Change { unit, at, count, put });
        // One oddity among what is good is found; of many, a reader sees the first.
        let changes = prop_oneof![3 => vec(change.clone(), 0..3), 1 => vec(change, 0..8)];
        let changed = (select(seeds), changes);
        prop_oneof![
            31 => changed.prop_map(|(seed, changes)| changes.iter().fold(seed, Change::apply)),
            1 => vec(any::<u8>(), 0..64),
        ]
    }
}

/// `FUZZ_SECONDS`, or a moment.
fn time() -> Duration {
    let asked = std::env::var("FUZZ_SECONDS").ok();
    asked.map_or(TARGET_TIME, |seconds| {
        Duration::from_secs(seconds.parse().expect("FUZZ_SECONDS is a number"))
    })
}

/// So many parts, from one of them on, become something else.
#[derive(Clone, Debug)]
struct Change {
    unit: Unit,
    at: Index,
    count: usize,
    put: Put,
}

#[derive(Clone, Debug)]
enum Put {
    Text(Vec<u8>),
    /// What was there, so many times.
    Again(usize),
}

impl Change {
    fn apply(mut bytes: Vec<u8>, change: &Self) -> Vec<u8> {
        let starts = change.unit.starts(&bytes);
        let first = change.at.index(starts.len());
        let last = (first + change.count).min(starts.len() - 1);
        let place = starts[first]..starts[last];
        let put = match &change.put {
            Put::Text(text) => text.clone(),
            Put::Again(times) => bytes[place.clone()].repeat(*times),
        };
        bytes.splice(place, put);
        bytes.truncate(BYTES_MAX);
        bytes
    }
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Byte,
    /// Letters and digits that stand together, or what stands between them.
    Word,
    Line,
}

impl Unit {
    /// Where each part begins, and where the last one ends.
    fn starts(self, bytes: &[u8]) -> Vec<usize> {
        let begins = |at: &usize| match (self, at.checked_sub(1).map(|before| bytes[before]), bytes.get(*at))
        {
            (_, None, _) | (_, _, None) | (Self::Byte, ..) => true,
            (Self::Word, Some(before), Some(byte)) => {
                before.is_ascii_alphanumeric() != byte.is_ascii_alphanumeric()
            }
            (Self::Line, Some(before), _) => before == b'\n',
        };
        (0..=bytes.len()).filter(begins).collect()
    }

    fn parts(self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.starts(bytes).windows(2).map(|part| bytes[part[0]..part[1]].to_vec()).collect()
    }
}
