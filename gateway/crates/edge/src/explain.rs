//! Why: the decision step by step in a header of the answer, for operators who ask.

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::client_addr::ClientAddress;
use gateway_framing::HeaderSection;
use gateway_pipeline::{Decision, DecisionTrace, Denied, Step};
use gateway_problem::Code;
use gateway_telemetry::Way;

/// The header that asks, and that answers.
pub(super) const EXPLAIN: &str = "x-gateway-explain";
const ALLOW: &str = "verdict: allow";

/// A trail that is written where an operator asks, and silent otherwise: also for whoever asks through a
/// proxy that does not say for whom, though it may be an operator's.
pub(super) fn trace(headers: HeaderSection<'_>, client: &ClientAddress, allowed: &[IpNet]) -> DecisionTrace {
    let names = || headers.has(&HeaderName::from_static(EXPLAIN));
    let asked = !allowed.is_empty() && names() && client.is_told();
    let silent = DecisionTrace::silent();
    let may = || allowed.iter().any(|network| network.contains(&client.client));
    if asked && may() { silent.written() } else { silent }
}

/// What was admitted was refused all the same, for what is no matter of who asks.
pub(super) fn overrule(explanation: &mut Option<HeaderValue>, code: Code) {
    let told = explanation.as_ref().and_then(|told| told.to_str().ok()?.strip_suffix(ALLOW));
    if let Some(value) = told.and_then(|steps| refused(steps, code).try_into().ok()) {
        *explanation = Some(value);
    }
}

fn refused(steps: &str, code: Code) -> String {
    format!("{steps}verdict: refuse, {}", code.as_str())
}

/// `None` where nobody asked who may, and of our own endpoints, which decide by themselves.
pub(super) fn value(
    trace: &DecisionTrace,
    way: Way,
    decided: &Result<Decision, Denied>,
) -> Option<HeaderValue> {
    let steps = trace.steps()?;
    // Where it goes first, and then whether it may.
    let (routed, decided_by) = steps.split_at(steps.iter().take_while(|step| step.stage == "route").count());
    let in_words = |step: &Step| format!("{}: {}; ", step.stage, step.finding);
    let mut text: String = routed.iter().map(in_words).collect();
    text.push_str(&format!("way: {}; ", way.in_words()));
    text.extend(decided_by.iter().map(in_words));
    text = match decided {
        Ok(Decision::Forward(_)) => text + ALLOW,
        Ok(Decision::Redirect(_)) => text + "verdict: answer, redirect to HTTPS",
        Ok(Decision::Preflight(_)) => text + "verdict: answer, preflight",
        Ok(Decision::Own(_) | Decision::Renew(_)) => return None,
        Err(denied) => refused(&text, denied.refusal.code()),
    };
    // Names of routes may hold letters that a field value does not.
    let text: String = text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
    HeaderValue::try_from(text).ok()
}
