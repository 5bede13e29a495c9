//! `gateway bench`: what it measures is what is there, and what it cannot measure it says.

mod answers;
mod levels;
mod places;
mod thresholds;

use serde_json::Value;

use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

/// What the command found: its exit status, its document, and what it said beside it.
struct Measured {
    status: i32,
    told: Value,
    stderr: String,
}

impl Measured {
    fn level(&self, name: &str) -> &Value {
        self.told["levels"].as_array().unwrap().iter().find(|level| level["name"] == name).unwrap()
    }

    fn price(&self, of: &str, over: &str) -> &Value {
        let prices = self.told["prices"].as_array().unwrap();
        prices.iter().find(|price| price["of"] == of && price["over"] == over).unwrap()
    }
}

/// A short measurement of few requests: most of what is tested is not how fast something is.
fn measure(gateway: &Gateway, more: &[&str]) -> Measured {
    let url = format!("http://{}", gateway.address);
    let mut arguments = vec!["bench", "--json", "--url", &url];
    for (name, value) in [("--connections", "4"), ("--duration", "250ms")] {
        if !more.contains(&name) {
            arguments.extend([name, value]);
        }
    }
    let (status, stdout, stderr) = gateway.run(&[&arguments[..], more].concat());
    for secret in ["CANARY", "eyJ"] {
        assert!(!stdout.contains(secret) && !stderr.contains(secret), "{stdout}{stderr}");
    }
    Measured { status, told: serde_json::from_str(&stdout).unwrap_or(Value::Null), stderr }
}

/// A gateway with a route of each kind, before this service.
fn three_routes(upstream: &Upstream) -> Setup {
    Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("open", "/open", "app", "auth = \"public\"")
        .route("free", "/free", "app", "user_limit = \"unlimited\"")
        .route("counted", "/counted", "app", "user_limit = { requests = 100000, window_seconds = 60 }")
}

fn micros(value: &Value) -> f64 {
    value.as_f64().unwrap()
}
