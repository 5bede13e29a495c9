//! What a rule answers is written: a statement for each kind of record, all sent at once.

use serde::Serialize;
use tokio_postgres::types::ToSql;

use super::fault::Stop;
use super::follow::NOTIFY;
use super::load::{encode, millis, signed, user_key};
use super::transaction::{Statement, Transaction};
use gateway_clock::Timestamp;
use gateway_store::rules::{AccountWrite, InvitationWrite, SessionWrite, Writes};
use gateway_store::{Committed, Entry, OutboxMessage, Revocation, StoreError, UnitOfWork, User, Way};

/// Statements in the order in which they are carried out.
#[derive(Default)]
pub(crate) struct Batch(pub(crate) Vec<Statement>);

impl Batch {
    pub(crate) fn add<const N: usize>(
        &mut self,
        sql: &'static str,
        parameters: [Box<dyn ToSql + Sync + Send>; N],
    ) {
        self.0.push(Statement { sql, parameters: parameters.into() });
    }
}

/// Columns of rows, one list for each.
macro_rules! columns {
    ($($list:ident),+) => { [$(Box::new($list) as Box<dyn tokio_postgres::types::ToSql + Sync + Send>),+] };
}
pub(crate) use columns;

impl Transaction {
    /// Writes, and answers what follows once that is durable.
    pub(crate) async fn commit_with<T>(&self, writes: Writes, value: T) -> Result<Committed<T>, Stop> {
        self.write(&writes).await?;
        Ok(writes.committed(value))
    }

    pub(crate) async fn write(&self, writes: &Writes) -> Result<(), Stop> {
        let mut batch = Batch::default();
        accounts(&mut batch, &writes.accounts)?;
        sessions(&mut batch, &writes.sessions)?;
        for (user, networks) in &writes.familiar {
            let user = user_key(*user);
            if networks.is_empty() {
                batch.add("DELETE FROM gateway.familiar WHERE user_id = $1", columns![user]);
            } else {
                let networks = encode(networks)?;
                batch.add(
                    "INSERT INTO gateway.familiar VALUES ($1, $2) \
                     ON CONFLICT (user_id) DO UPDATE SET networks = excluded.networks",
                    columns![user, networks],
                );
            }
        }
        revocations(&mut batch, &writes.revocations)?;
        if !writes.tickets_removed.is_empty() {
            let keys: Vec<_> = writes.tickets_removed.iter().map(|key| key.as_bytes().to_vec()).collect();
            batch.add("DELETE FROM gateway.tickets WHERE key = ANY($1)", columns![keys]);
        }
        invitations(&mut batch, &writes.invitations)?;
        if let Some(work) = &writes.work {
            recorded(&mut batch, work)?;
        }
        self.execute_all(batch.0).await
    }
}

fn accounts(batch: &mut Batch, writes: &[AccountWrite]) -> Result<(), StoreError> {
    let (mut added, mut last) = (Vec::new(), 0);
    for write in writes {
        match write {
            AccountWrite::Added(user) => {
                last = signed(user.id.get())?;
                added.push(user);
            }
            AccountWrite::Changed { after, .. } => change(batch, after)?,
            AccountWrite::Removed(user) => {
                let id = user_key(user.id);
                batch.add("DELETE FROM gateway.users WHERE id = $1", columns![id]);
                count(batch, -1);
            }
        }
    }
    if added.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = added.iter().map(|user| user_key(user.id)).collect();
    let emails: Vec<_> = added.iter().map(|user| user.email.as_str().to_owned()).collect();
    let admins: Vec<_> = added.iter().map(|user| user.is_administrator()).collect();
    let active: Vec<_> = added.iter().map(|user| user.is_active).collect();
    let created: Vec<_> = added.iter().map(|user| millis(user.created_at)).collect();
    let records = added.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    batch.add(
        "INSERT INTO gateway.users SELECT * FROM unnest($1::bigint[], $2::text[], $3::boolean[], \
         $4::boolean[], $5::bigint[], $6::text[])",
        columns![ids, emails, admins, active, created, records],
    );
    batch.add("UPDATE gateway.counters SET value = $1 WHERE name = 'last_user_id'", columns![last]);
    count(batch, added.len() as i64);
    Ok(())
}

fn change(batch: &mut Batch, user: &User) -> Result<(), StoreError> {
    let (id, is_admin, is_active) = (user_key(user.id), user.is_administrator(), user.is_active);
    let record = encode(user)?;
    batch.add(
        "UPDATE gateway.users SET is_admin = $2, is_active = $3, record = $4 WHERE id = $1",
        columns![id, is_admin, is_active, record],
    );
    Ok(())
}

fn count(batch: &mut Batch, by: i64) {
    batch.add("UPDATE gateway.counters SET value = value + $1 WHERE name = 'users_total'", columns![by]);
}

