//! Tickets by the hash of their token, with an index by expiry; and invitations.

use async_trait::async_trait;

use super::revocations::SWEEP_MAX;
use super::trees::{Change, Fault, LAST_INVITATION_ID, Stop, Trees, found, store_error};
use super::{SledStore, codec};
use gateway_clock::Timestamp;
use gateway_store::{Committed, Invitation, StoreError, Ticket, TicketKey, Tickets, UnitOfWork, User, rules};

#[async_trait]
impl Tickets for SledStore {
    async fn issue(&self, key: TicketKey, ticket: Ticket) -> Result<(), StoreError> {
        self.write(move |trees| trees.transact(|change| change.put_ticket(key.as_bytes(), &ticket))).await
    }

    async fn ticket(&self, key: TicketKey, now: Timestamp) -> Result<Option<Ticket>, StoreError> {
        self.read(|trees| {
            let value = trees.tickets.get(key.as_bytes()).map_err(store_error)?;
            let ticket: Option<Ticket> = value.map(|value| codec::decode("a ticket", &value)).transpose()?;
            Ok(ticket.filter(|ticket| ticket.is_good_at(now)))
        })
    }

    async fn invite(
        &self,
        invitation: Invitation,
        work: UnitOfWork,
    ) -> Result<Committed<Invitation>, StoreError> {
        self.write(move |trees| {
            let is_replaced = |one: &Result<Invitation, _>| {
                one.as_ref().map_or(true, |one| rules::is_replaced(one, &invitation))
            };
            let replaced = invitations(trees).filter(is_replaced).collect::<Result<Vec<_>, _>>()?;
            trees.transact(|change| {
                let last = change.counter(LAST_INVITATION_ID)?;
                let (invited, writes) =
                    rules::invite(&invitation, last, &replaced, &change.preconditions(&work)?)?;
                change.commit(writes, invited)
            })
        })
        .await
    }

    async fn invitation(&self, id: u64) -> Result<Option<Invitation>, StoreError> {
        self.read(|trees| {
            let value = trees.invitations.get(id.to_be_bytes()).map_err(store_error)?;
            value.map(|value| codec::decode("an invitation", &value)).transpose()
        })
    }

    async fn invitations(
        &self,
        now: Timestamp,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Invitation>, u64), StoreError> {
        self.scan(move |trees| {
            let (mut page, mut total) = (Vec::new(), 0);
            for invitation in invitations(trees) {
                let invitation = invitation?;
                if !invitation.is_good_at(now) {
                    continue;
                }
                if total >= offset && (page.len() as u64) < limit {
                    page.push(invitation);
                }
                total += 1;
            }
            Ok((page, total))
        })
        .await
    }

    async fn withdraw(&self, id: u64, work: UnitOfWork) -> Result<Committed<Option<Invitation>>, StoreError> {
        self.write(move |trees| {
            trees.transact(|change| {
                let Some(invitation) = change.invitation(id)? else {
                    return Ok(Committed::unchanged(None, Vec::new()));
                };
                let writes = rules::withdraw(&invitation, &change.preconditions(&work)?)?;
                change.commit(writes, Some(invitation))
            })
        })
        .await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let (found, removed) = self.write_freeing(move |trees| sweep_some(trees, now)).await?;
            swept += removed;
            if found < SWEEP_MAX {
                return Ok(swept);
            }
        }
    }
}

fn invitations(trees: &Trees) -> impl Iterator<Item = Result<Invitation, StoreError>> {
    let values = trees.invitations.iter().values();
    values.map(|value| codec::decode("an invitation", &value.map_err(store_error)?))
}

/// What goes with an account. There are few tickets: each ends after two days, and those of invitations after seven.
pub(super) fn tickets_of(trees: &Trees, user: &User) -> Result<Vec<TicketKey>, StoreError> {
    let mut found = Vec::new();
    for entry in trees.tickets.iter() {
        let (key, value) = entry.map_err(store_error)?;
        let ticket: Ticket = codec::decode("a ticket", &value)?;
        if rules::goes_with(&ticket, user) {
            let key = (&*key).try_into().map_err(|_| codec::damaged("the key of a ticket"))?;
            found.push(TicketKey::from_bytes(key));
        }
    }
    Ok(found)
}

/// Removes a batch of what expired; answers how many were found, and removed.
fn sweep_some(trees: &Trees, now: Timestamp) -> Result<(usize, u64), Fault> {
    let expired = trees.expired(&trees.ticket_expiry, now, SWEEP_MAX)?;
    let is_over = |one: &Result<Invitation, _>| one.as_ref().map_or(true, |one| one.expires_at < now);
    let over = invitations(trees).filter(is_over).collect::<Result<Vec<_>, _>>()?;
    let removed = trees.transact(|change| {
        let mut removed = 0;
        for entry in &expired {
            let key = codec::expired_key(entry)?;
            removed += u64::from(change.tickets.remove(key)?.is_some());
            change.ticket_expiry.remove(&**entry)?;
        }
        for one in &over {
            change.invitations.remove(&one.id.to_be_bytes()[..])?;
        }
        Ok(removed)
    })?;
    Ok((expired.len(), removed))
}

impl Change {
    pub(super) fn ticket(&self, key: &[u8]) -> Result<Option<Ticket>, Stop> {
        found(self.tickets.get(key), |value| codec::decode("a ticket", value))
    }

    pub(super) fn invitation(&self, id: u64) -> Result<Option<Invitation>, Stop> {
        found(self.invitations.get(id.to_be_bytes()), |value| codec::decode("an invitation", value))
    }

    pub(super) fn put_ticket(&self, key: &[u8; 32], ticket: &Ticket) -> Result<(), Stop> {
        // By the time of an earlier one, a sweep would take this one.
        if let Some(earlier) = self.ticket(key)? {
            self.remove_ticket(key, &earlier)?;
        }
        self.tickets.insert(&key[..], codec::encode(ticket)?)?;
        self.ticket_expiry.insert(codec::expiry_key(ticket.expires_at, key), &[][..])?;
        Ok(())
    }

    pub(super) fn remove_ticket(&self, key: &[u8], ticket: &Ticket) -> Result<(), Stop> {
        self.tickets.remove(key)?;
        self.ticket_expiry.remove(codec::expiry_key(ticket.expires_at, key))?;
        Ok(())
    }

    pub(super) fn put_invitation(&self, invitation: &Invitation) -> Result<(), Stop> {
        let record = codec::encode(invitation)?;
        self.invitations.insert(&invitation.id.to_be_bytes()[..], record)?;
        Ok(())
    }
}
