//! The store as text, and from text: the form that all stores have. What comes in is one transaction,
//! however much it is, and so is what goes out.

use std::io::{BufRead, Write};

use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::fault::{Stop, damaged};
use super::load::{bounded, column, decode, encode, millis, record, signed, unsigned, user_key};
use super::outbox;
use super::revocations::revocation;
use super::sealing::ADD_TALLIES;
use super::transaction::Transaction;
use super::writes::{Batch, columns, way};
use gateway_identity::{InstallationId, UserId};
use gateway_store::rules::{AccountWrite, InvitationWrite, SessionWrite, Writes};
use gateway_store::transfer::{
    LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, Line, Lines, TransferCounts, TransferError, read,
    ticket_key,
};
use gateway_store::{Hash, Queued, Sealed, StoreError};

/// Records that go to the server together.
const TOGETHER_MAX: usize = 500;

/// What came in, by what is done with it.
#[derive(Default)]
struct Gathered {
    writes: Writes,
    others: Vec<Line>,
}

impl PostgresStore {
    /// Fills this store, which must be empty, with an export: it is there as it was, ids go on where they
    /// ended, and it is the installation that the export is of. All of it is there then, or nothing.
    /// Blocks; it must not be called on a runtime.
    pub fn fill(&self, input: &mut dyn BufRead) -> Result<TransferCounts, TransferError> {
        let runtime = self.0.connections.runtime();
        let transaction = runtime.block_on(async {
            let transaction = Transaction::begin(self.connection().await?).await?;
            match transaction.is_empty().await? {
                true => Ok::<_, Stop>(Some(transaction)),
                false => Ok(None),
            }
        });
        let Some(transaction) = transaction.map_err(store)? else { return Err(TransferError::NotEmpty) };
        let mut gathered = Gathered::default();
        let mut counters = Vec::new();
        let mut fault = None;
        let (installation, import_check) = read(input, |line| {
            match line {
                Line::Counter { name, value } => counters.push((name, value)),
                line => gathered.keep(line)?,
            }
            if gathered.len() < TOGETHER_MAX {
                return Ok(());
            }
            let written = runtime.block_on(transaction.put(std::mem::take(&mut gathered)));
            written.map_err(|stop| {
                fault = Some(stop);
                "it could not be written".to_owned()
            })
        })
        .map_err(|unread| fault.take().map_or(unread, store))?;
        runtime
            .block_on(async {
                transaction.put(gathered).await?;
                transaction.set_counters(&counters).await?;
                transaction.name(installation.ok_or_else(|| damaged("the header of an export"))?).await?;
                self.end(transaction, ()).await
            })
            .map_err(store)?;
        Ok(import_check.counts)
    }

    /// Writes everything to `out`, as it is at one moment. Blocks; it must not be called on a runtime.
    pub fn export(&self, out: &mut dyn Write) -> Result<TransferCounts, TransferError> {
        let runtime = self.0.connections.runtime();
        runtime.block_on(self.seal())?;
        let reading = runtime.block_on(async {
            let connection = self.connection().await?;
            connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            Ok::<_, Stop>(Transaction::reading(connection))
        });
        let reading = reading.map_err(store)?;
        let rows = |sql: &str, after: &[&(dyn ToSql + Sync)]| runtime.block_on(reading.rows(sql, after));
        let mut lines = Lines::to(out);
        let named = rows("SELECT value FROM gateway.meta WHERE name = 'installation'", &[]).map_err(store)?;
        let id = named.first().map(|row| column::<String>(row, 0)).transpose()?;
        let id = id.and_then(|id| InstallationId::parse(&id)).ok_or_else(|| damaged("the store's id"))?;
        lines.begin(id)?;
        for row in rows(COUNTERS, &[]).map_err(store)? {
            let (name, value) = (column::<String>(&row, 0)?, unsigned(column(&row, 1)?, "a counter")?);
            if value > 0 || name == LAST_USER_ID {
                lines.write(&Line::Counter { name, value })?;
            }
        }
        for (cursor, sql, line) in PARTS {
            rows(&format!("DECLARE {cursor} NO SCROLL CURSOR FOR {sql}"), &[]).map_err(store)?;
            loop {
                let some = rows(&format!("FETCH {TOGETHER_MAX} FROM {cursor}"), &[]).map_err(store)?;
                if some.is_empty() {
                    break;
                }
                for row in &some {
                    lines.write(&line(row)?)?;
                }
            }
        }
        lines.end()
    }
}