fn sessions(batch: &mut Batch, writes: &[SessionWrite]) -> Result<(), StoreError> {
    let (mut opened, mut removed) = (Vec::new(), Vec::new());
    for write in writes {
        match write {
            SessionWrite::Opened(session) => opened.push(session),
            SessionWrite::Changed(session) => {
                let (id, expires) = (session.id.as_bytes().to_vec(), millis(session.expires_at));
                let record = encode(session)?;
                batch.add(
                    "UPDATE gateway.sessions SET expires_at = $2, record = $3 WHERE id = $1",
                    columns![id, expires, record],
                );
            }
            SessionWrite::Removed(id) => removed.push(id.as_bytes().to_vec()),
        }
    }
    if !opened.is_empty() {
        let ids: Vec<_> = opened.iter().map(|session| session.id.as_bytes().to_vec()).collect();
        let users: Vec<_> = opened.iter().map(|session| user_key(session.user)).collect();
        let expires: Vec<_> = opened.iter().map(|session| millis(session.expires_at)).collect();
        let records = opened.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        batch.add(
            "INSERT INTO gateway.sessions SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[])",
            columns![ids, users, expires, records],
        );
    }
    if !removed.is_empty() {
        batch.add("DELETE FROM gateway.sessions WHERE id = ANY($1)", columns![removed]);
    }
    Ok(())
}

/// What a revocation is of, as the ledger has it: kind, id, and the minimum of a generation.
pub(crate) fn key(revocation: &Revocation) -> Result<(i8, Vec<u8>, i64), StoreError> {
    Ok(match revocation {
        Revocation::Token { id, .. } => (TOKEN, id.as_bytes().to_vec(), 0),
        Revocation::Session { id, .. } => (SESSION, id.as_bytes().to_vec(), 0),
        Revocation::Generation { user, minimum, .. } => {
            (GENERATION, user.get().to_be_bytes().to_vec(), signed(minimum.0)?)
        }
    })
}

pub(crate) const TOKEN: i8 = b't'.cast_signed();
pub(crate) const SESSION: i8 = b's'.cast_signed();
pub(crate) const GENERATION: i8 = b'g'.cast_signed();

/// What is recorded of one thing is widened, never narrowed. A statement cannot change a row twice: what
/// is there more than once is folded first. Rows are locked in the order of their keys.
fn revocations(batch: &mut Batch, revoked: &[Revocation]) -> Result<(), StoreError> {
    let mut widest = std::collections::BTreeMap::new();
    for one in revoked {
        let (kind, id, minimum) = key(one)?;
        let (known, until) = widest.entry((kind, id)).or_insert((minimum, millis(one.until())));
        *known = minimum.max(*known);
        *until = millis(one.until()).max(*until);
    }
    if widest.is_empty() {
        return Ok(());
    }
    let (keys, values): (Vec<_>, Vec<_>) = widest.into_iter().unzip();
    let (kinds, ids): (Vec<i8>, Vec<Vec<u8>>) = keys.into_iter().unzip();
    let (minima, untils): (Vec<i64>, Vec<i64>) = values.into_iter().unzip();
    batch.add(
        "INSERT INTO gateway.revocations AS known (kind, id, minimum, until) \
         SELECT * FROM unnest($1::\"char\"[], $2::bytea[], $3::bigint[], $4::bigint[]) \
         ON CONFLICT (kind, id) DO UPDATE SET minimum = greatest(known.minimum, excluded.minimum), \
         until = greatest(known.until, excluded.until), xid = pg_current_xact_id()",
        columns![kinds, ids, minima, untils],
    );
    batch.add(NOTIFY, []);
    Ok(())
}

fn invitations(batch: &mut Batch, writes: &[InvitationWrite]) -> Result<(), StoreError> {
    for write in writes {
        match write {
            InvitationWrite::Added(invitation) => {
                let (id, email) = (signed(invitation.id)?, invitation.email.as_str().to_owned());
                let (expires, record) = (millis(invitation.expires_at), encode(invitation)?);
                batch.add(
                    "INSERT INTO gateway.invitations VALUES ($1, $2, $3, $4)",
                    columns![id, email, expires, record],
                );
                batch.add(
                    "UPDATE gateway.counters SET value = $1 WHERE name = 'last_invitation_id'",
                    columns![id],
                );
            }
            InvitationWrite::Removed(id) => {
                let id = signed(*id)?;
                batch.add("DELETE FROM gateway.invitations WHERE id = $1", columns![id]);
            }
        }
    }
    Ok(())
}

fn recorded(batch: &mut Batch, work: &UnitOfWork) -> Result<(), StoreError> {
    let (now, request_id) = (work.cause().at(), work.cause().entry().request_id.clone());
    for errand in work.messages() {
        queued(batch, errand, now, request_id.clone())?;
    }
    let entries: Vec<_> = work.events().map(|event| event.entry()).collect();
    unsealed(batch, now, &entries)
}

/// An errand, due at once.
pub(crate) fn queued(
    batch: &mut Batch,
    errand: &OutboxMessage,
    now: Timestamp,
    request_id: Option<String>,
) -> Result<(), StoreError> {
    let (way, errand, now) = (way(errand.way()), encode(errand)?, millis(now));
    batch.add(
        "INSERT INTO gateway.outbox (way, errand, request_id, created_at, due_at) VALUES ($1, $2, $3, $4, $4)",
        columns![way, errand, request_id, now],
    );
    Ok(())
}

pub(crate) const fn way(way: Way) -> &'static str {
    match way {
        Way::Mail => "mail",
        Way::Webhook => "webhook",
    }
}

/// What a unit of work records, to be sealed: together, so that it stands together.
fn unsealed(batch: &mut Batch, now: Timestamp, entries: &[&Entry]) -> Result<(), StoreError> {
    let (at, entries) = (millis(now), encode(&Together(entries))?);
    batch.add("INSERT INTO gateway.audit_unsealed (at, entries) VALUES ($1, $2)", columns![at, entries]);
    Ok(())
}

#[derive(Serialize)]
#[serde(transparent)]
struct Together<'a>(&'a [&'a Entry]);
