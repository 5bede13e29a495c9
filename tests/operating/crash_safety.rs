//! `kill -9` in the middle of parallel writes: what was answered is there afterwards, every time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::json;

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Client, Reply, Request};
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::todo_backend::TodoBackend;

const KILLS: usize = 20;
const WRITERS: usize = 6;

/// What somebody was told.
#[derive(Default)]
struct Life {
    email: String,
    registered: bool,
    access: String,
    refresh: String,
    logged_out: bool,
    /// Something was asked of the session, and no answer came: either is right.
    open_question: bool,
}

/// Sends, and counts the answer; `None` once the gateway is gone.
fn told(answers: &AtomicUsize, request: Request) -> Option<Reply> {
    let reply = request.try_send().ok()?;
    assert!([200, 201].contains(&reply.status), "{} {}", reply.status, reply.text());
    answers.fetch_add(1, Ordering::Relaxed);
    Some(reply)
}

/// Registers, logs in, rotates, and every other time logs out; until there is no answer.
fn live(client: &Client, answers: &AtomicUsize, leaves: bool, life: &mut Life) -> Option<()> {
    let text = |reply: &Reply, name: &str| reply.json()[name].as_str().unwrap().to_owned();
    life.email = fresh_email();
    let who = json!({"email": life.email, "password": PASSWORD});
    told(answers, client.post("/api/auth/register").json(&who))?;
    life.registered = true;
    let reply = told(answers, client.post("/api/auth/login").json(&who))?;
    (life.access, life.refresh) = (text(&reply, "access_token"), text(&reply, "refresh_token"));
    life.open_question = true;
    let rotate = json!({"refresh_token": life.refresh, "rotate": true});
    let reply = told(answers, client.post("/api/auth/refresh").json(&rotate))?;
    (life.access, life.refresh) = (text(&reply, "access_token"), text(&reply, "refresh_token"));
    if leaves {
        told(answers, client.post("/api/auth/logout").bearer(&life.access))?;
        life.logged_out = true;
    }
    life.open_question = false;
    Some(())
}

/// Whether what was told still holds.
fn check(gateway: &Gateway, life: &Life) {
    let client = gateway.client();
    let refresh = || client.post("/api/auth/refresh").json(&json!({"refresh_token": life.refresh})).send();
    match life {
        Life { registered: false, .. } => {}
        Life { logged_out: true, .. } => {
            let refused = client.get("/api/auth/profile").bearer(&life.access).send();
            assert_eq!((refused.status, refused.code().as_str()), (401, "token_revoked"));
            assert_eq!(refresh().status, 401, "the session of {} is open again", life.email);
        }
        Life { open_question: false, .. } if !life.refresh.is_empty() => {
            assert_eq!(refresh().status, 200, "the rotation of {} is lost", life.email);
            let known = client.get("/api/auth/profile").bearer(&life.access).send();
            assert_eq!(known.json()["user"]["email"], life.email);
        }
        _ => drop(gateway.log_in(&life.email, PASSWORD)),
    }
}

struct KillOnDrop<'a>(&'a Gateway);

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::KILL);
    }
}

/// One start, parallel lives, and the kill after so many answers.
fn round(folder: &Path, answers_before_kill: usize, earlier: &[Life]) -> Vec<Life> {
    let mut gateway = Setup::new("").unlimited().data(folder).start();
    earlier.iter().for_each(|life| check(&gateway, life));
    let (answers, lives) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let (client, answers, lives) = (gateway.client(), &answers, &lives);
            scope.spawn(move || {
                for turn in number.. {
                    let mut life = Life::default();
                    let goes_on = live(&client, answers, turn % 2 == 0, &mut life).is_some();
                    lives.lock().unwrap().push(life);
                    if !goes_on {
                        return;
                    }
                }
            });
        }
        // Also when the wait fails: the threads end when nobody answers.
        let _killed = KillOnDrop(&gateway);
        eventually("they live", || answers.load(Ordering::Relaxed) >= answers_before_kill);
    });
    gateway.kill();
    lives.into_inner().unwrap()
}

