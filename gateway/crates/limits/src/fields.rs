//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), as text.

use gateway_problem::{Code, Problem};

use super::quota::{Charge, Exhausted};
use gateway_http1::Decimal;

/// Room for one policy.
const MEMBER_BYTES_USUAL: usize = 48;

/// The values of the two fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub limit: String,
    pub policy: String,
}

/// All policies that a request was charged to, and the one that refused it, if any.
pub fn fields<'a>(
    charges: impl IntoIterator<Item = &'a Charge>,
    exhausted: Option<&Exhausted>,
) -> Option<Fields> {
    let mut fields = Fields::default();
    for charge in charges {
        fields.add(&charge.policy, charge.remaining, charge.resets_in);
    }
    if let Some(refusal) = exhausted {
        fields.add(&refusal.policy, 0, refusal.retry_after);
    }
    (!fields.limit.is_empty()).then_some(fields)
}

impl Exhausted {
    /// A refusal that says how long to wait, and of which policies.
    pub fn told(&self, problem: Problem) -> Problem {
        let problem = problem.retry_after(self.retry_after);
        match fields([], Some(self)) {
            Some(fields) => problem.field("ratelimit", fields.limit).field("ratelimit-policy", fields.policy),
            None => problem,
        }
    }
}

impl From<Exhausted> for Problem {
    fn from(exhausted: Exhausted) -> Self {
        exhausted.told(Self::new(Code::RateLimited))
    }
}

impl Fields {
    fn add(&mut self, policy: &super::Policy, remaining: u32, seconds: std::time::Duration) {
        for text in [&mut self.limit, &mut self.policy] {
            if text.is_empty() {
                *text = String::with_capacity(MEMBER_BYTES_USUAL);
            } else {
                text.push_str(", ");
            }
        }
        let name = policy.name;
        let reset = seconds.as_secs() + u64::from(seconds.subsec_nanos() > 0);
        let (requests, window) = (policy.allowance.requests, policy.allowance.window.as_secs());
        member(&mut self.limit, name, [("\";r=", u64::from(remaining)), (";t=", reset)]);
        member(&mut self.policy, name, [("\";q=", u64::from(requests.get())), (";w=", window)]);
    }
}

/// Each answer to a token has two: that is no place for the machinery of formats.
fn member(text: &mut String, name: &str, numbers: [(&str, u64); 2]) {
    text.push('"');
    text.push_str(name);
    for (label, number) in numbers {
        text.push_str(label);
        text.push_str(Decimal::new(number).as_str());
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::{Allowance, Policy};

    #[test]
    fn all_policies_are_listed_and_times_are_rounded_up() {
        let requests = NonZeroU32::new(100).unwrap();
        let allowance = Allowance { requests, window: Duration::from_secs(60) };
        let policy = Policy { name: "user", allowance };
        let charge = Charge { policy, remaining: 42, resets_in: Duration::from_millis(17_001) };
        let policy = Policy { name: "address", allowance };
        let refusal =
            Exhausted { policy, retry_after: Duration::from_secs(3), resets_in: Duration::from_secs(60) };
        let fields = fields([&charge], Some(&refusal)).unwrap();
        assert_eq!(fields.limit, "\"user\";r=42;t=18, \"address\";r=0;t=3");
        assert_eq!(fields.policy, "\"user\";q=100;w=60, \"address\";q=100;w=60");
    }
}
