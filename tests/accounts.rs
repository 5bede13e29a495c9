//! Everything around a login: passwords, mails, invitations, sessions, administrators, the audit trail.

mod audit;
mod concealed;
mod delivery;
mod disk;
mod export;
mod familiar;
mod guessing;
mod installations;
mod invitations;
mod lifetimes;
mod odd_input;
mod password;
mod recovery;
mod removal;
mod reports;
mod sessions;
mod timing;
mod trail;
mod verification;

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::Person;

/// What people change their passwords to.
const NEW: &str = "CANARY-Another-Password-2";
const WRONG: &str = "CANARY-Wrong-Password-3";

/// Clients of this setup may come from any address, as `X-Forwarded-For` says.
fn behind_a_proxy(setup: Setup) -> Setup {
    setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
}

impl Person {
    fn changes_password(&self, current: &str, new: &str) -> Reply {
        let body = json!({ "current_password": current, "new_password": new });
        self.request("PUT", "/api/auth/password").json(&body).send()
    }

    /// `ends("")` are all others, `ends("?all=true")` all, `ends("/<sid>")` one.
    fn ends(&self, which: &str) -> Reply {
        self.request("DELETE", &format!("/api/auth/sessions{which}")).send()
    }

    fn sessions(&self) -> Vec<Value> {
        let body = self.get("/api/auth/sessions").is_served(200);
        body["sessions"].as_array().unwrap().clone()
    }

    /// The id of the session that it speaks in.
    fn session(&self) -> String {
        crate::support::forge::claims(&self.access)["sid"].as_str().unwrap().to_owned()
    }

    /// As an administrator: the events that fit, the newest first.
    fn audit(&self, query: &str) -> Vec<Value> {
        let body = self.get(&format!("/api/auth/audit{query}")).is_served(200);
        body["events"].as_array().unwrap().clone()
    }

    #[track_caller]
    fn is_out(&self) {
        assert_eq!(self.standing(), "token_revoked");
        let refused = self.refresh(&self.refresh, false);
        refused.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
    }

    #[track_caller]
    fn is_in(&self) {
        assert_eq!(self.standing(), "in force");
        self.refresh(&self.refresh, false).is_served(200);
    }
}

#[track_caller]
fn is_wrong(reply: &Reply) {
    reply.is_refused(401, "Invalid credentials", "invalid_credentials");
}

#[track_caller]
fn is_no_reset_token(reply: &Reply) {
    reply.is_refused(401, "Invalid or expired reset token", "reset_token_invalid");
}

#[track_caller]
fn is_no_verification_token(reply: &Reply) {
    reply.is_refused(401, "Invalid or expired verification token", "verification_token_invalid");
}

/// Answers without what differs each time.
fn likeness(reply: &Reply) -> (u16, String, Vec<(String, String)>) {
    let mut headers: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(name, _)| !["x-request-id", "date", "ratelimit"].contains(&name.as_str()))
        .collect();
    headers.sort();
    (reply.status, reply.text(), headers)
}

impl Gateway {
    fn registers(&self, body: &Value) -> Reply {
        self.client().post("/api/auth/register").json(body).send()
    }
}
