//! `gateway prove-upstream`: it holds before real services, and finds each thing that a weaker
//! gateway would forget.

pub(crate) mod echo;
mod findings;
mod http2;
mod questions;
mod weak;

use serde_json::Value;

use crate::support::gateway::command;

/// What the command found: its exit status, its rows, and what it said beside them.
pub(crate) struct Proof {
    pub(crate) status: i32,
    verdict: String,
    pub(crate) rows: Vec<Value>,
    pub(crate) stderr: String,
}

impl Proof {
    /// The attacks with this result, as `way attack`.
    pub(crate) fn with_result(&self, result: &str) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row["result"] == result);
        rows.map(|row| format!("{} {}", row["way"].as_str().unwrap(), row["attack"].as_str().unwrap()))
            .collect()
    }

    pub(crate) fn row(&self, attack: &str) -> &Value {
        self.rows.iter().find(|row| row["attack"] == attack).unwrap()
    }
}

/// Asks for JSON; the token comes by the environment, where nobody else sees it.
pub(crate) fn prove(url: &str, token: Option<&str>, more: &[&str]) -> Proof {
    let (status, stdout, stderr) = ask(url, token, &[&["--json"], more].concat());
    assert!(token.is_none_or(|token| !stdout.contains(token) && !stderr.contains(token)));
    let told: Value = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    let rows = told["rows"].as_array().cloned().unwrap_or_default();
    Proof { status, verdict: told["verdict"].as_str().unwrap_or("").to_owned(), rows, stderr }
}

fn ask(url: &str, token: Option<&str>, more: &[&str]) -> (i32, String, String) {
    let mut command = command();
    command.args(["prove-upstream", url]).args(more);
    if let Some(token) = token {
        command.env("GATEWAY_PROVE_TOKEN", token);
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
