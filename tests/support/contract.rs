//! What every answer has, whatever it is about: the common rules of the contract, seen to on each.

use serde_json::Value;

use super::gateway::Gateway;
use super::http::{Client, Reply, Request};
use super::people::{PASSWORD, Person};

/// A row of a table: the body of a request, and the refusal: status, words, code.
pub type Refused<'a> = (&'a str, u16, &'a str, &'a str);

/// Sends each body as JSON, and compares with the row.
pub fn refuses(request: impl Fn() -> Request, table: &[Refused<'_>]) {
    for (body, status, words, code) in table {
        let reply = request().header("content-type", "application/json").body(*body).send();
        reply.is_refused(*status, words, code);
    }
}

impl Reply {
    /// A success of the gateway's own endpoints: its status, what each answer has, and its body.
    #[track_caller]
    pub fn is_served(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.has_common_fields();
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("proxy-status"), "gateway");
        self.json()
    }

    /// A refusal by the gateway itself. `words` in brackets are a list of validation failures.
    #[track_caller]
    pub fn is_refused(&self, status: u16, words: &str, code: &str) {
        self.tells(status, words, code);
        assert!(self.header("proxy-status").starts_with("gateway; error="), "{self:?}");
        let challenged = self.headers.contains_key("www-authenticate");
        let of_a_token = code.starts_with("token_")
            || ["invalid_request", "insufficient_scope", "admin_required", "account_required"]
                .contains(&code);
        assert_eq!(challenged, of_a_token, "{self:?}");
    }

    /// A refusal by the service behind the gateway.
    #[track_caller]
    pub fn is_refused_by_the_upstream(&self, status: u16, words: &str, code: &str) {
        self.tells(status, words, code);
        assert_eq!(self.header("proxy-status"), "");
    }

    #[track_caller]
    fn tells(&self, status: u16, words: &str, code: &str) {
        let told = (self.status, self.words(), self.code());
        assert_eq!(told, (status, words.to_owned(), code.to_owned()), "{}", self.text());
        self.has_common_fields();
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.json()["request_id"], self.header("x-request-id"));
    }

    #[track_caller]
    fn has_common_fields(&self) {
        assert!(!self.header("x-request-id").is_empty());
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(self.header("server"), "");
        assert_eq!(self.header("content-length"), self.body.len().to_string());
        let body = self.text();
        assert!(!body.contains("argon2") && !body.contains("password_hash"), "{body}");
    }

    /// `error` as it is, `errors` as `[one; two]`: the two shapes must not be taken for each other.
    fn words(&self) -> String {
        let body = self.json();
        match (&body["error"], &body["errors"]) {
            (Value::String(error), Value::Null) => error.clone(),
            (Value::Null, Value::Array(_)) => format!("[{}]", self.error()),
            _ => panic!("neither `error` nor `errors`, or both: {body}"),
        }
    }
}

impl Gateway {
    pub fn try_log_in(&self, email: &str, password: &str) -> Reply {
        log_in(&self.client(), None, email, password)
    }

    /// Through a trusted proxy, for a client at this address.
    pub fn try_log_in_from(&self, address: &str, email: &str, password: &str) -> Reply {
        log_in(&self.client(), Some(address), email, password)
    }

    pub fn try_register(&self, email: &str) -> Reply {
        let body = serde_json::json!({ "email": email, "password": PASSWORD });
        self.client().post("/api/auth/register").json(&body).send()
    }
}

fn log_in(client: &Client, from: Option<&str>, email: &str, password: &str) -> Reply {
    let mut request = client.post("/api/auth/login");
    if let Some(address) = from {
        request = request.header("x-forwarded-for", address);
    }
    request.json(&serde_json::json!({ "email": email, "password": password })).send()
}

impl Person {
    /// As an administrator: changes somebody's account.
    pub fn amends(&self, id: u64, change: &Value) -> Reply {
        self.request("PATCH", &format!("/api/auth/users/{id}")).json(change).send()
    }

    /// Refreshes, and goes on with the new access token.
    pub fn refreshed(mut self) -> Self {
        let body = self.refresh(&self.refresh, false).is_served(200);
        self.access = body["access_token"].as_str().unwrap().to_owned();
        self
    }

    /// Exchanges a refresh token for its successor.
    pub fn rotated(&self, token: &str) -> String {
        let body = self.refresh(token, true).is_served(200);
        body["refresh_token"].as_str().unwrap().to_owned()
    }

    /// Whether the access token is in force, or the code of its refusal.
    pub fn standing(&self) -> String {
        let reply = self.get("/api/auth/profile");
        if reply.status == 200 { "in force".to_owned() } else { reply.code() }
    }
}

/// One more administrator: registered, promoted by `admin`, and refreshed into the role.
pub fn promoted(gateway: &Gateway, admin: &Person) -> Person {
    let person = gateway.user();
    admin.amends(person.id, &serde_json::json!({ "role": "admin" })).is_served(200);
    person.refreshed()
}