type AsLine = fn(&tokio_postgres::Row) -> Result<Line, StoreError>;

const COUNTERS: &str = "SELECT name, value FROM (SELECT name, value FROM gateway.counters UNION ALL \
    SELECT 'last_errand_id', CASE WHEN is_called THEN last_value ELSE 0 END FROM gateway.outbox_id_seq) AS all_of \
    WHERE name <> 'users_total' \
    ORDER BY array_position(ARRAY['last_user_id', 'last_invitation_id', 'last_errand_id'], name)";

/// Each kind of record, in the order of an export. A session or networks of nobody are not exported.
const PARTS: [(&str, &str, AsLine); 9] = [
    ("of_users", "SELECT record FROM gateway.users ORDER BY id", |row| {
        Ok(Line::User(record("an account", row)?))
    }),
    (
        "of_sessions",
        "SELECT record FROM gateway.sessions \
         WHERE EXISTS (SELECT FROM gateway.users WHERE users.id = user_id) ORDER BY sessions.id",
        |row| Ok(Line::Session(record("a session", row)?)),
    ),
    (
        "of_familiar",
        "SELECT networks, user_id FROM gateway.familiar \
         WHERE EXISTS (SELECT FROM gateway.users WHERE users.id = user_id) ORDER BY user_id",
        |row| {
            let user = UserId::new(unsigned(column(row, 1)?, "a user id")?);
            let user = user.ok_or_else(|| damaged("a user id"))?;
            Ok(Line::Familiar { user, networks: record("the networks of an account", row)? })
        },
    ),
    ("of_revocations", "SELECT kind, id, minimum, until FROM gateway.revocations ORDER BY kind, id", |row| {
        Ok(Line::Revocation(revocation(row)?))
    }),
    ("of_tickets", "SELECT record, key FROM gateway.tickets ORDER BY key", |row| {
        let key = column::<&[u8]>(row, 1)?.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Line::Ticket { key, ticket: record("a ticket", row)? })
    }),
    ("of_invitations", "SELECT record FROM gateway.invitations ORDER BY id", |row| {
        Ok(Line::Invitation(record("an invitation", row)?))
    }),
    (
        "of_errands",
        "SELECT id, errand, request_id, created_at, due_at, attempts FROM gateway.outbox ORDER BY id",
        |row| Ok(Line::Errand(outbox::read(row)?)),
    ),
    ("of_audit", "SELECT line FROM gateway.audit ORDER BY seq", |row| {
        Ok(Line::Audit { line: column(row, 0)? })
    }),
    ("of_tallies", "SELECT hour, word, count FROM gateway.tallies ORDER BY hour, word", |row| {
        let number = |place| unsigned(column(row, place)?, "a count");
        Ok(Line::Tally { hour: number(0)?, word: column(row, 1)?, count: number(2)? })
    }),
];

impl Gathered {
    fn len(&self) -> usize {
        let Writes { accounts, sessions, familiar, revocations, invitations, .. } = &self.writes;
        let records = accounts.len() + sessions.len() + familiar.len() + revocations.len();
        records + invitations.len() + self.others.len()
    }

    fn keep(&mut self, line: Line) -> Result<(), String> {
        let writes = &mut self.writes;
        match line {
            Line::User(user) => writes.accounts.push(AccountWrite::Added(user)),
            Line::Session(session) => writes.sessions.push(SessionWrite::Opened(session)),
            Line::Familiar { user, networks } => writes.familiar.push((user, networks)),
            Line::Revocation(revocation) => writes.revocations.push(revocation),
            Line::Invitation(invitation) => writes.invitations.push(InvitationWrite::Added(invitation)),
            Line::Ticket { ref key, .. } => {
                ticket_key(key)?;
                self.others.push(line);
            }
            other => self.others.push(other),
        }
        Ok(())
    }
}

