//! Tickets by the hash of their token; and invitations.

use async_trait::async_trait;

use super::PostgresStore;
use super::load::{bounded, encode, millis, record};
use super::transaction::Transaction;
use gateway_clock::Timestamp;
use gateway_store::{Committed, Invitation, StoreError, Ticket, TicketKey, Tickets, UnitOfWork, rules};

#[async_trait]
impl Tickets for PostgresStore {
    async fn issue(&self, key: TicketKey, ticket: Ticket) -> Result<(), StoreError> {
        let encoded = encode(&ticket)?;
        self.transact(async move |transaction: &Transaction| {
            let sql = "INSERT INTO gateway.tickets VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE \
                       SET expires_at = excluded.expires_at, record = excluded.record";
            let key = key.as_bytes().as_slice();
            transaction.execute(sql, &[&key, &millis(ticket.expires_at), &encoded]).await.map(drop)
        })
        .await
    }

    async fn ticket(&self, key: TicketKey, now: Timestamp) -> Result<Option<Ticket>, StoreError> {
        let sql = "SELECT record FROM gateway.tickets WHERE key = $1";
        let rows = self.read(sql, &[&key.as_bytes().as_slice()]).await?;
        let ticket: Option<Ticket> = rows.first().map(|row| record("a ticket", row)).transpose()?;
        Ok(ticket.filter(|ticket| ticket.is_good_at(now)))
    }

    async fn invite(
        &self,
        invitation: Invitation,
        work: UnitOfWork,
    ) -> Result<Committed<Invitation>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let last = transaction.counter("last_invitation_id").await?;
            let sql = "SELECT record FROM gateway.invitations WHERE email = $1 ORDER BY id FOR UPDATE";
            let earlier = transaction.rows(sql, &[&invitation.email.as_str()]).await?;
            let earlier = earlier.iter().map(|row| record("an invitation", row));
            let mut replaced: Vec<Invitation> = earlier.collect::<Result<_, _>>()?;
            replaced.retain(|one| rules::is_replaced(one, &invitation));
            let preconditions = transaction.preconditions(&work).await?;
            let (invited, writes) = rules::invite(&invitation, last, &replaced, &preconditions)?;
            transaction.commit_with(writes, invited).await
        })
        .await
    }

    async fn invitation(&self, id: u64) -> Result<Option<Invitation>, StoreError> {
        let rows = self.read("SELECT record FROM gateway.invitations WHERE id = $1", &[&bounded(id)]).await?;
        rows.first().map(|row| record("an invitation", row)).transpose()
    }

    async fn invitations(
        &self,
        now: Timestamp,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Invitation>, u64), StoreError> {
        let sql =
            "SELECT record FROM gateway.invitations WHERE expires_at > $1 ORDER BY id LIMIT $2 OFFSET $3";
        let rows = self.read(sql, &[&millis(now), &bounded(limit), &bounded(offset)]).await?;
        let page = rows.iter().map(|row| record("an invitation", row)).collect::<Result<_, _>>()?;
        let sql = "SELECT count(*) FROM gateway.invitations WHERE expires_at > $1";
        Ok((page, self.number(sql, &[&millis(now)]).await?))
    }

    async fn withdraw(&self, id: u64, work: UnitOfWork) -> Result<Committed<Option<Invitation>>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let nothing = || Ok(Committed::unchanged(None, Vec::new()));
            let Some(invitation) = transaction.invitation(id).await? else { return nothing() };
            let preconditions = transaction.preconditions(&work).await?;
            let writes = rules::withdraw(&invitation, &preconditions)?;
            transaction.commit_with(writes, Some(invitation)).await
        })
        .await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        const INVITATIONS: &str = "DELETE FROM gateway.invitations WHERE id IN (SELECT id FROM gateway.invitations \
             WHERE expires_at < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)";
        const TICKETS: &str = "DELETE FROM gateway.tickets WHERE key IN (SELECT key FROM gateway.tickets \
                               WHERE expires_at < $1 ORDER BY key LIMIT $2 FOR UPDATE SKIP LOCKED)";
        self.sweep_by(INVITATIONS, now).await?;
        self.sweep_by(TICKETS, now).await
    }
}
