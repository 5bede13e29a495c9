//! Whether this Redis may throw keys away to make room, and whether it did: no epoch shows either.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue};
use tracing::{error, info, warn};

use super::connection::{Refused, try_ask};
use super::settings::OnEviction;
use super::view::View;
use gateway_clock::Stopwatch;
use gateway_store::Unreachable;

/// How often it is asked, and how often where it does not tell all: each refusal stands in its list of
/// them.
const EVERY: Duration = Duration::from_secs(1);
const EVERY_REFUSED: Duration = Duration::from_secs(10);

/// What Redis says it does when its memory is full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Policy {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// `noeviction`: it refuses writes.
    Keeps,
    /// It evicts. Those of `volatile-*` evict what expires, as revocations do.
    Evicts(String),
    Untold,
}

/// What is known of it, over all connections.
#[derive(Default)]
pub(super) struct Eviction {
    policy: Policy,
    /// Keys that it had evicted, when it last said so.
    evicted: Option<u64>,
    /// Whether that number is another since the view was written.
    lost: bool,
    /// Since it was last asked on this connection, and until it is to be asked again.
    looked: Option<(Stopwatch, Duration)>,
}

impl Eviction {
    /// It may be another server, or have been told to do otherwise.
    pub(super) fn forget_when_looked(&mut self) {
        self.looked = None;
    }

    /// Asks, where it is time to.
    pub(super) async fn look(
        &mut self,
        view: &View,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), Unreachable> {
        if self.looked.as_ref().is_some_and(|(since, pause)| since.elapsed() < *pause) {
            return Ok(());
        }
        let told = Told::by(view, connection).await?;
        let pause = if told.all { EVERY } else { EVERY_REFUSED };
        self.looked = Some((Stopwatch::start(), pause));
        let policy = match told.policy {
            Some(policy) if policy == "noeviction" => Policy::Keeps,
            Some(policy) => Policy::Evicts(policy),
            None => match &self.policy {
                // That nobody may ask any more makes it no better.
                Policy::Evicts(policy) => Policy::Evicts(policy.clone()),
                _ => Policy::Untold,
            },
        };
        let before = std::mem::replace(&mut self.policy, policy);
        if before != self.policy {
            if (&before, &self.policy) != (&Policy::Unknown, &Policy::Keeps) {
                self.say(view, told.evicted.is_some());
            }
            // It was not asked meanwhile, or does not count.
            self.lost |= matches!(before, Policy::Evicts(_));
        }
        // Fewer than before are another server, or a count that was set back: nobody knows then.
        self.lost |= told.evicted.is_some() && self.evicted.is_some() && told.evicted != self.evicted;
        self.evicted = told.evicted.or(self.evicted);
        Ok(())
    }

    /// Why this Redis is not asked, if it is not.
    pub(super) fn refusal(&self, view: &View) -> Option<Unreachable> {
        match &self.policy {
            Policy::Evicts(policy) if view.on_eviction == OnEviction::Refuse => Some(Unreachable(format!(
                "Redis may evict revocations (maxmemory-policy {policy}): set its maxmemory-policy to \
                 noeviction, or redis.eviction = \"tolerate\""
            ))),
            _ => None,
        }
    }

    /// Whether keys were evicted since the view was written.
    pub(super) fn has_lost(&self) -> bool {
        self.lost
    }

    /// The view was written anew. What was evicted meanwhile shows at the next look, as it does later.
    pub(super) fn made_up_for(&mut self) {
        self.lost = false;
    }

    fn say(&self, view: &View, counts: bool) {
        let address = &view.target.address;
        match (&self.policy, view.on_eviction) {
            (Policy::Unknown | Policy::Keeps, _) => {
                info!(address, "Redis keeps what it is given (maxmemory-policy noeviction)");
            }
            (Policy::Evicts(policy), OnEviction::Refuse) => error!(
                policy,
                address,
                "Redis may evict revocations, and revoked tokens would be accepted again: it is not asked \
                 until its maxmemory-policy is noeviction, or redis.eviction = \"tolerate\""
            ),
            (Policy::Evicts(policy), OnEviction::Tolerate) if counts => warn!(
                policy,
                address,
                "Redis may evict revocations, as redis.eviction = \"tolerate\" allows: what others revoked \
                 may be accepted until the eviction is seen, within a second"
            ),
            (Policy::Evicts(policy), OnEviction::Tolerate) => warn!(
                policy,
                address,
                "Redis may evict revocations, as redis.eviction = \"tolerate\" allows, and nobody sees when: \
                 allow INFO to the user in its URL"
            ),
            (Policy::Untold, _) => warn!(
                address,
                "the maxmemory-policy of Redis cannot be read: if it evicts revocations, nobody sees it. \
                 Allow INFO or CONFIG GET to the user in its URL, and see to it that it is noeviction"
            ),
        }
    }
}

/// What Redis said when it was asked.
struct Told {
    policy: Option<String>,
    evicted: Option<u64>,
    /// Whether nothing of it was refused.
    all: bool,
}

impl Told {
    /// By `INFO`, which managed services allow, or by `CONFIG GET`.
    async fn by(view: &View, connection: &mut MultiplexedConnection) -> Result<Self, Unreachable> {
        let mut command = redis::cmd("INFO");
        let stats: Option<String> = ask_if_allowed(view, connection, command.arg("stats")).await?;
        let evicted = stats.as_deref().and_then(|stats| field(stats, "evicted_keys")?.parse().ok());
        if stats.is_some() {
            let mut command = redis::cmd("INFO");
            let memory: Option<String> = ask_if_allowed(view, connection, command.arg("memory")).await?;
            let policy = memory.as_deref().and_then(|memory| field(memory, "maxmemory_policy"));
            if let Some(policy) = policy {
                return Ok(Self { policy: Some(policy.to_owned()), evicted, all: evicted.is_some() });
            }
        }
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg("maxmemory-policy");
        let answer: Option<Vec<String>> = ask_if_allowed(view, connection, &command).await?;
        let policy = answer.and_then(|answer| answer.into_iter().nth(1));
        Ok(Self { all: policy.is_some() && evicted.is_some(), policy, evicted })
    }
}

/// `None` where this user may not ask it, or this server does not know it.
async fn ask_if_allowed<T: FromRedisValue>(
    view: &View,
    connection: &mut MultiplexedConnection,
    command: &Cmd,
) -> Result<Option<T>, Unreachable> {
    match try_ask(connection, &view.target, view.silence, command).await? {
        Ok(answer) => Ok(Some(answer)),
        Err(Refused { code, .. }) if ["NOPERM", "ERR"].contains(&code.as_str()) => Ok(None),
        Err(Refused { reason, .. }) => Err(reason),
    }
}

/// A line of `INFO`.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_info_is_found_by_its_whole_name() {
        let info = "# Stats\r\nevicted_keys_before:9\r\nevicted_keys:7\r\nmaxmemory_policy:allkeys-lru\r\n";
        assert_eq!(field(info, "evicted_keys"), Some("7"));
        assert_eq!(field(info, "maxmemory_policy"), Some("allkeys-lru"));
        assert_eq!(field(info, "keys"), None);
    }
}
