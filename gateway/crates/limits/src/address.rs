//! A limit by client address that holds for the networks around it, too: who has many addresses of
//! IPv6 has little more for it.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::policy::Limiter;
use super::quota::{Allowance, Charge, Exhausted, Policy};
use gateway_identity::{Network, Width};

/// How many times the allowance of one client all of a network have together. A home has some links in
/// use, and a company some dozens: so many that one member who uses up its own leaves enough for the
/// others, and no more than a handful of addresses of IPv4 would have.
const fn members(width: Width) -> u32 {
    match width {
        Width::Link => 1,
        Width::Home => 4,
        Width::Site => 16,
    }
}

/// A limiter for each width. Each of them has its own memory of `keys_max` keys.
#[derive(Clone)]
pub struct AddressLimiter {
    link: Arc<Limiter<Network>>,
    home: Arc<Limiter<Network>>,
    site: Arc<Limiter<Network>>,
}

impl AddressLimiter {
    /// `limiter` finds or makes the one of a width.
    pub(super) fn new(policy: Policy, limiter: impl Fn(Width, Policy) -> Arc<Limiter<Network>>) -> Self {
        let of = |width| limiter(width, policy.times(members(width)));
        Self { link: of(Width::Link), home: of(Width::Home), site: of(Width::Site) }
    }

    /// Charges one request to this address and what it is in; answers with what has the least left.
    pub fn charge(&self, client: IpAddr) -> Result<Charge, Exhausted> {
        self.link.told(self.try_charge(client))
    }

    /// The widest first: where that is used up, nothing is remembered of the addresses in it. One who is
    /// over its own limit uses up nothing of its neighbours'.
    fn try_charge(&self, client: IpAddr) -> Result<Charge, Exhausted> {
        let link = Network::from(client);
        let Some((home, site)) = Network::around(client) else { return self.link.try_charge(&link) };
        let of_site = self.site.try_charge(&site)?;
        let of_home = self.home.try_charge(&home).inspect_err(|_| self.site.refund(&site))?;
        let of_link = self.link.try_charge(&link).inspect_err(|_| {
            self.home.refund(&home);
            self.site.refund(&site);
        })?;
        let less = |one: Charge, other: Charge| if other.remaining < one.remaining { other } else { one };
        Ok(less(less(of_link, of_home), of_site))
    }

    /// Takes a charge back.
    pub fn refund(&self, client: IpAddr) {
        self.link.refund(&Network::from(client));
        if let Some((home, site)) = Network::around(client) {
            self.home.refund(&home);
            self.site.refund(&site);
        }
    }

    pub fn forget_idle(&self) {
        [&self.link, &self.home, &self.site].iter().for_each(|limiter| limiter.forget_idle());
    }

    /// The policy of one client.
    pub fn policy(&self) -> Policy {
        self.link.policy()
    }
}

impl Policy {
    fn times(self, members: u32) -> Self {
        let requests = self.allowance.requests.saturating_mul(NonZeroU32::MIN.saturating_add(members - 1));
        Self { allowance: Allowance { requests, ..self.allowance }, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limiter(requests: u32, keys_max: usize) -> AddressLimiter {
        let requests = NonZeroU32::new(requests).unwrap();
        let allowance = Allowance { requests, window: Duration::from_secs(3_600) };
        let make = |_, policy| Arc::new(Limiter::new(policy, keys_max));
        AddressLimiter::new(Policy { name: "test", allowance }, make)
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_has_the_least_left_is_told() {
        let limiter = limiter(2, 100);
        for (link, remaining, requests) in
            [(1, 1, 2), (1, 0, 2), (2, 1, 2), (2, 0, 2), (3, 1, 2), (4, 1, 2), (5, 1, 2), (6, 0, 8)]
        {
            let charge = limiter.charge(at(&format!("2001:db8:1:{link}::1"))).unwrap();
            assert_eq!((charge.remaining, charge.policy.allowance.requests.get()), (remaining, requests));
        }
        let charge = limiter.charge(at("192.0.2.1")).unwrap();
        assert_eq!((charge.remaining, charge.policy), (1, limiter.policy()));
    }

    #[test]
    fn a_refund_gives_back_what_the_networks_around_were_charged_as_well() {
        let limiter = limiter(1, 100);
        for link in 0..200 {
            let address = at(&format!("2001:db8:1:{link:x}::1"));
            limiter.charge(address).unwrap();
            limiter.refund(address);
        }
    }

    #[test]
    fn who_has_a_whole_site_takes_little_of_the_memory() {
        let limiter = limiter(2, 100);
        let passed = |link: &u32| limiter.charge(at(&format!("2001:db8:1:{link:x}::1"))).is_ok();
        assert_eq!((0..0x1_0000).filter(passed).count(), 32);
        assert_eq!((limiter.link.held(), limiter.home.held(), limiter.site.held()), (32, 4, 1));
    }
}
