//! The audit trail itself: it holds together, whatever happens to the gateway and to its folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_clock::Timestamp;
use gateway_identity::UserId;
use gateway_store::{AuditQuery, AuditTrail, Break, Entry, Hash, Proof, Prover};
use gateway_store_sled::{SledOptions, SledStore};
use serde_json::{Value, json};

use super::{NEW, WRONG};
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::stores::plain_sled;
use crate::support::told::*;

fn open(folder: &Path) -> SledStore {
    SledStore::open(folder, SledOptions::default()).unwrap()
}

async fn prove(folder: &Path) -> Result<Proof, Break> {
    open(folder).prove().await.unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn entry(user: u64) -> Entry {
    Entry { user_id: UserId::new(user), ..Entry::new("login_succeeded") }
}

/// One entry a second, of users in turn.
async fn filled(folder: &Path, entries: u64) {
    let store = open(folder);
    for number in 0..entries {
        store.append(at(number), vec![entry(number % 3 + 1)]).await.unwrap();
    }
}

/// Page by page.
async fn all_lines(store: &SledStore) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = store.lines(all.len() as u64 + 1, usize::MAX).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Does what is recorded, and notes the ids of the requests that were answered.
fn act(gateway: &Gateway, answered: &Mutex<BTreeSet<String>>, count: &AtomicUsize) -> Option<()> {
    let client = gateway.client();
    let told = |reply: Option<Reply>, expected: u16| {
        let reply = reply?;
        assert_eq!(reply.status, expected, "{}", reply.text());
        answered.lock().unwrap().insert(reply.header("x-request-id").to_owned());
        count.fetch_add(1, Ordering::Relaxed);
        Some(reply)
    };
    let email = fresh_email();
    let who = |password: &str| json!({"email": email, "password": password});
    let post = |path: &str, body: &Value| client.post(path).json(body).try_send().ok();
    told(post("/api/auth/register", &who(PASSWORD)), 201)?;
    told(post("/api/auth/login", &who(WRONG)), 401)?;
    let tokens = told(post("/api/auth/login", &who(PASSWORD)), 200)?.json();
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    told(post("/api/auth/password/forgot", &json!({"email": email})), 202)?;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    let change = client.put("/api/auth/password").bearer(&access).json(&change);
    told(change.try_send().ok(), 200)?;
    told(client.post("/api/auth/logout").bearer(&access).try_send().ok(), 200)?;
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answered_act_is_in_the_trail_after_kills_in_the_middle_of_load() {
    let folder = tempfile::tempdir().unwrap();
    let answered = Mutex::new(BTreeSet::new());
    for round in 0..4 {
        let mut gateway = Setup::new("").unlimited().data(folder.path()).start();
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| while act(&gateway, &answered, &count).is_some() {});
            }
            eventually("they act", || count.load(Ordering::Relaxed) >= 8 + 4 * round);
            gateway.signal(rustix::process::Signal::KILL);
        });
        gateway.kill();
        let store = open(folder.path());
        let proof = store.prove().await.unwrap().unwrap();
        assert_eq!((proof.first, proof.last), (1, proof.entries));
        let lines = all_lines(&store).await;
        let recorded: BTreeSet<_> = lines
            .iter()
            .filter_map(|line| {
                let entry: Value = serde_json::from_str(line).unwrap();
                entry["request_id"].as_str().map(str::to_owned)
            })
            .collect();
        let missing: Vec<_> = answered.lock().unwrap().difference(&recorded).cloned().collect();
        assert_eq!(missing, [""; 0], "answered, and not recorded");
    }
}

#[tokio::test]
async fn what_is_tampered_with_in_the_folder_is_found() {
    type Tamper = fn(&sled::Tree, &sled::Tree);
    fn key(seq: u64) -> [u8; 8] {
        seq.to_be_bytes()
    }
    let tampers: [(&str, Tamper, Break); 7] = [
        (
            "an entry is changed",
            |audit, _| {
                let line = audit.get(key(5)).unwrap().unwrap();
                let line = String::from_utf8(line.to_vec()).unwrap().replace("succeeded", "succeedee");
                audit.insert(key(5), line.as_bytes()).unwrap();
            },
            Break::Changed { seq: 5 },
        ),
        (
            "an entry is removed",
            |audit, _| drop(audit.remove(key(5)).unwrap()),
            Break::OutOfPlace { expected: 5, found: 6 },
        ),
        (
            "two change places",
            |audit, _| {
                let (one, other) = (audit.get(key(5)).unwrap().unwrap(), audit.get(key(6)).unwrap().unwrap());
                audit.insert(key(5), other).unwrap();
                audit.insert(key(6), one).unwrap();
            },
            Break::OutOfPlace { expected: 5, found: 6 },
        ),
        (
            "the end is cut off",
            |audit, _| drop(audit.remove(key(10)).unwrap()),
            Break::CutOff { expected: 10, found: 9 },
        ),
        (
            "the beginning is cut off",
            |audit, _| drop(audit.remove(key(1)).unwrap()),
            Break::Beheaded { seq: 2 },
        ),
        ("it is emptied", |audit, _| audit.clear().unwrap(), Break::CutOff { expected: 10, found: 0 }),
        (
            "an entry is sealed anew",
            |audit, _| {
                let (line, _) = gateway_store::seal(5, at(4), entry(9), Hash::default()).unwrap();
                audit.insert(key(5), line.as_bytes()).unwrap();
            },
            Break::Unlinked { seq: 5 },
        ),
    ];
    for (what, tamper, expected) in tampers {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 10).await;
        assert_eq!(prove(folder.path()).await.unwrap().entries, 10);
        let db = plain_sled(folder.path());
        tamper(&db.open_tree("audit").unwrap(), &db.open_tree("meta").unwrap());
        drop(db);
        assert_eq!(prove(folder.path()).await, Err(expected), "{what}");
    }
}

