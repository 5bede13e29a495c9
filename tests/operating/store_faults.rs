//! The disk is full, or the store is damaged: a clear answer, and nothing silently wrong.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::json;

use crate::support::gateway::{Gateway, Setup, run};
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, Person, fresh_email};
use crate::support::small_disk::SmallDisk;
use crate::support::upstream::Upstream;
use crate::support::{copy_folder, eventually};

/// More room than any disk has.
const NEVER_ENOUGH: &str = "9000000000000000000";

#[track_caller]
fn is_full(reply: &Reply) {
    assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{}", reply.text());
    let wait: u32 = reply.header("retry-after").parse().unwrap();
    assert!(wait >= 1);
    for leak in ["MiB", "/tmp", "sled", "disk"] {
        assert!(!reply.text().contains(leak), "{}", reply.text());
    }
}

fn register(gateway: &Gateway) -> Reply {
    let body = json!({"email": fresh_email(), "password": PASSWORD});
    gateway.client().post("/api/auth/register").json(&body).send()
}

fn log_in(gateway: &Gateway, person: &Person) -> Reply {
    let body = json!({"email": person.email, "password": PASSWORD});
    gateway.client().post("/api/auth/login").json(&body).send()
}

#[test]
fn on_a_full_disk_writes_are_refused_and_verification_and_reads_go_on() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let setup = || Setup::before(upstream.address).data(folder.path());
    let mut before = setup().start();
    let (ada, admin, gone) = (before.user(), before.admin(), before.user());
    assert_eq!(gone.log_out().status, 200);
    before.terminate();

    let full = setup().env("GATEWAY__STORE__MIN_FREE_BYTES", NEVER_ENOUGH).start();
    let act = |person: &Person, method: &str, path: &str| {
        full.client().request(method, path).bearer(&person.access)
    };
    assert_eq!(act(&ada, "GET", "/api/todos").send().status, 200, "verification goes on");
    assert_eq!(act(&gone, "GET", "/api/todos").send().code(), "token_revoked");
    assert_eq!(act(&ada, "GET", "/api/auth/profile").send().status, 200, "reads go on");
    assert_eq!(act(&admin, "GET", "/api/auth/users").send().status, 200);
    is_full(&register(&full));
    is_full(&log_in(&full, &ada));
    is_full(&act(&ada, "PUT", "/api/auth/profile").json(&json!({"first_name": "Ada"})).send());
    let demote = act(&admin, "PATCH", &format!("/api/auth/users/{}", ada.id));
    is_full(&demote.json(&json!({"is_active": false})).send());
    let renew = json!({"refresh_token": ada.refresh, "rotate": true});
    is_full(&full.client().post("/api/auth/refresh").json(&renew).send());
    is_full(&act(&ada, "POST", "/api/auth/logout").send());
    assert_eq!(full.operator().get("/healthz").send().status, 200);
    drop(full);

    let after = setup().start();
    assert_eq!(log_in(&after, &ada).status, 200, "nothing is broken by it");
    let users = after.admin().get("/api/auth/users").json();
    assert_eq!(users["users"].as_array().unwrap().len(), 3, "what was refused did not happen");
}

#[test]
fn a_full_disk_that_is_emptied_needs_no_restart() {
    let Some(disk) = SmallDisk::mount(64) else {
        return eprintln!("left out: only root can mount a small disk to fill");
    };
    let least = (16 << 20).to_string();
    let folder = disk.path().join("data");
    let gateway = Setup::new("").data(&folder).env("GATEWAY__STORE__MIN_FREE_BYTES", &least).start();
    let ada = gateway.user();
    let ballast = disk.fill_but(8);
    eventually("writes are refused", || register(&gateway).status == 503);
    is_full(&log_in(&gateway, &ada));
    assert_eq!(ada.get("/api/auth/profile").status, 200);
    assert_eq!(gateway.ready().status, 200, "it still serves");
    std::fs::remove_file(ballast).unwrap();
    eventually("writes are accepted", || register(&gateway).status == 201);
    assert_eq!(log_in(&gateway, &ada).status, 200);
}

