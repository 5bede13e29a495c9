//! The largest record of each kind leaves the store and comes back.

use std::collections::BTreeSet;
use std::path::Path;

use gateway_identity::{Email, NAME_CHARACTERS_MAX, Role, SessionId, TokenId, UserAgent};
use gateway_store::transfer::verify;
use gateway_store::{
    Actor, AuditTrail, ENTRY_TEXT_BYTES_MAX, Entry, Event, Invitation, NewUser, Outbox, OutboxMessage,
    Purpose, Revocation, RevocationLedger, Session, Sessions, StoredHash, Ticket, TicketKey, Tickets, Users,
};
use gateway_store_sled::{SledOptions, SledStore};
use serde_json::Value;

use super::{at, new_user, room, session, user_id};
use crate::support::told::*;

fn email() -> Email {
    let domain = format!("{0}.{0}.{1}", "d".repeat(63), "e".repeat(62));
    Email::parse(&format!("{}@{domain}", "{".repeat(64))).unwrap()
}

/// Four bytes each.
fn name() -> String {
    "\u{1f600}".repeat(NAME_CHARACTERS_MAX)
}

fn hash() -> StoredHash {
    StoredHash("\\".repeat(512))
}

const ADDRESS: &str = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff";

/// With more than there is room for.
fn entry(event: Event) -> Entry {
    Entry {
        actor: Some(Actor::User { user_id: user_id(1) }),
        user_id: Some(user_id(1)),
        email: Some(email().to_string()),
        subject: Some("\"".repeat(255)),
        issuer: Some("i".repeat(32)),
        session: Some(SessionId::random()),
        address: Some(ADDRESS.to_owned()),
        user_agent: UserAgent::cut("\"".repeat(32_000).as_bytes()).said(),
        request_id: Some("r".repeat(128)),
        reason: Some("\u{1}".repeat(100_000).into()),
        detail: Some("\u{e4}\"".repeat(100_000)),
        ..Entry::new(event.as_str())
    }
}

fn errands() -> Vec<OutboxMessage> {
    let (user, at, email) = (user_id(1), at(1), email());
    vec![
        OutboxMessage::PasswordReset { email: email.clone() },
        OutboxMessage::PasswordChanged { user, at, address: ADDRESS.to_owned() },
        OutboxMessage::EmailVerification { user },
        OutboxMessage::Invitation { id: u64::MAX },
        OutboxMessage::Registration {
            email: email.clone(),
            password_hash: hash(),
            first_name: name(),
            last_name: name(),
        },
        OutboxMessage::AccountDeleted { email, name: name(), at },
        OutboxMessage::UserDeleted { user, at },
    ]
}

fn purposes() -> Vec<Purpose> {
    let (user, email) = (user_id(1), email());
    vec![
        Purpose::PasswordReset { user, password_version: u64::MAX },
        Purpose::EmailVerification { user, email: email.clone() },
        Purpose::Registration { email, password_hash: hash(), first_name: name(), last_name: name() },
        Purpose::Invitation { id: u64::MAX },
    ]
}

async fn filled(folder: &Path) -> SledStore {
    let store = SledStore::open(folder, SledOptions::default()).unwrap();
    let (first_name, last_name) = (name(), name());
    let new = new_user("ada@example.org", Role::Admin);
    let new = NewUser { email: email(), password_hash: hash(), first_name, last_name, ..new };
    store.create(new, work()).told().await.unwrap();
    let user_agent = UserAgent::cut("\\".repeat(32_000).as_bytes());
    let opened = Session { address: ADDRESS.to_owned(), user_agent, ..session() };
    Sessions::open(&store, opened, room(10), work()).told().await.unwrap();
    // More networks than are kept of an account.
    for network in 0..40 {
        let address = format!("2001:db8:ffff:{:x}:ffff:ffff:ffff:ffff", 0xff00 + network);
        Sessions::open(&store, Session { address, ..session() }, room(100), work()).told().await.unwrap();
    }
    let minimum = gateway_identity::Generation(u64::MAX);
    let revoked = [
        Revocation::Token { id: TokenId::random(), until: at(60) },
        Revocation::Session { id: SessionId::random(), until: at(60) },
        Revocation::Generation { user: user_id(1), minimum, until: at(60) },
    ];
    RevocationLedger::record(&store, &revoked, work()).told().await.unwrap();
    for (number, purpose) in purposes().into_iter().enumerate() {
        let ticket = Ticket { purpose, expires_at: at(60) };
        store.issue(TicketKey::from_token(&number.to_string()), ticket).await.unwrap();
    }
    let (email, role, invited_by) = (email(), Role::Admin, Some(user_id(1)));
    let invitation = Invitation { id: 0, email, role, created_at: at(0), expires_at: at(60), invited_by };
    store.invite(invitation, work()).told().await.unwrap();
    let (errands, request_id) = (errands(), Some("r".repeat(128)));
    for errand in errands {
        store.enqueue(errand, at(0), request_id.clone()).told().await.unwrap();
    }
    store.append(at(1), Event::ALL.map(entry).to_vec()).await.unwrap();
    store
}

fn exported(store: &SledStore) -> Vec<String> {
    let mut text = Vec::new();
    store.export(&mut text).unwrap();
    verify(&mut &*text).unwrap();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

/// All but the counters, which an import may raise.
fn records(lines: &[String]) -> Vec<&String> {
    lines.iter().filter(|line| !line.contains("\"record\":\"counter\"")).collect()
}

#[tokio::test]
async fn the_largest_record_of_each_kind_comes_back() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lines = exported(&filled(from.path()).await);
    let kinds: BTreeSet<_> = lines[1..]
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["record"].as_str().unwrap().to_owned())
        .collect();
    let all =
        ["audit", "counter", "end", "errand", "familiar", "invitation", "revocation", "session", "tally"];
    assert!(kinds.iter().eq(all.iter().chain(&["ticket", "user"])), "{kinds:?}");
    let copy = SledStore::open(to.path(), SledOptions::default()).unwrap();
    copy.import(&mut lines.join("\n").as_bytes(), gateway_store_sled::Importing::Restore).unwrap();
    assert_eq!(records(&exported(&copy)), records(&lines));
    assert!(copy.prove().await.unwrap().is_ok());
}

#[tokio::test]
async fn no_text_of_an_entry_is_longer_than_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    for line in store.lines(1, 1_000).await.unwrap() {
        let entry: Value = serde_json::from_str(&line).unwrap();
        if entry["reason"].is_null() {
            // Of a change that filled the store.
            continue;
        }
        for (member, value) in entry.as_object().unwrap() {
            let length = value.as_str().map_or(0, str::len);
            assert!(length <= ENTRY_TEXT_BYTES_MAX, "{member} has {length} bytes");
        }
        assert!(entry["reason"].as_str().unwrap().ends_with('…'), "what was left out is marked");
        assert_eq!(entry["user_agent"].as_str().unwrap().len(), UserAgent::BYTES_MAX);
    }
}
