//! Roles that act through HTTP: somebody, a user, an administrator.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD, Gateway};
use super::http::{Client, Reply, Request};

/// The password of every registered user. It is marked: it must never be seen in a log.
pub const PASSWORD: &str = "CANARY-Password-1";

/// Somebody who has logged in.
#[derive(Clone)]
pub struct Person {
    pub client: Client,
    pub id: u64,
    pub email: String,
    pub access: String,
    pub refresh: String,
}

static NUMBER: AtomicU32 = AtomicU32::new(1);

/// An address that no other test uses.
pub fn fresh_email() -> String {
    format!("person{}@example.com", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Gateway {
    /// Registers somebody new and logs them in.
    pub fn user(&self) -> Person {
        let email = fresh_email();
        let client = self.client();
        let registered =
            client.post("/api/auth/register").json(&json!({"email": email, "password": PASSWORD})).send();
        assert_eq!(registered.status, 201, "{}", registered.text());
        self.log_in(&email, PASSWORD)
    }

    /// The administrator that the environment names.
    pub fn admin(&self) -> Person {
        self.log_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    }

    pub fn log_in(&self, email: &str, password: &str) -> Person {
        let client = self.client();
        let reply =
            client.post("/api/auth/login").json(&json!({"email": email, "password": password})).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = reply.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Person {
            client,
            id: body["user"]["id"].as_u64().unwrap(),
            email: email.to_owned(),
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

impl Person {
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.client.request(method, path).bearer(&self.access)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send()
    }

    pub fn log_out(&self) -> Reply {
        self.request("POST", "/api/auth/logout").send()
    }

    pub fn refresh(&self, token: &str, rotate: bool) -> Reply {
        self.client.post("/api/auth/refresh").json(&json!({"refresh_token": token, "rotate": rotate})).send()
    }
}