#[test]
fn a_new_store_on_a_full_disk_is_not_begun() {
    let Err(failed) = Setup::new("").env("GATEWAY__STORE__MIN_FREE_BYTES", NEVER_ENOUGH).try_start() else {
        panic!("it started")
    };
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("no store was made in"), "{}", failed.stderr);
    assert!(failed.stderr.contains("MiB free"), "{}", failed.stderr);
}

/// A store with a few accounts, sessions and a revocation, of a gateway that has stopped.
fn stopped_store(folder: &Path) -> (Person, Person) {
    let mut gateway = Setup::new("").data(folder).start();
    let (ada, gone) = (gateway.user(), gateway.user());
    assert_eq!(gone.log_out().status, 200);
    gateway.terminate();
    (ada, gone)
}

type Damage = fn(&Path);

fn truncate(file: &Path, part: u64) {
    let length = file.metadata().unwrap().len();
    OpenOptions::new().write(true).open(file).unwrap().set_len(length / part).unwrap();
}

fn garble(file: &Path, from: u64, bytes: usize) {
    let mut file = OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(&vec![0xA5; bytes]).unwrap();
}

#[test]
fn a_damaged_store_is_told_of_and_never_served() {
    let damages: [(&str, Damage); 8] = [
        ("the log is empty", |folder| truncate(&folder.join("db"), u64::MAX)),
        ("the log is halved", |folder| truncate(&folder.join("db"), 2)),
        ("the log begins with garbage", |folder| garble(&folder.join("db"), 0, 4_096)),
        ("the log is garbage", |folder| garble(&folder.join("db"), 0, 400_000)),
        ("the configuration of sled is garbage", |folder| garble(&folder.join("conf"), 0, 64)),
        ("the log is gone", |folder| std::fs::remove_file(folder.join("db")).unwrap()),
        ("the witness is garbage", |folder| garble(&folder.join("witness"), 0, 64)),
        ("the log is another one's", |folder| {
            let other = tempfile::tempdir().unwrap();
            drop(
                Setup::new("")
                    .env("GATEWAY_ADMIN_EMAIL", "")
                    .env("GATEWAY_ADMIN_PASSWORD", "")
                    .data(other.path())
                    .start(),
            );
            std::fs::copy(other.path().join("db"), folder.join("db")).unwrap();
        }),
    ];
    let whole = tempfile::tempdir().unwrap();
    stopped_store(whole.path());
    for (what, damage) in damages {
        let folder = copy_folder(whole.path());
        damage(folder.path());
        let Err(failed) = Setup::new("").data(folder.path()).try_start() else { panic!("started: {what}") };
        let said = &failed.stderr;
        assert_eq!(failed.status.code(), Some(1), "{what}: {said}");
        let place = format!("the store in {} ", folder.path().display());
        assert!(said.contains(&place) && said.contains("is damaged"), "{what}: {said}");
        assert!(said.contains("gateway store import"), "{what}: what to do is not said: {said}");
        assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{what}: {said}");
    }
}

#[test]
fn a_flipped_byte_is_noticed_or_does_no_harm() {
    let whole = tempfile::tempdir().unwrap();
    let (ada, gone) = stopped_store(whole.path());
    for step in 0..24 {
        let folder = copy_folder(whole.path());
        let log = folder.path().join("db");
        let length = log.metadata().unwrap().len();
        let used = std::fs::read(&log).unwrap().iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64;
        garble(&log, used.min(length - 1) * step / 24, 1);
        let started = Setup::new("").data(folder.path()).try_start();
        let Ok(gateway) = started else {
            let failed = started.err().unwrap();
            assert_eq!(failed.status.code(), Some(1), "{}", failed.stderr);
            assert!(failed.stderr.contains("the store in "), "{}", failed.stderr);
            assert!(!failed.stderr.contains("panicked"), "{}", failed.stderr);
            continue;
        };
        let revoked = gateway.client().get("/api/auth/profile").bearer(&gone.access).send();
        assert_ne!(revoked.status, 200, "byte {step}/24: a revoked token is accepted");
        let known = log_in(&gateway, &ada);
        assert!([200, 503].contains(&known.status), "byte {step}/24: {}", known.text());
    }
}

