//! Mails that a gateway without a mail server wrote: read from its outbox, awaited by whom they are to.

use std::path::Path;

use serde_json::json;

use super::gateway::Gateway;
use super::http::Reply;

/// A mail as it lies in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Such as `password_reset`.
    pub kind: String,
    pub to: String,
    pub subject: String,
    /// The plain form.
    pub text: String,
}

impl Letter {
    /// The token that stands alone in a line.
    pub fn token(&self) -> String {
        let token = self.text.lines().find(|line| line.len() == 43 && !line.contains(' '));
        token.unwrap_or_else(|| panic!("no token in {}", self.text)).to_owned()
    }
}

/// All mails in a folder, the oldest first.
pub fn letters_in(folder: &Path) -> Vec<Letter> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".eml") && !name.starts_with('.'));
    names.sort();
    names
        .iter()
        .filter_map(|name| Some(read(name, &std::fs::read_to_string(folder.join(name)).ok()?)))
        .collect()
}

fn read(name: &str, mail: &str) -> Letter {
    let mail = mail.replace("\r\n", "\n");
    let header = |name: &str| {
        let line = mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {mail}")).to_owned()
    };
    let (_, plain) = mail.split_once("text/plain").expect("a mail has a plain form");
    let (fields, rest) = plain.split_once("\n\n").unwrap();
    let text = rest.split("\n--").next().unwrap();
    let text = if fields.contains("quoted-printable") {
        text.replace("=\n", "").replace("=3D", "=")
    } else {
        text.to_owned()
    };
    let kind = name.split('-').nth(1).unwrap().to_owned();
    Letter { kind, to: header("To"), subject: header("Subject"), text }
}

impl Gateway {
    /// The mails to somebody so far, of one kind.
    pub fn letters(&self, kind: &str, to: &str) -> Vec<Letter> {
        let mut letters = letters_in(&self.data.join("outbox"));
        letters.retain(|letter| letter.kind == kind && letter.to == to);
        letters
    }

    /// The only mail of its kind to somebody, which is waited for.
    #[track_caller]
    pub fn letter(&self, kind: &str, to: &str) -> Letter {
        self.nth_letter(1, kind, to)
    }

    /// The last one of so many mails of a kind to somebody, which is waited for.
    #[track_caller]
    pub fn nth_letter(&self, count: usize, kind: &str, to: &str) -> Letter {
        super::eventually(&format!("{count} {kind} to {to}"), || self.letters(kind, to).len() >= count);
        let letters = self.letters(kind, to);
        assert_eq!(letters.len(), count, "{letters:#?}");
        letters[count - 1].clone()
    }

    /// Waits until nothing is to be done any more.
    pub fn all_is_delivered(&self) {
        super::eventually("all is delivered", || self.metric("gateway_outbox_waiting") == 0.0);
    }

    /// Waits until so many errands of a kind came to nothing, as there was nobody to write to.
    pub fn writes_to_nobody(&self, kind: &str, count: u32) {
        let void = || self.total("gateway_deliveries_total", &[("errand", kind), ("result", "void")]);
        super::eventually(&format!("{count} {kind} are void"), || void() >= f64::from(count));
        assert_eq!(void(), f64::from(count), "{kind}");
    }

    pub fn forgets(&self, email: &str) -> Reply {
        self.client().post("/api/auth/password/forgot").json(&json!({ "email": email })).send()
    }

    pub fn resets(&self, token: &str, password: &str) -> Reply {
        let body = json!({ "token": token, "password": password });
        self.client().post("/api/auth/password/reset").json(&body).send()
    }

    pub fn verifies(&self, token: &str) -> Reply {
        self.client().post("/api/auth/email/verify").json(&json!({ "token": token })).send()
    }

    /// The token of the only reset mail of somebody, who asks for it.
    #[track_caller]
    pub fn reset_token(&self, email: &str) -> String {
        assert_eq!(self.forgets(email).status, 202);
        self.letter("password_reset", email).token()
    }
}
