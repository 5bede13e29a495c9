//! Answers whose size the asker chooses: exports, and pages of long lists.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backup::Backup;
use crate::support::belongings::memory;
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, Person};
use crate::support::raw::Raw;
use crate::support::stores::plain_sled;

/// Bytes of text in each event.
const TEXT: usize = 4_000;
/// Events of an export that does not go out while nobody reads it: the kernel keeps 4 MiB for a socket.
const MORE_THAN_A_SOCKET_HOLDS: usize = 1_600;

/// A gateway on whose trail each of so many people has so many long events; in a folder of its own.
fn recorded(people: usize, each: usize) -> (TempDir, Gateway, Vec<Person>) {
    let folder = tempfile::tempdir().unwrap();
    let (before, data) = (folder.path().join("before"), folder.path().join("data"));
    let mut gateway = Setup::new("").unlimited().data(&before).start();
    let known: Vec<_> = (0..people).map(|_| gateway.user()).collect();
    gateway.terminate();
    let ids: Vec<_> = known.iter().map(|person| person.id).collect();
    let (status, _, said) = Backup::of(&before).with_events(&ids, each, TEXT).restore(&data);
    assert_eq!(status, 0, "{said}");
    let gateway = Setup::new(H2C).unlimited().data(&data).start();
    let people = known.iter().map(|person| gateway.log_in(&person.email, PASSWORD)).collect();
    (folder, gateway, people)
}

const EXPORT: &str = "/api/auth/profile/export";
const SESSIONS: &str = "/api/auth/sessions";
const H2C: &str = "[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true";

fn head_of(person: &Person, version: &str) -> String {
    format!("GET {EXPORT} HTTP/{version}\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", person.access)
}

/// Asks for an export, and reads no more than the status.
fn begins(gateway: &Gateway, person: &Person) -> (Raw, u16) {
    let mut reader = Raw::narrow(gateway.address);
    let status = reader.send(head_of(person, "1.1")).head().unwrap().status;
    (reader, status)
}

/// Numbers of the events, as they come.
fn numbers(export: &Value) -> Vec<u64> {
    export["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

/// All of them once, the newest first.
#[track_caller]
fn is_whole(export: &Value, events: usize) {
    let numbers = numbers(export);
    assert!(numbers.is_sorted_by(|one, next| one > next), "{numbers:?}");
    let long = export["events"].as_array().unwrap().iter().filter(|event| event["now"].is_string());
    assert_eq!(long.count(), events);
    assert!(export["account"]["id"].is_u64() && export["exported_at"].is_string());
    assert!(!export["sessions"].as_array().unwrap().is_empty());
}

#[test]
fn exports_that_nobody_reads_take_little_memory_and_hold_nobody_up() {
    const PEOPLE: usize = 2;
    let (_folder, gateway, people) = recorded(PEOPLE, MORE_THAN_A_SOCKET_HOLDS);
    // What the store keeps of its files in memory, and the allocator of what was freed, is there before.
    people.iter().for_each(|person| is_whole(&person.get(EXPORT).json(), MORE_THAN_A_SOCKET_HOLDS));
    let before = memory(gateway.pid());
    let readers: Vec<_> = (0..16 * PEOPLE).map(|number| begins(&gateway, &people[number % PEOPLE])).collect();
    let grown = memory(gateway.pid()).saturating_sub(before);
    assert!(grown < 48 << 20, "{} KiB for {} readers", grown >> 10, readers.len());
    let statuses: Vec<_> = readers.iter().map(|(_, status)| *status).collect();
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), PEOPLE, "{statuses:?}");
    gateway.log_in(&people[0].email, PASSWORD).get("/api/auth/profile").is_served(200);
}

#[test]
fn of_an_account_one_export_runs_at_a_time_until_its_reader_is_gone() {
    let (_folder, gateway, people) = recorded(2, MORE_THAN_A_SOCKET_HOLDS);
    let (reader, status) = begins(&gateway, &people[0]);
    assert_eq!(status, 200);
    let refused = people[0].get(EXPORT);
    refused.is_refused(429, "Too many long answers at once", "answer_in_progress");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    is_whole(&people[1].get(EXPORT).json(), MORE_THAN_A_SOCKET_HOLDS);
    drop(reader);
    let mut last = None;
    eventually("the place is free again", || {
        let reply = people[0].get(EXPORT);
        let is_there = reply.status == 200;
        last = Some(reply);
        is_there
    });
    is_whole(&last.unwrap().json(), MORE_THAN_A_SOCKET_HOLDS);
    // One that was read to its end makes room at once.
    is_whole(&people[0].get(EXPORT).json(), MORE_THAN_A_SOCKET_HOLDS);
}

