//! Why: the decision step by step in a header of the answer, for operators who ask.

use std::net::IpAddr;

use http::HeaderValue;
use ipnet::IpNet;
use pingora::http::RequestHeader;

use crate::pipeline::{Admitted, Denied, Trail};

/// The header that asks, and that answers.
pub(super) const EXPLAIN: &str = "x-gateway-explain";

/// A trail that is written where an operator asks, and silent otherwise.
pub(super) fn trail(request: &RequestHeader, client: IpAddr, allowed: &[IpNet]) -> Trail {
    let asked = !allowed.is_empty() && request.headers.contains_key(EXPLAIN);
    let silent = Trail::silent();
    if asked && allowed.iter().any(|network| network.contains(&client)) { silent.written() } else { silent }
}

/// `None` where nobody asked who may.
pub(super) fn value(trail: &Trail, decided: &Result<Admitted, Denied>) -> Option<HeaderValue> {
    let steps = trail.steps()?;
    let mut text = String::new();
    for step in steps {
        text.push_str(&format!("{}: {}; ", step.stage, step.finding));
    }
    text.push_str(&match decided {
        Ok(_) => "verdict: allow".to_owned(),
        Err(denied) => format!("verdict: refuse, {}", denied.refusal.code().word()),
    });
    // Names of routes may hold letters that a field value does not.
    let text: String = text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
    HeaderValue::try_from(text).ok()
}
