//! What the adapter counts. It names no metric: telemetry reads these and gives them names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gateway_identity::IssuerName;

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchResult {
    Ok,
    /// No connection, no trust in its certificate, or no answer in time.
    Unreachable,
    /// An answer with another status than 200.
    Status,
    /// An answer that is no use: too large, no JSON, another issuer's; or a set without a key that
    /// could be used, which is taken over all the same.
    Unusable,
}

impl FetchResult {
    pub const ALL: [Self; 4] = [Self::Ok, Self::Unreachable, Self::Status, Self::Unusable];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unreachable => "unreachable",
            Self::Status => "status",
            Self::Unusable => "unusable",
        }
    }
}

/// One issuer at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksReading {
    pub issuer: IssuerName,
    pub keys: usize,
    /// Since they were fetched; `None` if they never were.
    pub age: Option<Duration>,
    pub fetches: [(FetchResult, u64); 4],
}

#[derive(Default)]
pub(super) struct Figures([AtomicU64; 4]);

impl Figures {
    pub(super) fn count(&self, result: FetchResult) {
        let of_result = FetchResult::ALL.iter().zip(&self.0).filter(|(known, _)| **known == result);
        of_result.for_each(|(_, figure)| _ = figure.fetch_add(1, Ordering::Relaxed));
    }

    pub(super) fn read(&self) -> [(FetchResult, u64); 4] {
        let mut figures = self.0.iter().map(|figure| figure.load(Ordering::Relaxed));
        FetchResult::ALL.map(|result| (result, figures.next().unwrap_or_default()))
    }
}