fn store(arguments: &[&str]) -> (i32, String, String) {
    let all: Vec<_> = std::iter::once("store").chain(arguments.iter().copied()).collect();
    run(&all, &[])
}

#[test]
fn an_exported_store_is_imported_whole() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ada, gone) = stopped_store(old.path());
    let (status, export, said) = store(&["export", "--data", old.path().to_str().unwrap()]);
    assert_eq!((status, said.trim()), (0, "3 users, 1 session, 2 revocations"), "{said}");
    assert!(!export.contains(PASSWORD) && !export.contains(&ada.refresh));
    let file = new.path().join("export");
    std::fs::write(&file, export).unwrap();
    let (data, file) = (new.path().join("data"), file.to_str().unwrap());
    let (status, out, said) = store(&["import", "--data", data.to_str().unwrap(), file]);
    assert_eq!((status, out.as_str()), (0, ""), "{said}");
    assert!(
        said.starts_with("installation ") && said.ends_with("3 users, 1 session, 2 revocations\n"),
        "{said}"
    );

    let gateway = Setup::new("").data(&data).start();
    assert_eq!(gateway.log_in(&ada.email, PASSWORD).id, ada.id);
    let renew = |person: &Person| {
        let body = json!({"refresh_token": person.refresh});
        gateway.client().post("/api/auth/refresh").json(&body).send().status
    };
    assert_eq!((renew(&ada), renew(&gone)), (200, 401), "sessions came along");
    let refused = gateway.client().get("/api/auth/profile").bearer(&gone.access).send();
    assert_eq!((refused.status, refused.code().as_str()), (401, "token_revoked"));
    assert!(gateway.user().id > gone.id, "ids are never reused");
    assert_eq!(gateway.admin().get("/api/auth/users").status, 200);
}

#[test]
fn an_import_goes_only_into_an_empty_store() {
    let (old, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    stopped_store(old.path());
    let (bob, _) = stopped_store(other.path());
    let (_, export, _) = store(&["export", "--data", old.path().to_str().unwrap()]);
    let file = old.path().join("export");
    std::fs::write(&file, export).unwrap();
    let (status, _, said) =
        store(&["import", "--data", other.path().to_str().unwrap(), file.to_str().unwrap()]);
    assert_eq!(status, 1);
    assert!(said.contains("import into a new folder"), "{said}");
    let gateway = Setup::new("").data(other.path()).start();
    assert_eq!(log_in(&gateway, &bob).status, 200, "what was there is untouched");
}

#[test]
fn a_bad_line_is_named_by_its_number_and_nothing_is_imported() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    stopped_store(old.path());
    let (_, export, _) = store(&["export", "--data", old.path().to_str().unwrap()]);
    let lines: Vec<_> = export.lines().collect();
    let (file, data) = (new.path().join("export"), new.path().join("data"));
    let import = |text: &str| {
        std::fs::write(&file, text).unwrap();
        store(&["import", "--data", data.to_str().unwrap(), file.to_str().unwrap()])
    };
    let with = |number: usize, line: &str| {
        let mut lines = lines.clone();
        lines[number - 1] = line;
        lines.join("\n") + "\n"
    };
    let last = lines.len();
    let cases = [
        (with(1, "{}"), 1),
        (with(3, "no JSON"), 3),
        (with(4, lines[2]), 4),
        (with(last, lines[1]), last),
        (lines[..last - 1].join("\n") + "\n", last),
        (String::new(), 1),
    ];
    for (text, number) in cases {
        let (status, _, said) = import(&text);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(&format!("line {number}: ")), "line {number} is not named: {said}");
        assert!(said.contains("nothing was imported"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    assert_eq!(import(&export).0, 0, "the store stayed empty");
}

#[test]
fn a_store_that_is_not_there_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let (status, out, said) = store(&["export", "--data", missing.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(said.contains("there is no such folder"), "{said}");
    assert!(!missing.exists(), "asking made it");
}
