//! The gateways that share a database: which of them live, and which keys each of them holds.

use serde::{Deserialize, Serialize};

use super::PostgresStore;
use super::load::{bounded, column, decode, encode, timestamp, unsigned};
use super::transaction::Transaction;
use gateway_clock::Timestamp;
use gateway_store::StoreError;
use std::time::Duration;

/// Whoever was not seen for so long does not live any more; each reports more often.
const LIVES_MS: i64 = 10_000;
/// How long it is told of a gateway that was there.
const TOLD_MS: i64 = 86_400_000;

/// Of one use of keys: by which new tokens are signed, and by which a token may be signed that is
/// accepted. A secret is told by a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKeys {
    pub usage: String,
    pub signs: String,
    pub accepts: Vec<String>,
}

/// A gateway, as it reports itself.
#[derive(Clone, Debug)]
pub struct Member {
    /// Of this run of it.
    pub id: String,
    /// The machine and the process.
    pub name: String,
    pub version: String,
    pub keys: Vec<HeldKeys>,
    /// How old its view of what is revoked was then.
    pub staleness: Duration,
}

/// What is known of a gateway.
#[derive(Clone, Debug)]
pub struct Seen {
    pub member: Member,
    pub started_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub is_live: bool,
}

/// Why the keys of two gateways do not go together, if they do not: each must accept what the other signs.
fn difference(mine: &[HeldKeys], theirs: &Member) -> Option<String> {
    let of = |keys: &[HeldKeys], usage: &str| keys.iter().find(|held| held.usage == usage).cloned();
    mine.iter().find_map(|mine| {
        let theirs_held = of(&theirs.keys, &mine.usage)?;
        let name = &theirs.name;
        if !theirs_held.accepts.contains(&mine.signs) {
            return Some(format!(
                "this gateway signs {} tokens by {}, which {name} does not accept: give it that key first, for verification",
                mine.usage, mine.signs
            ));
        }
        (!mine.accepts.contains(&theirs_held.signs)).then(|| {
            format!(
                "{name} signs {} tokens by {}, which this gateway does not have: configure the same secrets and keys",
                mine.usage, theirs_held.signs
            )
        })
    })
}

impl PostgresStore {
    /// Reports a gateway with these keys, unless they do not go together with those of one that lives: then
    /// nothing is reported, and the answer says what differs. One after the other does so.
    pub async fn join(&self, member: Member) -> Result<Result<(), String>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            transaction.counter("last_user_id").await?;
            for row in &transaction.rows(MEMBERS, &[&LIVES_MS]).await? {
                let seen = read(row)?;
                if !seen.is_live || seen.member.id == member.id {
                    continue;
                }
                if let Some(difference) = difference(&member.keys, &seen.member) {
                    return Ok(Err(difference));
                }
            }
            let keys = encode(&member.keys)?;
            let staleness = bounded(member.staleness.as_millis() as u64);
            let Member { id, name, version, .. } = &member;
            transaction.execute(REPORT, &[id, name, version, &keys, &staleness]).await?;
            transaction.execute(FORGET, &[&TOLD_MS]).await?;
            Ok(Ok(()))
        })
        .await
    }

    /// A gateway still lives.
    pub async fn report(&self, id: &str, staleness: Duration) -> Result<(), StoreError> {
        let (id, staleness) = (id.to_owned(), bounded(staleness.as_millis() as u64));
        self.transact(async move |transaction: &Transaction| {
            transaction.execute(ALIVE, &[&id, &staleness]).await.map(drop)
        })
        .await
    }

    /// It ends in order.
    pub async fn leave(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.transact(async move |transaction: &Transaction| {
            transaction.execute("DELETE FROM gateway.gateways WHERE id = $1", &[&id]).await.map(drop)
        })
        .await
    }

    /// All that were seen within a day, the one that was seen last first.
    pub async fn fleet(&self) -> Result<Vec<Seen>, StoreError> {
        self.read(MEMBERS, &[&LIVES_MS]).await?.iter().map(read).collect()
    }
}

const MEMBERS: &str = "SELECT id, name, version, keys, staleness_ms, started_at, last_seen_at, \
    last_seen_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $1 \
    FROM gateway.gateways ORDER BY last_seen_at DESC, id";

const REPORT: &str = "INSERT INTO gateway.gateways (id, name, version, keys, staleness_ms) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET keys = excluded.keys, \
    staleness_ms = excluded.staleness_ms, last_seen_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const ALIVE: &str = "UPDATE gateway.gateways SET staleness_ms = $2, \
    last_seen_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint WHERE id = $1";

const FORGET: &str = "DELETE FROM gateway.gateways \
    WHERE last_seen_at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $1";

fn read(row: &tokio_postgres::Row) -> Result<Seen, StoreError> {
    let staleness = Duration::from_millis(unsigned(column(row, 4)?, "a staleness")?);
    let keys = decode("the keys of a gateway", column(row, 3)?)?;
    let (id, name, version) = (column(row, 0)?, column(row, 1)?, column(row, 2)?);
    Ok(Seen {
        member: Member { id, name, version, keys, staleness },
        started_at: timestamp(column(row, 5)?)?,
        last_seen_at: timestamp(column(row, 6)?)?,
        is_live: column(row, 7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(signs: &str, accepts: &[&str]) -> Vec<HeldKeys> {
        let accepts = accepts.iter().map(|key| (*key).to_owned()).collect();
        vec![HeldKeys { usage: "access".to_owned(), signs: signs.to_owned(), accepts }]
    }

    fn member(keys: Vec<HeldKeys>) -> Member {
        let text = |text: &str| text.to_owned();
        Member { id: text("1"), name: text("one:7"), version: text("1"), keys, staleness: Duration::ZERO }
    }

    #[test]
    fn each_accepts_what_the_other_signs() {
        let old = member(held("old", &["old"]));
        assert_eq!(difference(&held("old", &["old"]), &old), None);
        assert_eq!(difference(&held("old", &["old", "new"]), &old), None, "first it is accepted everywhere");
        let prepared = member(held("old", &["old", "new"]));
        assert_eq!(difference(&held("new", &["new", "old"]), &prepared), None, "then it signs");
        let early = difference(&held("new", &["new", "old"]), &old).unwrap();
        assert!(early.contains("signs access tokens by new, which one:7 does not accept"), "{early}");
        let without = difference(&held("new", &["new"]), &prepared).unwrap();
        assert!(without.contains("one:7 signs access tokens by old"), "{without}");
    }
}