impl Transaction {
    /// Whether nobody was ever here. Who finds that has the accounts to itself.
    async fn is_empty(&self) -> Result<bool, Stop> {
        let last = self.lock_accounts().await?;
        Ok(last == 0 && self.row("SELECT FROM gateway.users LIMIT 1", &[]).await?.is_none())
    }

    async fn put(&self, gathered: Gathered) -> Result<(), Stop> {
        let Gathered { writes, others } = gathered;
        self.write(&writes).await?;
        let mut batch = Batch::default();
        let (mut seqs, mut lines) = (Vec::<i64>::new(), Vec::<String>::new());
        let (mut users, mut user_seqs) = (Vec::<i64>::new(), Vec::<i64>::new());
        let mut head = None;
        for line in others {
            match line {
                Line::Ticket { key, ticket } => {
                    let key = ticket_key(&key).map_err(StoreError::Corrupt)?.to_vec();
                    let (expires, record) = (millis(ticket.expires_at), encode(&ticket)?);
                    batch.add(
                        "INSERT INTO gateway.tickets VALUES ($1, $2, $3)",
                        columns![key, expires, record],
                    );
                }
                Line::Errand(queued) => errand(&mut batch, &queued)?,
                Line::Audit { line } => {
                    let sealed: Sealed = decode("an entry of the audit trail", &line)?;
                    let hash = Hash::of_line(&line).ok_or_else(|| damaged("an entry of the audit trail"))?;
                    let seq = signed(sealed.seq)?;
                    for user in sealed.entry.concerned() {
                        users.push(user_key(user));
                        user_seqs.push(seq);
                    }
                    head = Some((seq, hash.to_string()));
                    seqs.push(seq);
                    lines.push(line);
                }
                Line::Tally { hour, word, count } => {
                    let (hours, words, counts) = (vec![signed(hour)?], vec![word], vec![signed(count)?]);
                    batch.add(ADD_TALLIES, columns![hours, words, counts]);
                }
                _ => {}
            }
        }
        if let Some((seq, hash)) = head {
            batch.add(super::sealing::ADD_LINES, columns![seqs, lines]);
            batch.add(super::sealing::ADD_USERS, columns![users, user_seqs]);
            batch.add("UPDATE gateway.audit_head SET seq = $1, hash = $2", columns![seq, hash]);
        }
        self.execute_all(batch.0).await
    }

    async fn set_counters(&self, counters: &[(String, u64)]) -> Result<(), Stop> {
        for (name, value) in counters {
            let value = bounded(*value);
            match name.as_str() {
                LAST_USER_ID | LAST_INVITATION_ID => {
                    let sql = "UPDATE gateway.counters SET value = $2 WHERE name = $1";
                    self.execute(sql, &[name, &value]).await?;
                }
                LAST_ERRAND_ID if value > 0 => {
                    let sql = "SELECT setval('gateway.outbox_id_seq', $1)";
                    self.execute(sql, &[&value]).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn name(&self, installation: InstallationId) -> Result<(), Stop> {
        let sql = "UPDATE gateway.meta SET value = $1 WHERE name = 'installation'";
        self.execute(sql, &[&installation.to_string()]).await.map(drop)
    }
}

/// One that waits as it did.
fn errand(batch: &mut Batch, queued: &Queued) -> Result<(), StoreError> {
    let Queued { id, errand, request_id, created_at, due_at, attempts } = queued;
    let (id, way, errand, request_id) =
        (signed(*id)?, way(errand.way()), encode(errand)?, request_id.clone());
    let (created, due, attempts) = (millis(*created_at), millis(*due_at), i64::from(*attempts));
    batch.add(
        "INSERT INTO gateway.outbox (id, way, errand, request_id, created_at, due_at, attempts) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        columns![id, way, errand, request_id, created, due, attempts],
    );
    Ok(())
}

fn store(stop: Stop) -> TransferError {
    TransferError::Store(match stop {
        Stop::Refused(fault) => fault,
        Stop::Lost(fault) | Stop::Met(fault) => StoreError::Unavailable(fault),
    })
}
