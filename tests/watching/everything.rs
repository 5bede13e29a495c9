//! A gateway to which everything happens that it can be watched for: the run that dashboards and rules
//! are held against.

use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use serde_json::json;

use crate::issuers::handmade::HandMade;
use crate::listening::https;
use crate::support::authority::{Authority, Certified, Encrypted};
use crate::support::gateway::{Gateway, Setup};
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;
use crate::support::{NOWHERE, eventually};

/// The programs around a gateway. They go with it.
pub(super) struct Everything {
    pub(super) gateway: Gateway,
    setup: Setup,
    issuer: HandMade,
    authority: Authority,
    _certified: Certified,
    _redis: Option<Redis>,
    _around: Vec<Upstream>,
}

/// What a collector of traces answers.
const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
const FAILED: &str = "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno";

impl Everything {
    /// With its revocations in Redis, or on the embedded default.
    pub(super) fn start(redis: Option<Redis>) -> Self {
        let (good, bad, collector) =
            (Upstream::start(), Upstream::answering(FAILED), Upstream::answering(TAKEN));
        let slow = Upstream::that_takes(Duration::from_millis(20));
        let (authority, issuer) = (Authority::new(), HandMade::start());
        let certified = authority.certify("front", &["localhost"]);
        let servers = format!(
            "[[upstreams]]\nname = \"shaky\"\neject_after = 2\nservers = [{{ address = \"{}\" }}, {{ address = \"{NOWHERE}\" }}]",
            good.address
        );
        let mut setup = Setup::new("")
            .upstream("good", &good.address.to_string())
            .upstream("bad", &bad.address.to_string())
            .upstream("slow", &slow.address.to_string())
            .upstream("gone", NOWHERE)
            .config(&servers)
            .route("todos", "/api/todos", "good", "")
            .route("bad", "/bad", "bad", "auth = \"public\"")
            .route("slow", "/slow", "slow", "auth = \"public\"")
            .route("gone", "/gone", "gone", "auth = \"public\"")
            .route("shaky", "/shaky", "shaky", "auth = \"public\"")
            .route("few", "/few", "good", "user_limit = { requests = 2, window_seconds = 600 }")
            .route("shadow", "/shadow", "good", "shadow = true\nroles = [\"admin\"]")
            .route("admins", "/admins", "good", "roles = [\"admin\"]")
            .config(&issuer.entry("elsewhere", ""))
            .config(&https(&[&certified], ""))
            .env("GATEWAY__TRACES__ENDPOINT", &format!("http://{}", collector.address))
            .env("GATEWAY__TRACES__SAMPLE_RATIO", "1.0")
            .env("GATEWAY__REFRESH__GRACE_SECONDS", "0")
            .env("GATEWAY__PASSWORD__THREADS", "1")
            .env("GATEWAY__PASSWORD__QUEUE", "2");
        if let Some(redis) = &redis {
            setup = setup.redis(&redis.url());
        }
        let gateway = setup.clone().start();
        let around = vec![good, bad, collector, slow];
        Self { gateway, setup, issuer, authority, _certified: certified, _redis: redis, _around: around }
    }

    /// All of it once.
    pub(super) fn happen(&self) {
        let (gateway, client) = (&self.gateway, self.gateway.client());
        let ada = gateway.user();
        for _ in 0..4 {
            ada.get("/api/todos");
            ada.get("/few");
        }
        ada.get("/shadow");
        ada.get("/admins");
        for path in
            ["/gone", "/bad", "/slow", "/shaky", "/shaky", "/shaky", "/nowhere", "/api//todos", "/api/todos"]
        {
            client.get(path).send();
        }
        client.get("/api/todos").bearer("x").send();
        let token = self.issuer.token(&self.issuer.claims("somebody"));
        eventually("the issuer's keys are known", || {
            client.get("/api/todos").bearer(&token).send().status == 200
        });
        client.get("/api/todos").bearer(&format!("{token}x")).send();
        self.accounts();
        self.encrypted();
        assert!(gateway.reload(&self.setup));
        assert!(!gateway.reload(&self.setup.clone().config("[nonsense]")));
        assert!(gateway.reload(&self.setup));
    }

    fn accounts(&self) {
        let (gateway, client) = (&self.gateway, self.gateway.client());
        let bob = gateway.user();
        assert_eq!(bob.refresh(&bob.refresh, false).status, 200);
        assert_eq!(bob.refresh(&bob.refresh, true).status, 200);
        eventually("the old one is a replay", || bob.refresh(&bob.refresh, true).status == 401);
        let eve = gateway.user();
        eve.log_out();
        assert_eq!(eve.get("/api/todos").status, 401);
        let wrong = json!({"email": eve.email, "password": "CANARY-wrong"});
        // More at a time than may wait: some are shed.
        crate::support::in_parallel(6, |_| client.post("/api/auth/login").json(&wrong).send().status);
        client.post("/api/auth/register").json(&json!({"email": "no"})).send();
    }

    fn encrypted(&self) {
        for version in [&TLS12, &TLS13] {
            let config = self.authority.client_with(&["http/1.1"], None, &[version]);
            let mut client = Encrypted::connect(self.gateway.further[0], "localhost", config).unwrap();
            assert_eq!(client.get("/slow").unwrap().status, 200);
        }
        let count =
            |version: &str| self.gateway.total("gateway_tls_handshakes_total", &[("version", version)]);
        assert_eq!(count("1.2"), count("1.3"), "one of each");
    }
}
