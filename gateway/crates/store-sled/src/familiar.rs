//! Networks from which an account is used: one record for each account, of a bounded length. A look-up
//! is the same work whether there is an account or not.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use super::codec;
use super::trees::{Change, Stop, Trees, found, store_error};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Network, UserId};
use gateway_store::{KnownNetwork, Session, StoreError, rules};

/// An address, and when it was used last.
const ENTRY_BYTES: usize = 24;

/// The record that is looked at where there is no account: ids begin with 1.
const NOBODY: [u8; 8] = [0; 8];

impl Trees {
    pub(super) fn is_familiar(
        &self,
        email: &Email,
        network: Network,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = self.emails.get(email.as_str()).map_err(store_error)?;
        let key = id.as_deref().unwrap_or(&NOBODY);
        let record = self.familiar.get(key).map_err(store_error)?;
        let networks = decode(record.as_deref().unwrap_or_default())?;
        Ok(rules::is_familiar(&networks, network, now))
    }

    pub(super) fn familiar_of(&self, user: UserId) -> Result<Vec<KnownNetwork>, StoreError> {
        let record = self.familiar.get(codec::user_key(user)).map_err(store_error)?;
        decode(record.as_deref().unwrap_or_default())
    }

    /// As versions before left it, which knew of sessions only. All of it is one step.
    pub(super) fn learn_from_sessions(&self) -> Result<(), StoreError> {
        if !self.familiar.is_empty() {
            return Ok(());
        }
        let mut learnt: BTreeMap<UserId, Vec<KnownNetwork>> = BTreeMap::new();
        for value in self.sessions.iter().values() {
            let session: Session = codec::decode("a session", &value.map_err(store_error)?)?;
            if let Some(network) = session.opened_from() {
                let networks = learnt.entry(session.user).or_default();
                rules::add(networks, KnownNetwork { network, last_used_at: session.last_used_at });
            }
        }
        let mut batch = sled::Batch::default();
        for (user, networks) in &learnt {
            batch.insert(&codec::user_key(*user)[..], encode(networks));
        }
        self.familiar.apply_batch(batch).map_err(store_error)?;
        self.familiar.flush().map(drop).map_err(store_error)
    }
}

impl Change {
    pub(super) fn put_familiar(&self, user: UserId, networks: &[KnownNetwork]) -> Result<(), Stop> {
        let key = codec::user_key(user);
        if networks.is_empty() {
            self.familiar.remove(&key[..])?;
        } else {
            self.familiar.insert(&key[..], encode(networks))?;
        }
        Ok(())
    }

    pub(super) fn familiar_of(&self, user: UserId) -> Result<Vec<KnownNetwork>, Stop> {
        Ok(found(self.familiar.get(codec::user_key(user)), decode)?.unwrap_or_default())
    }
}

/// There is one for each account, and it is read at each login: so no JSON here.
fn encode(networks: &[KnownNetwork]) -> Vec<u8> {
    let entry = |one: &KnownNetwork| {
        let address = match one.network.first() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        [&address.octets()[..], &one.last_used_at.millis().to_be_bytes()].concat()
    };
    networks.iter().flat_map(entry).collect()
}

pub(super) fn decode(record: &[u8]) -> Result<Vec<KnownNetwork>, StoreError> {
    let entries = record.chunks(ENTRY_BYTES).map(|entry| {
        let (address, millis) = entry.split_first_chunk::<16>()?;
        let millis = u64::from_be_bytes(millis.try_into().ok()?);
        let network = Network::from(IpAddr::from(Ipv6Addr::from(*address)));
        Some(KnownNetwork { network, last_used_at: Timestamp::from_millis(millis) })
    });
    entries.collect::<Option<_>>().ok_or_else(|| codec::damaged("the networks of an account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn familiar(address: &str, seconds: u64) -> KnownNetwork {
        let network = address.parse::<IpAddr>().unwrap().into();
        KnownNetwork { network, last_used_at: Timestamp::from_seconds(seconds) }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_cut_off_is_damaged() {
        let networks = [familiar("192.0.2.1", 7), familiar("2001:db8:1:2::1", 5)];
        let record = encode(&networks);
        assert_eq!(decode(&record).unwrap(), networks);
        assert_eq!(decode(&[]).unwrap(), []);
        assert!(matches!(decode(&record[..30]), Err(StoreError::Corrupt(_))));
    }
}
