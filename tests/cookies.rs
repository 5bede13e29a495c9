//! Tokens in cookies, for browsers: handed out by a login, taken in place of a header, kept from
//! pages of others, renewed on the way, and never shown to a service.

mod asking;
pub(crate) mod browser;
mod credentials;
mod csrf;
mod leaving;
mod login;
mod renewal;
mod replay;
mod requests;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::forge;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Client, Reply, Request};
use crate::support::people::{PASSWORD, fresh_email};

const ACCESS: &str = "__Host-gateway_access";
const REFRESH: &str = "__Host-gateway_refresh";
const CSRF: &str = "__Host-gateway_csrf";

/// Cookies are on, before this service: `/api/todos` needs a token, `/open` is public, `/maybe` takes
/// a token, and `/headers` takes it from a header only.
fn before(upstream: SocketAddr) -> Setup {
    Setup::before(upstream)
        .route("open", "/open", "todo", "auth = \"public\"")
        .route("maybe", "/maybe", "todo", "auth = \"optional\"")
        .route("headers", "/headers", "todo", "cookie = false")
        .env("GATEWAY__COOKIES__ENABLED", "true")
        .unlimited()
}

/// A tab of a browser: what it was told to keep, it sends.
struct Tab {
    client: Client,
    jar: Mutex<BTreeMap<String, String>>,
    email: String,
}

impl Tab {
    /// Of somebody new, who has logged in.
    fn of_a_user(gateway: &Gateway) -> Self {
        let email = fresh_email();
        let client = gateway.client();
        let registered =
            client.post("/api/auth/register").json(&json!({"email": email, "password": PASSWORD})).send();
        assert_eq!(registered.status, 201, "{}", registered.text());
        let tab = Self { client, jar: Mutex::default(), email };
        assert_eq!(tab.log_in().status, 200);
        tab
    }

    fn log_in(&self) -> Reply {
        let reply = self.log_in_with(&self.client).send();
        self.keep(&reply);
        reply
    }

    fn log_in_with(&self, client: &Client) -> Request {
        let who = json!({"email": self.email, "password": PASSWORD});
        client.post("/api/auth/login?mode=cookie").json(&who)
    }

    /// Another tab of the same browser, or its whole profile copied by a thief.
    fn copied(&self) -> Self {
        let jar = Mutex::new(self.jar.lock().unwrap().clone());
        Self { client: self.client.clone(), jar, email: self.email.clone() }
    }

    fn cookie(&self, name: &str) -> String {
        self.jar.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    fn set(&self, name: &str, value: &str) {
        self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    fn lose(&self, name: &str) {
        self.jar.lock().unwrap().remove(name);
    }

    /// The `Cookie` field that it sends.
    fn cookies(&self) -> String {
        let jar = self.jar.lock().unwrap();
        let pairs: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// With its cookies, and nothing said of the page.
    fn bare(&self, method: &str, path: &str) -> Request {
        self.client.request(method, path).header("cookie", &self.cookies())
    }

    /// By a page of the gateway's own origin.
    fn request(&self, method: &str, path: &str) -> Request {
        self.bare(method, path).header("sec-fetch-site", "same-origin")
    }

    fn get(&self, path: &str) -> Reply {
        let reply = self.request("GET", path).send();
        self.keep(&reply);
        reply
    }

    fn post(&self, path: &str) -> Reply {
        let reply = self.request("POST", path).send();
        self.keep(&reply);
        reply
    }

    /// Does as it was told: cookies with another value are kept, those that are over are lost.
    fn keep(&self, reply: &Reply) {
        for set in set_cookies(reply) {
            let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") { self.lose(name) } else { self.set(name, value) }
        }
    }

    /// Time goes by until its access token is over.
    fn age(&self) {
        let mut claims = forge::claims(&self.cookie(ACCESS));
        claims["iat"] = (forge::now() - 7_200).into();
        claims["exp"] = (forge::now() - 3_600).into();
        self.set(ACCESS, &forge::access(&claims));
    }

    fn claims(&self, name: &str) -> Value {
        forge::claims(&self.cookie(name))
    }
}

fn set_cookies(reply: &Reply) -> Vec<&str> {
    reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

/// The names that a reply sets to something, in order.
fn kept(reply: &Reply) -> Vec<&str> {
    let set = set_cookies(reply).into_iter().filter(|set| !set.contains("Max-Age=0;"));
    set.map(|set| set.split_once('=').unwrap().0).collect()
}

/// Whether a reply takes all three away.
fn forgets(reply: &Reply) -> bool {
    let gone = |name: &str| {
        set_cookies(reply)
            .iter()
            .any(|set| set.starts_with(&format!("{name}=;")) && set.contains("Max-Age=0;"))
    };
    [ACCESS, REFRESH, CSRF].into_iter().all(gone) && set_cookies(reply).len() == 3
}
