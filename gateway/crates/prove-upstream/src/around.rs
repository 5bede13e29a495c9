//! The way around the gateway: whether the service listens to whoever comes directly.

use super::Plan;
use super::attack::{Answer, Row, attempt, spelled};
use super::endpoint::Endpoint;
use super::http1::{Outcome, Request};

const WAY: &str = "around";
const ATTACK: &str = "around the gateway";
const MEND: &str = "the service believes whoever reaches it: put it on a Unix socket or loopback, on a network that only the gateway is in, behind TLS that asks for the gateway's client certificate (upstreams.tls), or have it verify X-Gateway-Assertion";

pub(super) fn row(plan: &Plan, around: &Endpoint) -> Row {
    if let Err(why) = around.connect(b"http/1.1") {
        return Row::new(WAY, ATTACK, Answer::Held(Some(format!("cannot be reached from here: {why}"))));
    }
    let row = attempt(WAY, ATTACK, &spelled(&plan.names, str::to_owned), |spoofs| {
        let request = Request::new(around, None);
        let told =
            spoofs.iter().fold(request, |request, spoof| request.field(&spoof.spelling, &spoof.marker));
        match told.send(around) {
            Outcome::Closed => {
                Outcome::Silent("it hangs up without an answer; if it speaks TLS, write https://…".to_owned())
            }
            outcome => outcome,
        }
    });
    let answer = match row.answer {
        // In TLS 1.3 a missing client certificate is said after the handshake.
        Answer::Unclear(why) if around.is_tls && why.contains("alert") => Answer::Held(Some(why)),
        Answer::Held(_) => Answer::Held(Some("it answers, and shows nothing of what was sent".to_owned())),
        other => other,
    };
    Row { answer, ..row }.mend(MEND)
}
