//! What must happen in Redis as one step, as Lua. Sent whole each time: writing is rare, and a
//! script that Redis forgot in a restart would cost a second round trip just then.

use redis::Cmd;

use super::keys::{EPOCH, Entry};

/// Writes the entries. No value is lowered and no life shortened: a publication that arrives
/// late, or a rebuild that read the ledger a moment ago, never takes back what is newer.
macro_rules! write_entries {
    () => {
        "for i = 2, #KEYS do
           local value, keep = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
           value = math.max(value, tonumber(redis.call('GET', KEYS[i]) or 0) or 0)
           keep = math.max(keep, redis.call('PTTL', KEYS[i]))
           redis.call('SET', KEYS[i], string.format('%.0f', value), 'PX', string.format('%.0f', keep))
         end "
    };
}

/// Only into the view of our store, and only if nothing acknowledged is missing there: a replica
/// that lags must not catch up with our count by new publications. Answers the new revision, or nil.
const PUBLISH: &str = concat!(
    "local store, floor = ARGV[1], tonumber(ARGV[2])
     local epoch = redis.call('GET', KEYS[1])
     if not epoch or string.sub(epoch, 1, #store) ~= store then return nil end
     local revision = tonumber(string.sub(epoch, #store + 1))
     if not revision or revision < floor then return nil end ",
    write_entries!(),
    "redis.call('SET', KEYS[1], store .. string.format('%.0f', revision + 1))
     return revision + 1"
);

/// Adds to a view that is being rebuilt, as long as the claim stands, and prolongs the claim.
const FILL: &str = concat!(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
     redis.call('PEXPIRE', KEYS[1], ARGV[2]) ",
    write_entries!(),
    "return 1"
);

/// Puts a claim (or, at the end, an epoch) in the place of exactly what was found there.
const EXCHANGE: &str = "
    if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
    if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
    else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
    return 1";

/// Removes keys, as long as the claim stands, and prolongs the claim.
const REMOVE: &str = "
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
    return 1";

pub(super) fn publish(store: &str, floor: u64, entries: &[Entry]) -> Cmd {
    with_entries(PUBLISH, store, floor, entries)
}

pub(super) fn fill(claim: &str, claim_millis: u64, entries: &[Entry]) -> Cmd {
    with_entries(FILL, claim, claim_millis, entries)
}

pub(super) fn exchange(found: &[u8], successor: &str, life_millis: u64) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(EXCHANGE).arg(1).arg(EPOCH);
    command.arg(found).arg(successor).arg(life_millis);
    command
}

pub(super) fn remove(claim: &str, claim_millis: u64, keys: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(REMOVE).arg(1 + keys.len()).arg(EPOCH).arg(keys);
    command.arg(claim).arg(claim_millis);
    command
}

fn with_entries(script: &str, first: &str, second: u64, entries: &[Entry]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(1 + entries.len()).arg(EPOCH);
    for entry in entries {
        command.arg(entry.key.as_bytes());
    }
    command.arg(first).arg(second);
    for entry in entries {
        let millis = u64::try_from(entry.keep.as_millis()).unwrap_or(u64::MAX);
        command.arg(entry.value).arg(millis);
    }
    command
}
