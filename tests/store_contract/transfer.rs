//! An embedded store leaves as text and comes back whole, or not at all.

use std::path::Path;

use gateway_identity::{Role, SessionId, TokenId};
use gateway_store::transfer::TransferError;
use gateway_store::{Amendment, Revocation, RevocationLedger, Session, Sessions, Users};
use gateway_store_sled::{Importing, SledOptions, SledStore};
use tempfile::TempDir;

use super::{at, new_user, room, session, token, user_id};
use crate::support::told::*;

#[tokio::test]
async fn an_export_imports_into_an_equal_store() {
    let (_folder, store) = filled().await;
    let mut text = Vec::new();
    let counts = store.export(&mut text).unwrap();
    assert_eq!((counts.users, counts.sessions, counts.revocations), (3, 2, 3));

    let folder = tempfile::tempdir().unwrap();
    let copy = open(folder.path());
    assert_eq!(copy.import(&mut &*text, Importing::Restore).unwrap(), counts);
    drop(copy);
    let copy = open(folder.path());
    let later = String::from_utf8(text).unwrap().replace("\"value\":3}", "\"value\":1000003}");
    let unused = |line: &&str| !line.contains("last_invitation_id") && !line.contains("last_errand_id");
    let again = exported(&copy);
    assert_eq!(again.lines().filter(unused).collect::<Vec<_>>(), later.lines().collect::<Vec<_>>());
    assert_eq!(copy.installation().await.unwrap(), store.installation().await.unwrap());
    let mail = new_user("bob@example.org", Role::User).email;
    assert_eq!(copy.by_email(&mail).await.unwrap(), store.by_email(&mail).await.unwrap());
    assert_eq!(copy.page(1, 2).await.unwrap().users, store.page(1, 2).await.unwrap().users);
    assert_eq!(
        copy.create(new_user("new@example.org", Role::User), work()).told().await.unwrap().id,
        user_id(1_000_004),
        "ids that were given out since the export are not given again"
    );
    let demoted = Amendment { role: Some(Role::User), ..Amendment::default() };
    copy.amend(user_id(1), demoted, at(60), work()).told().await.expect_err("the last administrator stays");
    assert_eq!(Sessions::sweep(&copy, at(4_000)).await.unwrap(), 2);
    assert_eq!(RevocationLedger::sweep(&copy, at(61)).await.unwrap(), 2);
}

#[tokio::test]
async fn an_export_is_lines_of_json_with_a_header_and_an_end() {
    let (_folder, store) = filled().await;
    let text = exported(&store);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["format"], "gateway-store");
    assert_eq!(lines[0]["version"], 3);
    assert_eq!(lines[0]["store_id"], store.installation().await.unwrap().to_string());
    let mut records: Vec<_> = lines[1..].iter().map(|line| line["record"].as_str().unwrap()).collect();
    // Each change is recorded, too.
    records.retain(|record| !["audit", "tally"].contains(record));
    let expected = [
        "counter",
        "user",
        "user",
        "user",
        "session",
        "session",
        "familiar",
        "revocation",
        "revocation",
        "revocation",
        "end",
    ];
    assert_eq!(records, expected);
}

#[tokio::test]
async fn an_import_with_a_bad_line_names_it_and_writes_nothing() {
    let (_folder, store) = filled().await;
    let text = exported(&store);
    let lines: Vec<_> = text.lines().collect();
    let end = lines.len() - 1;
    let with = |place: usize, line: &str| {
        let mut lines = lines.clone();
        lines[place] = line;
        lines.join("\n") + "\n"
    };
    let swapped = lines[2].replace("ada@", "bob@");
    for (text, line, part) in [
        (String::new(), 1, "cut off"),
        (with(0, &lines[0].replace("gateway-store", "other")), 1, "format"),
        (with(0, "{\"format\":\"gateway-store\",\"version\":2,\"store_id\":\"x\"}"), 1, "UUID"),
        (with(0, &lines[0].replace("\"version\":3", "\"version\":4")), 1, "version 4"),
        (with(1, lines[2]), 2, "beyond the counter"),
        (with(3, "{\"record\":\"user\",\"id\":0}"), 4, ""),
        (with(3, lines[2]), 4, "user 1 was there before"),
        (with(2, &swapped), 4, "address of user 2 was there before"),
        (with(2, lines[8]), 6, "belongs to user 1"),
        (with(6, lines[5]), 7, "was there before"),
        (with(7, &lines[7].replace("\"user\":1", "\"user\":9")), 8, "networks of user 9"),
        (with(7, &lines[7].replace("/32", "/24")), 8, "must be an IPv4 address"),
        (with(10, lines[end]), 11, "were written"),
        (lines[..end].join("\n"), end as u64 + 1, "cut off"),
        (text.clone() + lines[8] + "\n", end as u64 + 2, "after the end"),
        (text[..text.find("\"session\"").unwrap()].to_owned(), 6, ""),
        (with(4, &"x".repeat(70_000)), 5, ""),
    ] {
        assert_refused(&text, line, part).await;
    }
}

