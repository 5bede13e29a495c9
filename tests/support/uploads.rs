//! Uploads over HTTP/2 by clients of others, which do not say how long the body is.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::project;
use super::tools::{node, python};

/// The body of all of them, and its digest.
pub const BODY: &str = "hello";
pub const DIGEST: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[derive(Clone, Copy, Debug)]
pub enum Uploader {
    /// `write()`, then `end()`.
    Node,
    /// From a generator.
    Httpx,
    /// From standard input.
    Curl,
}

/// Where it goes, whom the client trusts, and what further fields it sends.
pub struct Upload {
    pub url: String,
    pub authority: PathBuf,
    pub fields: Vec<(&'static str, String)>,
}

impl Uploader {
    pub const ALL: [Self; 3] = [Self::Node, Self::Httpx, Self::Curl];

    /// The status and the body of the answer.
    pub fn send(self, upload: &Upload) -> (u16, String) {
        match self {
            Self::Node => script(node(), "upload.js", upload),
            Self::Httpx => script(python("python"), "upload.py", upload),
            Self::Curl => curl(upload),
        }
    }
}

fn script(mut command: Command, name: &str, upload: &Upload) -> (u16, String) {
    let fields: Value =
        upload.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let told = json!({"url": upload.url, "authority": upload.authority, "fields": fields, "body": BODY});
    command.arg(project().join("tests/services").join(name)).env("UPLOAD", told.to_string());
    let output = command.output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let status = said["status"].as_u64().and_then(|status| status.try_into().ok());
    (status.unwrap_or(0), said["answer"].as_str().unwrap_or("").to_owned())
}

fn curl(upload: &Upload) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["-sS", "--http2", "-X", "POST", "-T", "-", "-w", "\n%{http_code}", "--cacert"]);
    command.arg(&upload.authority).arg(&upload.url);
    for (name, value) in &upload.fields {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(BODY.as_bytes()).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let (answer, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), answer.to_owned())
}
