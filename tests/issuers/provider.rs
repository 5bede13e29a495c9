//! A real OpenID provider (`oidc-provider` of npm) on a free port, which can go away, come back, and
//! change its key.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::free_port;
use crate::support::gateway::Setup;
use crate::support::http::{Client, Reply};
use crate::support::tools::{Running, node};
use crate::support::upstream::Upstream;

/// What the tests' gateways are, in `aud`.
pub(super) const AUDIENCE: &str = "https://api.example.com";

pub(super) struct Provider {
    running: Option<Running>,
    folder: TempDir,
    settings: Value,
    keys: u32,
    pub(super) issuer: String,
    aside: Client,
}

impl Provider {
    /// Whom it knows: names, each with the claims that their access tokens have.
    pub(super) fn start(people: Value) -> Self {
        Self::with(people, json!({}))
    }

    /// `more` are settings of `provider.mjs`.
    pub(super) fn with(people: Value, more: Value) -> Self {
        let folder = tempfile::Builder::new().prefix("provider").tempdir().unwrap();
        let mut settings = json!({ "port": free_port(), "host": "127.0.0.1", "alg": "RS256", "people": people, "lifetime": 600 });
        for (name, value) in more.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let aside = Client::new(([127, 0, 0, 1], 1).into());
        let mut provider = Self { running: None, folder, settings, keys: 1, issuer: String::new(), aside };
        provider.come_back();
        provider
    }

    /// Where it listened before, with the key that it had.
    pub(super) fn come_back(&mut self) {
        let key = format!("key{}", self.keys);
        self.settings["kid"] = key.clone().into();
        self.settings["key"] = self.folder.path().join(key).to_str().into();
        let mut command = node();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/issuers/provider.mjs");
        command.arg(script).env("SETTINGS", self.settings.to_string());
        let mut running = Running::start(command);
        let line = running.line();
        let (issuer, aside) = line.split_once(' ').unwrap_or_else(|| panic!("no provider: {line}"));
        let port: u16 = issuer.rsplit_once(':').unwrap().1.parse().unwrap();
        self.settings["port"] = port.into();
        self.issuer = issuer.to_owned();
        self.aside = Client::new(aside.strip_prefix("http://").unwrap().parse().unwrap());
        if issuer.starts_with("http://") {
            // A cold program answers its first question late: a gateway does not wait that long.
            Client::new(([127, 0, 0, 1], port).into())
                .get("/.well-known/openid-configuration")
                .try_send()
                .ok();
        }
        self.running = Some(running);
    }

    pub(super) fn go_away(&mut self) {
        self.running = None;
    }

    /// Another key in place of the one before, as after a disaster: no overlap.
    pub(super) fn change_key(&mut self) {
        self.go_away();
        self.keys += 1;
        self.come_back();
    }

    /// An access token for the tests' gateways.
    pub(super) fn token(&self, name: &str) -> String {
        self.token_for(name, AUDIENCE)
    }

    pub(super) fn token_for(&self, name: &str, audience: &str) -> String {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{name}:secret"));
        let form = format!("grant_type=client_credentials&scope=todo&resource={audience}");
        let reply = self
            .aside
            .post("/token")
            .header("authorization", &format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// How often its keys were asked for.
    pub(super) fn key_requests(&self) -> u64 {
        self.aside.get("/counts").send().json()["keys"].as_u64().unwrap()
    }

    /// Its entry in the configuration, with these further lines.
    pub(super) fn entry(&self, name: &str, more: &str) -> String {
        let issuer = &self.issuer;
        format!(
            "[[issuers]]\nname = \"{name}\"\nissuer = \"{issuer}\"\naudience = [\"{AUDIENCE}\"]\ndanger_allow_http = true\n{more}"
        )
    }
}

/// A gateway with a protected route `/app` to this upstream, and these issuers.
pub(super) fn before(upstream: &Upstream, entries: &[String]) -> Setup {
    let setup = entries.iter().fold(Setup::new(""), |setup, entry| setup.config(entry));
    setup.upstream("app", &upstream.address.to_string()).route("app", "/app", "app", "")
}

/// A request with this token, once the gateway has the keys of its issuer.
pub(super) fn get(client: &Client, path: &str, token: &str) -> Reply {
    client.get(path).bearer(token).send()
}