/// Whoever has the folder can make all of it anew. What was noted elsewhere tells.
#[tokio::test]
async fn a_trail_that_was_written_anew_is_found_by_what_was_noted_elsewhere() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(folder.path(), 10).await;
    let noted = prove(folder.path()).await.unwrap();
    let store = open(other.path());
    for number in 0..12 {
        store.append(at(number), vec![entry(7)]).await.unwrap();
    }
    assert_eq!(store.prove().await.unwrap().unwrap().entries, 12, "it holds together by itself");
    let mut prover = Prover::new(Some((noted.last, noted.head)));
    let lines = store.lines(1, 100).await.unwrap();
    let found = lines.iter().find_map(|line| prover.take(line).err());
    assert_eq!(found, Some(Break::Rewritten { seq: 10 }));
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_trail_says_so_and_still_holds() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 600).await;
    let store = open(folder.path());
    let day = Duration::from_secs(86_400);
    assert_eq!(store.expire(at(0), at(600)).await.unwrap(), 0);
    assert_eq!(store.prove().await.unwrap().unwrap().entries, 600, "nothing was said about nothing");
    // More than fits into one transaction.
    assert_eq!(store.expire(at(550), at(600)).await.unwrap(), 550);
    let proof = store.prove().await.unwrap().unwrap();
    assert_eq!(proof.first, 551);
    assert!((601..=610).contains(&proof.last), "{proof:?}");
    let all = AuditQuery { limit: 1_000, ..AuditQuery::default() };
    for user in 1..=3 {
        let query = AuditQuery { user: UserId::new(user), ..all.clone() };
        let page = store.find(query).await.unwrap();
        let left = (550..600).filter(|number| number % 3 + 1 == user).count();
        assert_eq!((page.lines.len(), page.next), (left, None), "{user}");
    }
    let said =
        store.find(AuditQuery { event: Some("audit_expired".to_owned()), ..all.clone() }).await.unwrap();
    assert!(said.lines[0].contains("through 550 "), "{:?}", said.lines);
    // All of it, what was said before included, and then more is written.
    store.expire(at(700), at(700).plus(day)).await.unwrap();
    store.append(at(800).plus(day), vec![entry(1)]).await.unwrap();
    let proof = store.prove().await.unwrap().unwrap();
    assert!(proof.entries <= 4, "{proof:?}");
    drop(store);
    assert_eq!(prove(folder.path()).await.unwrap(), proof, "also when it is opened again");
    // A beginning for which no such entry vouches was cut off by somebody.
    let db = plain_sled(folder.path());
    db.open_tree("audit").unwrap().remove(proof.first.to_be_bytes()).unwrap();
    drop(db);
    assert!(matches!(prove(folder.path()).await, Err(Break::Beheaded { .. })));
}

#[tokio::test]
async fn counts_for_reports_go_with_the_entries_that_they_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let hour = |at: Timestamp| at.seconds() / 3_600;
    let (old, new) = (at(0), at(7_200));
    for moment in [old, old, new] {
        store.append(moment, vec![entry(1)]).await.unwrap();
    }
    let sum = store.tallies(hour(old), hour(new)).await.unwrap();
    assert_eq!(sum, [("login_succeeded".to_owned(), 3)]);
    store.expire(new, new).await.unwrap();
    let sum = store.tallies(0, u64::MAX).await.unwrap();
    assert!(sum.contains(&("login_succeeded".to_owned(), 1)), "{sum:?}");
    assert!(store.prove().await.unwrap().is_ok());
}

/// A search that has come to its beginning in time is over: who follows the cursor must not be led
/// through all of what is older, entry by entry.
#[tokio::test]
async fn a_search_ends_where_its_time_begins() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 300).await;
    let store = open(folder.path());
    for user in [None, UserId::new(1)] {
        let query = AuditQuery { user, since: Some(at(290)), limit: 100, ..AuditQuery::default() };
        let page = store.find(query).await.unwrap();
        let expected = if user.is_some() { 3 } else { 10 };
        assert_eq!((page.lines.len(), page.next), (expected, None));
    }
}