#[test]
fn the_gateway_loses_nothing_that_it_answered_when_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    let mut last = Vec::new();
    for kill in 0..KILLS {
        let lives = round(folder.path(), 4 + kill % 7 * 3, &last);
        all.extend(std::mem::replace(&mut last, lives));
    }
    all.extend(last);
    let gateway = Setup::new("").unlimited().data(folder.path()).start();
    all.iter().for_each(|life| check(&gateway, life));
    let count = |what: fn(&Life) -> bool| all.iter().filter(|life| what(life)).count();
    let (registered, left) = (count(|life| life.registered), count(|life| life.logged_out));
    let rotated = count(|life| !life.open_question && !life.logged_out && !life.refresh.is_empty());
    let cut = count(|life| life.open_question || !life.registered);
    println!(
        "gateway: {KILLS} kills; {registered} accounts, {rotated} rotated sessions and {left} logouts \
         were answered, and all are there; {cut} were cut off half-way"
    );
    assert!(registered >= KILLS && left > 0 && rotated > 0 && cut > 0, "the kills came at no bad time");
}

/// A user's todos as they were answered; `None` for one that was deleted.
type Todos = BTreeMap<u64, Option<String>>;

/// As the gateway would ask for this user.
fn ask(backend: &Client, user: usize, method: &str, path: &str) -> Request {
    backend
        .request(method, path)
        .header("x-user-id", &user.to_string())
        .header("x-user-email", "somebody@example.com")
        .header("x-user-role", "user")
}

/// Creates, and changes or deletes every other one; until there is no answer.
fn write(backend: &Client, user: usize, answers: &AtomicUsize, todos: &mut Todos) -> Option<()> {
    for turn in 0.. {
        let title = format!("todo {turn} of {user}");
        let created = ask(backend, user, "POST", "/api/todos").json(&json!({"title": title}));
        let id = told(answers, created)?.json()["id"].as_u64().unwrap();
        let known = todos.insert(id, Some(title));
        assert_eq!(known, None, "the number {id} was given twice");
        let path = format!("/api/todos/{id}");
        // What has no answer may have happened or not: it is not counted on until there is one.
        match turn % 3 {
            1 => {
                todos.remove(&id);
                let changed = json!({"title": "changed"});
                told(answers, ask(backend, user, "PUT", &path).json(&changed))?;
                todos.insert(id, Some("changed".to_owned()));
            }
            2 => {
                todos.remove(&id);
                told(answers, ask(backend, user, "DELETE", &path))?;
                todos.insert(id, None);
            }
            _ => {}
        }
    }
    Some(())
}

/// Each todo by its number, and all of them in the list.
fn check_todos(backend: &Client, user: usize, todos: &Todos) {
    let mut listed = BTreeMap::new();
    for page in 1.. {
        let path = format!("/api/todos?per_page=100&page={page}");
        let body = ask(backend, user, "GET", &path).send().json();
        let items = body["todos"].as_array().unwrap();
        let entry =
            |todo: &serde_json::Value| Some((todo["id"].as_u64()?, todo["title"].as_str()?.to_owned()));
        listed.extend(items.iter().filter_map(entry));
        if items.is_empty() {
            let total = body["pagination"]["total"].as_u64().unwrap();
            assert_eq!(total, listed.len() as u64, "the total of {user} is no sum of its pages");
            break;
        }
    }
    for (id, title) in todos {
        assert_eq!(listed.get(id), title.as_ref(), "todo {id} of {user}");
        let status = ask(backend, user, "GET", &format!("/api/todos/{id}")).send().status;
        assert_eq!(status, if title.is_some() { 200 } else { 404 }, "todo {id} of {user}");
    }
}

#[test]
fn the_todo_service_loses_nothing_that_it_answered_when_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut all: Vec<Todos> = vec![Todos::new(); WRITERS];
    let mut answered = 0;
    for kill in 0..=KILLS {
        let backend = TodoBackend::start(folder.path());
        let client = Client::new(backend.address);
        all.iter().enumerate().for_each(|(user, todos)| check_todos(&client, user + 1, todos));
        if kill == KILLS {
            break;
        }
        let answers = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for (user, todos) in all.iter_mut().enumerate() {
                let (client, answers) = (Client::new(backend.address), &answers);
                scope.spawn(move || write(&client, user + 1, answers, todos));
            }
            // Moved in here, so that a failed wait drops it and thereby ends the writers.
            let mut backend = backend;
            eventually("they write", || answers.load(Ordering::Relaxed) >= 5 + kill * 3);
            backend.kill();
        });
        answered += answers.into_inner();
    }
    let kept: usize = all.iter().map(BTreeMap::len).sum();
    println!("todo service: {KILLS} kills; {answered} writes were answered; all {kept} todos are as told");
    assert!(kept > KILLS);
}
