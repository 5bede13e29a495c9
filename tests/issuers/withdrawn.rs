//! Keys that an issuer has withdrawn: what it answers counts, and what is no answer changes nothing.

use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{before, get};
use crate::support::eventually;
use crate::support::forge::with;
use crate::support::gateway::Gateway;
use crate::support::http::Reply;
use crate::support::upstream::Upstream;

/// A gateway that has the key of this issuer, and asks it each second.
struct Believed {
    issuer: HandMade,
    gateway: Gateway,
    _upstream: Upstream,
}

impl Believed {
    fn start() -> Self {
        let (issuer, upstream) = (HandMade::start(), Upstream::start());
        let entry = issuer.entry("other", "refresh_seconds = 1\nrefetch_seconds = 1");
        let gateway = before(&upstream, &[entry]).unlimited().start();
        let believed = Self { issuer, gateway, _upstream: upstream };
        assert_eq!(believed.ask().status, 200);
        believed
    }

    fn ask(&self) -> Reply {
        get(&self.gateway.client(), "/app", &self.issuer.token(&self.issuer.claims("ada")))
    }

    fn publishes(&self, keys: &[Value]) {
        self.issuer.answers("200 OK", &json!({ "keys": keys }).to_string());
    }

    fn fetches(&self, result: &str) -> f64 {
        self.gateway.metric(&format!("gateway_issuer_fetches_total{{issuer=\"other\",result=\"{result}\"}}"))
    }

    /// Nothing is known, and nobody is told to try again in a second.
    fn refuses(&self) {
        let reply = self.ask();
        reply.is_refused(503, "Keys of the token's issuer unavailable", "issuer_unavailable");
        assert_eq!(reply.header("retry-after"), "");
    }
}

#[test]
fn a_key_that_its_issuer_withdrew_is_not_believed_although_no_other_is_published() {
    let for_encryption = |key: Value| with(key, "use", json!("enc"));
    let withdrawn: [fn(&HandMade) -> Vec<Value>; 2] = [|_| Vec::new(), |issuer| vec![issuer.jwk()]];
    for published in withdrawn {
        let believed = Believed::start();
        let keys: Vec<_> = published(&believed.issuer).into_iter().map(for_encryption).collect();
        believed.publishes(&keys);
        eventually("the answer is taken over", || believed.ask().status != 200);
        believed.refuses();
        believed.gateway.says("an issuer has no key that can be used: its tokens are answered 503");
        assert_eq!(believed.gateway.metric("gateway_issuer_keys{issuer=\"other\"}"), 0.0);
        // That it then goes away brings nothing back; its key does.
        let failures = believed.fetches("status");
        believed.issuer.answers("500 Internal Server Error", "");
        eventually("it is away", || believed.fetches("status") > failures);
        assert_eq!(believed.ask().status, 503);
        believed.publishes(&[believed.issuer.jwk()]);
        eventually("the key is published again", || believed.ask().status == 200);
    }
}

#[test]
fn what_is_no_set_of_keys_takes_no_key_away() {
    for (status, body, result) in [
        ("200 OK", "<html>Down for maintenance</html>", "unusable"),
        ("200 OK", "{}", "unusable"),
        ("200 OK", r#"{"keys":{}}"#, "unusable"),
        ("200 OK", r#"{"keys":[],"keys":[]}"#, "unusable"),
        ("404 Not Found", r#"{"keys":[]}"#, "status"),
        ("503 Service Unavailable", r#"{"keys":[]}"#, "status"),
    ] {
        let believed = Believed::start();
        believed.issuer.answers(status, body);
        eventually(&format!("it was asked: {body}"), || believed.fetches(result) >= 1.0);
        assert_eq!(believed.ask().status, 200, "{body}");
        believed.gateway.says("those that are known stay in use");
    }
}
