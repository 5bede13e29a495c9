//! The counts that are kept in the repository, and what is said of new ones beside them.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// By which a count may grow before somebody has to say that it is meant, in parts of a thousand.
const GROWTH_PERMILLE_MAX: u64 = 50;
/// Of a whole request: what other threads do meanwhile is counted as well, and is more where the machine is
/// busy.
const GROWTH_OF_WHOLE_PERMILLE_MAX: u64 = 100;
/// What names of whole requests begin with.
pub(crate) const WHOLE: &str = "whole request, ";

const HEAD: &str = "# Instructions for each call on the verify path, and for whole requests. Only `./dev bench baseline` writes this file.\n\n";

/// Instructions for one call, by scenario.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What counts depend on beside the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Cryptography and the C library pick their code by it. Valgrind emulates nothing newer than
    /// AVX2, so that all x86-64 processors that have it are the same here.
    pub(crate) machine: String,
    pub(crate) rustc: String,
    pub(crate) valgrind: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, rustc {}, valgrind {}", self.machine, self.rustc, self.valgrind)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    #[serde(flatten)]
    pub(crate) place: Place,
    pub(crate) instructions: Counts,
}

/// What is told, and whether it is bad.
pub(crate) struct Verdict {
    pub(crate) table: String,
    pub(crate) outcome: Result<(), String>,
}

impl Baseline {
    /// `None` where nothing was kept yet.
    pub(crate) fn read(file: impl AsRef<Path>) -> Result<Option<Self>, String> {
        let file = file.as_ref();
        if !file.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
        toml::from_str(&text)
            .map(Some)
            .map_err(|why| format!("{}: {why}\n`./dev bench baseline` writes it anew.", file.display()))
    }

    pub(crate) fn write(&self, file: impl AsRef<Path>) -> Result<(), String> {
        let file = file.as_ref();
        let text = toml::to_string(self).map_err(|why| format!("the baseline cannot be written: {why}"))?;
        std::fs::write(file, HEAD.to_owned() + &text).map_err(|why| format!("{}: {why}", file.display()))
    }

    /// Fails where a count has grown by more than is let pass, or has nothing to be held against.
    pub(crate) fn judge(&self, here: &Place, counted: &Counts) -> Verdict {
        let mut faults = Vec::new();
        for (name, new) in counted {
            match self.instructions.get(name) {
                None => faults.push(format!("`{name}` has no baseline")),
                Some(old) if new * 1_000 > old * (1_000 + growth_permille_max(name)) => {
                    faults.push(format!("`{name}` grew from {old} to {new} ({})", change(*old, *new)));
                }
                Some(_) => {}
            }
        }
        let gone = self.instructions.keys().filter(|name| !counted.contains_key(*name));
        faults.extend(gone.map(|name| format!("`{name}` is in the baseline, and is not counted any more")));
        let table = self.table(counted);
        if faults.is_empty() {
            return Verdict { table, outcome: Ok(()) };
        }
        let tools = if self.place == *here {
            String::new()
        } else {
            format!("\nThe baseline is of {}; this is {here}: that alone may be the reason.", self.place)
        };
        let why = format!(
            "instructions: {}.{tools}\nMake it cheaper. Where the price is meant, run `./dev bench baseline`, and commit benches/instructions.toml with the reason.",
            faults.join("; ")
        );
        Verdict { table, outcome: Err(why) }
    }

    /// For who writes it anew: each old count and each new one.
    pub(crate) fn changes_since(&self, old: Option<&Self>) -> String {
        let none = Self { place: self.place.clone(), instructions: Counts::new() };
        let old = old.unwrap_or(&none);
        let moved = if old.place == self.place {
            String::new()
        } else {
            format!("{} → {}\n", old.place, self.place)
        };
        moved + &old.table(&self.instructions)
    }

    fn table(&self, counted: &Counts) -> String {
        let mut table = String::from("instructions for each call (baseline → now):");
        for (name, new) in counted {
            let line = match self.instructions.get(name) {
                Some(old) => format!("{old:>9} → {new:>9}  {:>7}  {name}", change(*old, *new)),
                None => format!("{:>9} → {new:>9}  {:>7}  {name}", "-", "new"),
            };
            write!(table, "\n{line}").ok();
        }
        table
    }
}

fn growth_permille_max(name: &str) -> u64 {
    if name.starts_with(WHOLE) { GROWTH_OF_WHOLE_PERMILLE_MAX } else { GROWTH_PERMILLE_MAX }
}

fn change(old: u64, new: u64) -> String {
    let permille = (i128::from(new) - i128::from(old)) * 1_000 / i128::from(old.max(1));
    let sign = if permille < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", permille.unsigned_abs() / 10, permille.unsigned_abs() % 10)
}
