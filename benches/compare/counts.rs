//! Calls of the system by name, as `strace -c` counts them, and what is told of them.

use std::collections::BTreeMap;

/// By name.
pub(crate) type Counts = BTreeMap<String, u64>;

const READS: [&str; 5] = ["read", "readv", "recvfrom", "recvmsg", "pread64"];
const WRITES: [&str; 5] = ["write", "writev", "sendto", "sendmsg", "pwrite64"];
/// What is rarer is not named.
const SHOWN_MIN: f64 = 0.01;

/// Calls for one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Calls(BTreeMap<String, f64>);

/// The columns `calls,name` of its table.
pub(crate) fn read(table: &str) -> Counts {
    let row = |line: &str| {
        let (calls, name) = line.trim().split_once(char::is_whitespace)?;
        let name = name.trim();
        (name != "total").then_some((name.to_owned(), calls.parse().ok()?))
    };
    table.lines().filter_map(row).collect()
}

/// Reads that take nothing, in what strace says of each call. One that was interrupted by another thread's
/// has a second line, which names no flag.
pub(crate) fn peeks(said: &str) -> u64 {
    said.lines().filter(|line| line.contains("MSG_PEEK")).count() as u64
}

impl Calls {
    /// Of two tables, one of so many requests more than the other: what happens once for each connection,
    /// or at a start, is the same in both.
    pub(crate) fn between(fewer: &Counts, more: &Counts, requests: u64) -> Self {
        let each = more.iter().map(|(name, calls)| {
            let before = fewer.get(name).copied().unwrap_or_default();
            (name.clone(), calls.saturating_sub(before) as f64 / requests as f64)
        });
        Self(each.collect())
    }

    pub(crate) fn reads(&self) -> f64 {
        self.sum(&READS)
    }

    pub(crate) fn writes(&self) -> f64 {
        self.sum(&WRITES)
    }

    fn sum(&self, names: &[&str]) -> f64 {
        names.iter().filter_map(|name| self.0.get(*name)).sum()
    }

    pub(crate) fn all(&self) -> f64 {
        self.0.values().sum()
    }

    /// All that are worth it, the most frequent first.
    pub(crate) fn list(&self) -> String {
        let mut shown: Vec<_> = self.0.iter().filter(|(_, calls)| **calls >= SHOWN_MIN).collect();
        shown.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        shown.iter().map(|(name, calls)| format!("{calls:.2} {name}")).collect::<Vec<_>>().join(", ")
    }
}
