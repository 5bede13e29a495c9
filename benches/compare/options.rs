//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use super::levels::{Level, Who};

pub(crate) const USAGE: &str = "\
usage: ./dev bench compare [--quick] [--rounds N] [--only NAME,NAME] [--before FILE] [--store]
  --quick    three short rounds, within five minutes; nothing is stored
  --rounds   3 to 20 instead of 7
  --only     contestants or parts by name; the bare proxies always run; nothing is stored
  --before   a gateway that was built before, to stand beside this one
  --store    store what a short or partial run showed, too";

/// As few rounds as a run that is stored may have.
const ROUNDS: usize = 7;

/// A part of the run that has a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    Calls,
    Threads,
    Idle,
    Growth,
    Storm,
    Log,
}

/// How long, how often, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) slice: Duration,
    pub(crate) before: Option<PathBuf>,
    /// None named: all.
    who: Vec<Who>,
    levels: Vec<Level>,
    extras: Vec<Extra>,
    store: bool,
}

impl Extra {
    pub(crate) const ALL: [Self; 6] =
        [Self::Calls, Self::Threads, Self::Idle, Self::Growth, Self::Storm, Self::Log];

    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Threads => "threads",
            Self::Idle => "idle",
            Self::Growth => "growth",
            Self::Storm => "storm",
            Self::Log => "log",
        }
    }
}

impl Options {
    /// By default half an hour or less; at most five minutes with `--quick`.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut quick, mut store, mut rounds, mut before) = (false, false, None, None);
        let (mut who, mut levels, mut extras) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--quick" => quick = true,
                "--store" => store = true,
                "--before" => {
                    let named = arguments.next().filter(|name| !name.is_empty());
                    before = Some(PathBuf::from(named.ok_or("--before takes the file of a gateway")?));
                }
                "--rounds" => {
                    let given = arguments.next().and_then(|rounds| rounds.parse().ok());
                    let good = given.filter(|rounds| (3..=20).contains(rounds));
                    rounds = Some(good.ok_or("--rounds takes 3 to 20")?);
                }
                "--only" => {
                    let names = arguments.next().ok_or("--only takes names, with commas between them")?;
                    for name in names.split(',') {
                        let found = Who::ALL.into_iter().find(|who| who.key() == name).map(|it| who.push(it));
                        let found = found
                            .or_else(|| {
                                Level::ALL.into_iter().find(|one| one.key() == name).map(|it| levels.push(it))
                            })
                            .or_else(|| {
                                Extra::ALL.into_iter().find(|one| one.key() == name).map(|it| extras.push(it))
                            });
                        found.ok_or_else(|| {
                            format!("`{name}` is nothing that is measured; there are {}", known())
                        })?;
                    }
                }
                other => return Err(format!("there is no option `{other}`")),
            }
        }
        if who.contains(&Who::Before) && before.is_none() {
            return Err("`before` is a gateway that was built before: name its file with --before".to_owned());
        }
        let millis = Duration::from_millis;
        let (warm_up, slice) = if quick { (millis(60), millis(320)) } else { (millis(200), millis(1_100)) };
        let rounds = rounds.unwrap_or(if quick { 3 } else { ROUNDS });
        Ok(Self { quick, rounds, warm_up, slice, before, who, levels, extras, store })
    }

    pub(crate) fn wants(&self, who: Who) -> bool {
        match who {
            Who::Before if self.before.is_none() => false,
            _ => who.is_bare() || self.who.is_empty() || self.who.contains(&who),
        }
    }

    /// Parts that were named leave out those that were not.
    pub(crate) fn measures(&self, level: Level) -> bool {
        if self.levels.is_empty() { self.extras.is_empty() } else { self.levels.contains(&level) }
    }

    /// Naming contestants or levels leaves these out, too.
    pub(crate) fn includes(&self, extra: Extra) -> bool {
        let all = self.extras.is_empty() && self.levels.is_empty() && self.who.is_empty();
        all || self.extras.contains(&extra)
    }

    /// Only a whole run replaces what is stored, unless it is asked for.
    pub(crate) fn stores(&self) -> bool {
        let whole = self.who.is_empty() && self.levels.is_empty() && self.extras.is_empty();
        self.store || (whole && !self.quick && self.rounds >= ROUNDS)
    }
}

fn known() -> String {
    let names = Who::ALL.map(Who::key).into_iter().chain(Level::ALL.map(Level::key));
    names.chain(Extra::ALL.map(Extra::key)).collect::<Vec<_>>().join(", ")
}
