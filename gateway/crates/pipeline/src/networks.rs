//! From which client networks a route may be entered, judged before anything else of the request.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{DecisionTrace, Head, Refusal, Route};

/// The first and the last address of a range, as numbers; those of IPv4 in the place that they have
/// within IPv6 (RFC 4291 §2.5.5.2).
type Span = (u128, u128);

const ALL: Span = (0, u128::MAX);
const IPV4: Span = (0xffff_0000_0000, 0xffff_ffff_ffff);

/// The addresses that are let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// In order, and none next to another; `None` for all there are.
    admitted: Option<Box<[Span]>>,
}

impl Networks {
    /// Those of `allow`, or all where there is no such list, without those of `deny`.
    pub fn new(allow: Option<&[IpNet]>, deny: &[IpNet]) -> Self {
        if allow.is_none() && deny.is_empty() {
            return Self::default();
        }
        let allowed = allow.map_or_else(|| vec![ALL], spans);
        Self { admitted: Some(without(allowed, &spans(deny)).into()) }
    }

    pub fn admit(&self, client: IpAddr) -> bool {
        let Some(admitted) = &self.admitted else { return true };
        let client = number(client);
        let at = admitted.partition_point(|(_, last)| *last < client);
        admitted.get(at).is_some_and(|(first, _)| *first <= client)
    }

    /// Whether somebody is kept out.
    pub fn are_bounded(&self) -> bool {
        self.admitted.is_some()
    }

    pub fn admit_nobody(&self) -> bool {
        self.admitted.as_ref().is_some_and(|admitted| admitted.is_empty())
    }

    /// Whether everybody whom these let in is let in by those, too.
    pub fn are_within(&self, wider: &Self) -> bool {
        let Some(wide) = &wider.admitted else { return true };
        let own = self.admitted.as_deref().unwrap_or(&[ALL]);
        own.iter().all(|(first, last)| wide.iter().any(|(from, to)| from <= first && last <= to))
    }
}

/// Whoever comes from elsewhere is told no more than that. Where a trusted proxy does not say for whom
/// it speaks, nobody knows from where that is.
pub(super) fn check(route: &Route, head: &Head<'_>, trace: &mut DecisionTrace) -> Result<(), Refusal> {
    if !route.networks.are_bounded() {
        return Ok(());
    }
    let client = head.client;
    if head.client_is_told && route.networks.admit(client) {
        trace.reason("network", || format!("{client} is let in"));
        return Ok(());
    }
    trace.reason("network", || match head.client_is_told {
        true => format!("{client} is not let in"),
        false => format!("{client} is a proxy that does not say for whom it speaks"),
    });
    Err(Refusal::Network)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// In order, and joined where they touch.
fn spans(networks: &[IpNet]) -> Vec<Span> {
    let mut spans = Vec::new();
    for network in networks {
        let (first, last) = (number(network.network()), number(network.broadcast()));
        let span = (first, last);
        // All of IPv6 is nothing of IPv4.
        match span != IPV4 && first <= IPV4.0 && IPV4.1 <= last {
            true => spans.extend(without(vec![span], &[IPV4])),
            false => spans.push(span),
        }
    }
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::new();
    for (first, last) in spans {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// What is left of some, both in order.
fn without(some: Vec<Span>, others: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    for (first, last) in some {
        let mut next = Some(first);
        for &(from, to) in others.iter().filter(|(from, to)| *from <= last && first <= *to) {
            let Some(start) = next else { break };
            if start < from {
                left.push((start, from - 1));
            }
            next = to.checked_add(1).filter(|next| *next <= last);
        }
        left.extend(next.map(|start| (start, last)));
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|network| network.parse().unwrap()).collect()
    }

    fn networks(allow: &str, deny: &str) -> Networks {
        let allowed = nets(allow);
        Networks::new((!allow.is_empty()).then_some(&*allowed), &nets(deny))
    }

    #[test]
    fn a_client_is_let_in_where_it_is_allowed_and_not_denied() {
        let office = networks("10.0.0.0/8 192.0.2.7/32 2001:db8::/32", "10.1.0.0/16");
        for (client, admitted) in [
            ("10.0.0.1", true),
            ("10.0.255.255", true),
            ("10.1.0.0", false),
            ("10.1.255.255", false),
            ("10.2.0.0", true),
            ("11.0.0.0", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", true),
            ("::ffff:10.1.0.1", false),
        ] {
            assert_eq!(office.admit(client.parse().unwrap()), admitted, "{client}");
        }
    }

    #[test]
    fn all_of_one_family_is_nothing_of_the_other() {
        let admits = |networks: &Networks, client: &str| networks.admit(client.parse().unwrap());
        for (allow, v4, v6) in
            [("0.0.0.0/0", true, false), ("::/0", false, true), ("0.0.0.0/0 ::/0", true, true)]
        {
            let these = networks(allow, "");
            assert_eq!((admits(&these, "192.0.2.1"), admits(&these, "2001:db8::1")), (v4, v6), "{allow}");
            let others = networks("", allow);
            assert_eq!((admits(&others, "192.0.2.1"), admits(&others, "2001:db8::1")), (!v4, !v6), "{allow}");
        }
        assert!(networks("", "0.0.0.0/0 ::/0").admit_nobody());
        assert!(networks("10.1.0.0/16", "10.0.0.0/8").admit_nobody());
        assert!(!networks("", "").are_bounded());
    }

    #[test]
    fn one_is_within_another_where_nobody_is_let_in_by_it_alone() {
        for (narrow, wide, within) in [
            (("10.0.0.0/8", ""), ("", ""), true),
            (("", ""), ("10.0.0.0/8", ""), false),
            (("", ""), ("0.0.0.0/0 ::/0", ""), true),
            (("10.0.0.0/9 10.128.0.0/9", ""), ("10.0.0.0/8", ""), true),
            (("10.0.0.0/8", ""), ("10.0.0.0/9 10.128.0.0/9", ""), true),
            (("10.0.0.0/8", ""), ("10.0.0.0/8", "10.1.2.3/32"), false),
            (("10.0.0.0/8", "10.1.0.0/16"), ("10.0.0.0/8", "10.1.2.3/32"), true),
            (("2001:db8::/32", ""), ("10.0.0.0/8", ""), false),
        ] {
            let (one, other) = (networks(narrow.0, narrow.1), networks(wide.0, wide.1));
            assert_eq!(one.are_within(&other), within, "{narrow:?} {wide:?}");
        }
    }

    fn any_network() -> impl Strategy<Value = IpNet> {
        // Few bits, so that they often overlap.
        (any::<bool>(), any::<u8>(), 0..=8_u8).prop_map(|(v6, bits, length)| {
            let address: IpAddr = match v6 {
                true => IpAddr::from([bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                false => IpAddr::from([bits, 0, 0, 0]),
            };
            IpNet::new(address, length).unwrap().trunc()
        })
    }

    proptest! {
        #[test]
        fn the_answer_is_that_of_looking_at_each_network_in_turn(
            allow in proptest::option::of(proptest::collection::vec(any_network(), 0..6)),
            deny in proptest::collection::vec(any_network(), 0..6),
            first in any::<u8>(), rest in any::<u8>(), v6 in any::<bool>(),
        ) {
            let client: IpAddr = match v6 {
                true => IpAddr::from([first, rest, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, rest]),
                false => IpAddr::from([first, rest, rest, rest]),
            };
            let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&client));
            let expected = allow.as_deref().is_none_or(is_in) && !is_in(&deny);
            prop_assert_eq!(Networks::new(allow.as_deref(), &deny).admit(client), expected);
        }
    }
}
