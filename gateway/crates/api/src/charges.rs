//! What a request was charged to limits, and when it is given back.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use gateway_limits::{AddressLimiter, Charge, Exhausted, Limiter};
use gateway_problem::{Code, Problem};

/// Nothing yet.
#[derive(Default)]
pub(super) struct LimitCharges {
    charges: Vec<Charge>,
    of_request: Vec<Refund>,
    of_guess: Vec<Refund>,
}

type Refund = Box<dyn FnOnce() + Send>;

impl LimitCharges {
    /// Charges the request as such, whatever becomes of it.
    pub(super) fn request(
        &mut self,
        limit: &Option<AddressLimiter>,
        client: IpAddr,
    ) -> Result<(), Exhausted> {
        self.of_request.extend(take_address(&mut self.charges, limit, client)?);
        Ok(())
    }

    /// Charges a guess at a password, which the right one is not.
    pub(super) fn guess<K: Hash + Eq + Clone + Send + 'static>(
        &mut self,
        limit: &Option<Arc<Limiter<K>>>,
        key: &K,
    ) -> Result<(), Exhausted> {
        if let Some(limiter) = limit {
            self.charges.push(limiter.charge(key)?);
            let (limiter, key) = (Arc::clone(limiter), key.clone());
            self.of_guess.push(Box::new(move || limiter.refund(&key)));
        }
        Ok(())
    }

    /// The same to the address that it comes from.
    pub(super) fn guess_from(
        &mut self,
        limit: &Option<AddressLimiter>,
        client: IpAddr,
    ) -> Result<(), Exhausted> {
        self.of_guess.extend(take_address(&mut self.charges, limit, client)?);
        Ok(())
    }

    /// The password was right: it was no guess.
    pub(super) fn succeeded(&mut self) {
        self.of_guess.drain(..).for_each(|give_back| give_back());
    }

    /// What we could not do (503) costs its client nothing. A guess counts all the same, where the
    /// password may have been looked at.
    pub(super) fn failed(&mut self, problem: &Problem) {
        if problem.code() == Code::HashingOverloaded {
            self.succeeded();
        }
        if problem.code().entry().status == 503 {
            self.of_request.drain(..).for_each(|give_back| give_back());
        }
    }

    /// What was charged, for the answer to list.
    pub(super) fn charges(&mut self) -> Vec<Charge> {
        std::mem::take(&mut self.charges)
    }
}

fn take_address(
    charges: &mut Vec<Charge>,
    limit: &Option<AddressLimiter>,
    client: IpAddr,
) -> Result<Option<Refund>, Exhausted> {
    let Some(limiter) = limit.clone() else { return Ok(None) };
    charges.push(limiter.charge(client)?);
    Ok(Some(Box::new(move || limiter.refund(client))))
}
