//! A plain HTTP client: a request in one line, and the reply whole.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

/// A reply, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?} {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `error`, or the `errors` one after the other.
    pub fn error(&self) -> String {
        let body = self.json();
        match &body["errors"] {
            Value::Array(errors) => {
                errors.iter().map(|error| error.as_str().unwrap()).collect::<Vec<_>>().join("; ")
            }
            _ => body["error"].as_str().unwrap_or("").to_owned(),
        }
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("").to_owned()
    }
}

/// A request to be sent.
pub struct Request {
    agent: ureq::Agent,
    builder: ureq::http::request::Builder,
    body: Vec<u8>,
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn send(self) -> Reply {
        self.try_send().unwrap()
    }

    /// `Err` when there was no reply at all.
    pub fn try_send(self) -> Result<Reply, ureq::Error> {
        let request = self.builder.body(self.body).unwrap();
        let response = self.agent.run(request)?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(64 << 20).read_to_vec()?;
        Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

/// A client with its own connections, which it keeps open.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .allow_non_standard_methods(true)
            .user_agent("specification")
            .build()
            .new_agent();
        Self { agent, base: format!("http://{address}") }
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        let builder = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        Request { agent: self.agent.clone(), builder, body: Vec::new() }
    }

    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    pub fn put(&self, path: &str) -> Request {
        self.request("PUT", path)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }
}
