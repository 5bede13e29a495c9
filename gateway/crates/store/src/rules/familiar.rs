//! From where an account is used: few networks, the last ones.

use std::time::Duration;

use crate::KnownNetwork;
use gateway_clock::Timestamp;
use gateway_identity::Network;

/// Networks of one account; of more, the one that was used longest ago is forgotten. Nobody but who gets
/// into an account adds to them, and so nobody else can push one out.
const NETWORKS_MAX: usize = 32;

/// One that was not used for so long is somebody else's by now.
const FAMILIAR_FOR: Duration = Duration::from_secs(90 * 86_400);

pub fn is_familiar(known: &[KnownNetwork], network: Network, now: Timestamp) -> bool {
    known.iter().any(|one| one.network == network && is_recent(one, now))
}

/// The account was used from there.
pub(super) fn used(mut known: Vec<KnownNetwork>, network: Network, now: Timestamp) -> Vec<KnownNetwork> {
    known.retain(|one| is_recent(one, now));
    add(&mut known, KnownNetwork { network, last_used_at: now });
    known
}

/// The users of these networks may not have been its owner.
pub(super) fn but(mut known: Vec<KnownNetwork>, stays: Option<Network>) -> Vec<KnownNetwork> {
    known.retain(|one| stays == Some(one.network));
    known
}

/// The one that was used last comes first.
pub fn add(known: &mut Vec<KnownNetwork>, used: KnownNetwork) {
    let before = known.iter().position(|one| one.network == used.network);
    let before = before.map(|place| known.remove(place).last_used_at);
    let last_used_at = used.last_used_at.max(before.unwrap_or_default());
    known.push(KnownNetwork { last_used_at, ..used });
    known.sort_by_key(|one| std::cmp::Reverse(one.last_used_at));
    known.truncate(NETWORKS_MAX);
}

/// A clock that was set back makes nobody a stranger.
fn is_recent(one: &KnownNetwork, now: Timestamp) -> bool {
    now.since(one.last_used_at) < FAMILIAR_FOR
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn familiar(address: &str, seconds: u64) -> KnownNetwork {
        let network = address.parse::<IpAddr>().unwrap().into();
        KnownNetwork { network, last_used_at: Timestamp::from_seconds(seconds) }
    }

    #[test]
    fn the_one_that_was_used_longest_ago_makes_room() {
        let mut known = Vec::new();
        for number in 0..40_u8 {
            add(&mut known, familiar(&format!("192.0.2.{number}"), u64::from(number)));
            add(&mut known, familiar("198.51.100.1", u64::from(number)));
        }
        assert_eq!(known.len(), NETWORKS_MAX);
        assert!(known.contains(&familiar("198.51.100.1", 39)));
        assert!(known.contains(&familiar("192.0.2.9", 9)) && !known.contains(&familiar("192.0.2.8", 8)));
    }

    #[test]
    fn what_was_not_used_for_long_is_forgotten_when_another_is_used() {
        let known = vec![familiar("192.0.2.1", 0), familiar("192.0.2.2", 9)];
        let now = Timestamp::from_seconds(90 * 86_400);
        let used = used(known, familiar("192.0.2.3", 0).network, now);
        assert_eq!(used, [familiar("192.0.2.3", 90 * 86_400), familiar("192.0.2.2", 9)]);
    }
}