async fn assert_refused(text: &str, at_line: u64, part: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let refused = store.import(&mut text.as_bytes(), Importing::Restore).unwrap_err();
    let TransferError::Line { line, fault } = &refused else { panic!("{refused}") };
    assert!(*line == at_line && fault.contains(part), "expected {at_line} {part}: {refused}");
    assert!(refused.to_string().starts_with(&format!("line {at_line}: ")), "{refused}");
    assert_eq!(store.page(0, 1).await.unwrap().total, 0);
    drop(store);
    assert_eq!(exported(&open(folder.path())).lines().count(), 3);
}

#[tokio::test]
async fn only_an_empty_store_takes_an_import() {
    let (_folder, store) = filled().await;
    let before = exported(&store);
    let refused = store.import(&mut before.as_bytes(), Importing::Restore).unwrap_err();
    assert!(matches!(refused, TransferError::NotEmpty), "{refused}");
    assert_eq!(exported(&store), before);

    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.record(&[Revocation::Token { id: TokenId::random(), until: at(60) }], work()).told().await.unwrap();
    let refused = store.import(&mut before.as_bytes(), Importing::Restore).unwrap_err();
    assert!(matches!(refused, TransferError::NotEmpty), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_export_during_writes_is_one_state_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let writing: Vec<_> = (0..400)
        .map(|n| {
            let store = store.clone();
            let new = new_user(&format!("u{n}@example.org"), Role::User);
            tokio::spawn(async move { store.create(new, work()).told().await.unwrap() })
        })
        .collect();
    let mut exports = vec![exported(&store)];
    while writing.iter().any(|write| !write.is_finished()) {
        exports.push(exported(&store));
    }
    for text in exports {
        // The counter of ids stands in line 2; the import refuses an account that is beyond it.
        let users = text.matches("\"record\":\"user\"").count();
        assert!(text.contains(&format!("\"value\":{users}}}")), "{users} users: {text}");
        let copy = tempfile::tempdir().unwrap();
        open(copy.path()).import(&mut text.as_bytes(), Importing::Restore).unwrap();
    }
}

/// A deletion removes the account first, and what is too much for one step after it.
#[tokio::test]
async fn what_a_deletion_left_behind_that_was_broken_off_spoils_no_export() {
    let (_folder, store) = filled().await;
    let left = Session { user: user_id(9), ..session() };
    Sessions::open(&store, left.clone(), room(1_000), work()).told().await.unwrap();
    assert!(store.familiar_to(user_id(9)).await.unwrap().is_empty());
    let text = exported(&store);
    assert!(!text.contains(&left.id.to_string()));
    let copy = tempfile::tempdir().unwrap();
    open(copy.path()).import(&mut text.as_bytes(), Importing::Restore).unwrap();
}

fn open(folder: &Path) -> SledStore {
    SledStore::open(folder, SledOptions::default()).unwrap()
}

fn exported(store: &SledStore) -> String {
    let mut text = Vec::new();
    store.export(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Three accounts, one of them active administrator, two sessions, three revocations.
async fn filled() -> (TempDir, SledStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (name, role) in [("ada", Role::Admin), ("bob", Role::Admin), ("eve", Role::User)] {
        store.create(new_user(&format!("{name}@example.org"), role), work()).told().await.unwrap();
    }
    let retired = Amendment { is_active: Some(false), ..Amendment::default() };
    store.amend(user_id(2), retired, at(60), work()).told().await.unwrap();
    Sessions::open(&store, session(), room(1_000), work()).told().await.unwrap();
    let previous = Some((token().id, at(5)));
    Sessions::open(&store, Session { previous, ..session() }, room(1_000), work()).told().await.unwrap();
    let revoked = [
        Revocation::Token { id: TokenId::random(), until: at(60) },
        Revocation::Session { id: SessionId::random(), until: at(90) },
    ];
    store.record(&revoked, work()).told().await.unwrap();
    (folder, store)
}
