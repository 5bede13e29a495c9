//! Backups: the store of a stopped gateway as lines, and stores that are made of lines.

use std::path::Path;
use std::time::{Duration, SystemTime};

use gateway_clock::Timestamp;
use gateway_identity::UserId;
use gateway_store::{Entry, Hash, seal};
use serde_json::{Value, json};

use super::gateway::run;

/// The lines of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup(pub Vec<String>);

impl Backup {
    /// Of a store that nobody uses.
    pub fn of(data: &Path) -> Self {
        let (status, out, said) = run(&["store", "export", "--data", data.to_str().unwrap()], &[]);
        assert_eq!(status, 0, "{said}");
        Self(out.lines().map(str::to_owned).collect())
    }

    /// What becomes of it in this folder: status, standard output, standard error.
    pub fn restore(&self, data: &Path) -> (i32, String, String) {
        self.given_to(&["store", "import", "--data", data.to_str().unwrap()])
    }

    /// A command that takes the file.
    pub fn given_to(&self, command: &[&str]) -> (i32, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.jsonl");
        std::fs::write(&file, self.0.join("\n") + "\n").unwrap();
        run(&[command, &[file.to_str().unwrap()]].concat(), &[])
    }

    /// The lines of the audit trail, as they are.
    pub fn trail(&self) -> Vec<String> {
        self.records("audit").map(|record| record["line"].as_str().unwrap().to_owned()).collect()
    }

    pub fn records(&self, kind: &str) -> impl Iterator<Item = Value> {
        let all = self.0[1..].iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(move |record| record["record"] == kind)
    }

    /// Further lines at the end of the trail.
    pub fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        let is_audit = |line: &String| line.starts_with("{\"record\":\"audit\"");
        let end = 1 + self.0.iter().rposition(is_audit).unwrap();
        let lines =
            lines.into_iter().map(|line| format!("{{\"record\":\"audit\",\"line\":{}}}", json!(line)));
        self.0.splice(end..end, lines);
        let counted = self.0.iter().filter(|line| is_audit(line)).count();
        let mut last: Value = serde_json::from_str(&self.0.pop().unwrap()).unwrap();
        last["audit"] = counted.into();
        self.0.push(last.to_string());
        self
    }

    /// So many further events of each of these users, with `bytes` of text in each.
    pub fn with_events(self, users: &[u64], each: usize, bytes: usize) -> Self {
        let (mut seq, mut prev) = self.last();
        let mut lines = Vec::new();
        for number in 0..users.len() * each {
            let user_id = UserId::new(users[number % users.len()]);
            let entry = Entry { user_id, detail: Some("x".repeat(bytes)), ..Entry::new("login_succeeded") };
            seq += 1;
            let (line, hash) = seal(seq, now(), entry, prev).unwrap();
            (prev, _) = (hash, lines.push(line));
        }
        self.with_lines(lines)
    }

    /// So many further sessions of a user who has one.
    pub fn with_sessions(mut self, user: u64, count: usize) -> Self {
        let is_session = |line: &String| line.starts_with("{\"record\":\"session\"");
        let one = self.records("session").find(|session| session["user"] == user).unwrap();
        let mut other = one.clone();
        other.as_object_mut().unwrap().remove("record");
        let more = (0..count).map(|_| {
            other["id"] = json!(uuid::Uuid::new_v4().to_string());
            other["user_agent"] = json!("\"".repeat(200));
            format!("{{\"record\":\"session\",{}", &other.to_string()[1..])
        });
        let more: Vec<_> = more.collect();
        let end = 1 + self.0.iter().rposition(is_session).unwrap();
        self.0.splice(end..end, more);
        let mut last: Value = serde_json::from_str(&self.0.pop().unwrap()).unwrap();
        last["sessions"] = self.0.iter().filter(|line| is_session(line)).count().into();
        self.0.push(last.to_string());
        self
    }

    /// Number and hash of the last entry.
    pub fn last(&self) -> (u64, Hash) {
        let last: Value = serde_json::from_str(self.trail().last().unwrap()).unwrap();
        (last["seq"].as_u64().unwrap(), Hash::parse(last["hash"].as_str().unwrap()).unwrap())
    }
}

/// Of the trail: what is older than its time is removed.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_seconds(since.as_secs())
}