#[test]
fn an_export_comes_whole_over_each_protocol_and_the_connection_lives_on() {
    let (_folder, gateway, people) = recorded(1, 300);
    let ada = &people[0];
    let mut raw = Raw::connect(gateway.address);
    for _ in 0..2 {
        let reply = raw.send(head_of(ada, "1.1")).reply().unwrap();
        assert_eq!(reply.field("transfer-encoding").as_deref(), Some("chunked"));
        assert_eq!(reply.field("content-disposition").unwrap(), "attachment; filename=\"account.json\"");
        is_whole(&serde_json::from_slice(&reply.body).unwrap(), 300);
    }
    raw.send(head_of(ada, "1.1").replacen("GET", "HEAD", 1));
    assert_eq!(raw.head().unwrap().status, 200);
    assert_eq!(raw.send(head_of(ada, "1.1")).reply().unwrap().status, 200, "no body was between them");
    let mut old = Raw::connect(gateway.address);
    let head = old.send(head_of(ada, "1.0")).head().unwrap();
    assert_eq!((head.status, head.field("transfer-encoding")), (200, None));
    is_whole(&serde_json::from_str(&old.rest()).unwrap(), 300);
    let bearer = format!("Bearer {}", ada.access);
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let reply = client.get(EXPORT, &[("authorization", &bearer)]).unwrap();
    is_whole(&serde_json::from_slice(&reply.body).unwrap(), 300);
}

/// An entry that cannot be read, behind the first piece.
#[test]
fn an_export_that_breaks_off_is_not_taken_for_a_whole_one() {
    let (folder, mut gateway, people) = recorded(1, 300);
    gateway.terminate();
    let data = folder.path().join("data");
    {
        let db = plain_sled(&data);
        let trail = db.open_tree("audit").unwrap();
        let (key, _) = trail.iter().nth(20).unwrap().unwrap();
        trail.insert(key, "{").unwrap();
        db.flush().unwrap();
    }
    let gateway = Setup::new(H2C).data(&data).start();
    let ada = gateway.log_in(&people[0].email, PASSWORD);
    let mut raw = Raw::connect(gateway.address);
    assert!(raw.send(head_of(&ada, "1.1")).reply().is_none(), "there is no last chunk");
    gateway.says("an export broke off");
    let bearer = format!("Bearer {}", ada.access);
    let mut client = H2::plain(gateway.further[0]).unwrap();
    client.get(EXPORT, &[("authorization", &bearer)]).unwrap_err();
}

#[test]
fn of_an_account_one_long_list_of_sessions_is_read_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (before, data) = (folder.path().join("before"), folder.path().join("data"));
    let mut gateway = Setup::new("").data(&before).start();
    let (ada, bob) = (gateway.user(), gateway.user());
    gateway.terminate();
    assert_eq!(Backup::of(&before).with_sessions(ada.id, 600).restore(&data).0, 0);
    let gateway = Setup::new(H2C).data(&data).start();
    let (ada, bob) = (gateway.log_in(&ada.email, PASSWORD), gateway.log_in(&bob.email, PASSWORD));
    // As much as a window or two of HTTP/2 have room for, and no more is read.
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let bearer = format!("Bearer {}", ada.access);
    let mut slow = client.open(client.request("GET", SESSIONS, &[("authorization", &bearer)]));
    slow.send.send_data(Default::default(), true).unwrap();
    assert!(client.next(&mut slow).unwrap().is_some(), "it is being read");
    let refused = ada.get(SESSIONS);
    refused.is_refused(429, "Too many long answers at once", "answer_in_progress");
    assert_eq!(bob.sessions().len(), 2);
    drop((slow, client));
    eventually("its reader is gone", || ada.get(SESSIONS).status == 200);
    for _ in 0..3 {
        assert_eq!(ada.sessions().len(), 602);
    }
}

/// All pages of the trail by this query.
fn pages(admin: &Person, query: &str) -> Vec<Reply> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("/api/auth/audit?{query}{cursor}"));
        let next = page.is_served(200)["next_cursor"].as_str().map(str::to_owned);
        pages.push(page);
        let Some(next) = next else { return pages };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn pages_of_the_trail_are_bounded_in_bytes_and_none_is_left_out() {
    let (_folder, gateway, people) = recorded(1, 600);
    let admin = gateway.admin();
    let pages = pages(&admin, &format!("limit=500&user_id={}", people[0].id));
    let largest = pages.iter().map(|page| page.body.len()).max().unwrap();
    assert!(largest < 640 << 10, "{largest} bytes");
    let all: Vec<_> = pages.iter().flat_map(|page| numbers(&page.json())).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert!(all.len() >= 600, "{} events", all.len());
    // The same through the socket of operators.
    let (status, out, said) = gateway.run(&["audit", "export"]);
    assert_eq!(status, 0, "{said}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(numbers.len() > 600);
}

#[test]
fn the_list_of_invitations_comes_in_pages() {
    let gateway = Setup::new("").unlimited().start();
    let admin = gateway.admin();
    let emails: Vec<_> = (0..5).map(|number| format!("guest{number}@example.com")).collect();
    for email in &emails {
        admin.request("POST", "/api/auth/invitations").json(&json!({"email": email})).send().is_served(201);
    }
    let mut listed = Vec::new();
    for page in 1..=3 {
        let body = admin.get(&format!("/api/auth/invitations?page={page}&per_page=2")).is_served(200);
        assert_eq!(body["pagination"], json!({"page": page, "per_page": 2, "total": 5, "pages": 3}));
        let emails = body["invitations"].as_array().unwrap().iter();
        listed.extend(emails.map(|one| one["email"].as_str().unwrap().to_owned()));
    }
    assert_eq!(listed, emails);
    assert_eq!(admin.get("/api/auth/invitations").is_served(200)["pagination"]["per_page"], 500);
}
