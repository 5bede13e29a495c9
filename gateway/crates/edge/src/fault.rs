//! What breaks on the way to an upstream and back: whether it is tried again, and what the client
//! is told.

use std::io;
use std::time::Duration;

use pingora::{Error, ErrorSource, ErrorType};

use super::client::Client;
use super::exchange::Exchange;
use super::upstreams::{Interrupted, NO_HEALTHY_UPSTREAM, UPSTREAM_FULL, oversized};
use super::{Gateway, respond};
use gateway_framing::{Malformed, Oversized};
use gateway_problem::Code;

/// The token was revoked while its request was under way.
pub(super) const REVOKED: ErrorType = ErrorType::Custom("Revoked");
/// After which it may be worth to ask again for what is over in a moment.
const PASSING: Duration = Duration::from_secs(1);

/// No connection was made, so nothing was sent: any request may go to another server.
pub(super) fn after_connecting(exchange: &mut Exchange, mut fault: Box<Error>) -> Box<Error> {
    let again = exchange
        .upstream_request_mut()
        .is_some_and(|upstream_request| upstream_request.failed_to_connect(&fault));
    fault.set_retry(again);
    fault
}

/// Something may have been sent. Only what is safe to repeat is: an idempotent method (RFC 9110
/// §9.2.2) whose body is still at hand, and of whose answer the client has seen nothing.
pub(super) fn on_the_way(
    client: &impl Client,
    exchange: &mut Exchange,
    mut fault: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if exchange.paced().is_some_and(|paced| paced.is_broken()) {
        // It was broken off by us, since its body did not come: no server is to blame.
        fault.set_retry(false);
        return fault;
    }
    let repeatable =
        client.request().method.is_idempotent() && client.can_repeat() && client.status().is_none();
    let fields = client.request().headers.count();
    let request = Interrupted { repeatable, client: exchange.client.site(), fields };
    let again = exchange
        .upstream_request_mut()
        .is_some_and(|upstream_request| upstream_request.broke(&mut fault, &request, reused));
    fault.set_retry(again);
    fault
}

impl Gateway {
    /// Turns what broke on the way into an answer of ours, where none was begun.
    pub(super) async fn broke(
        &self,
        client: &mut impl Client,
        fault: &Error,
        exchange: &mut Exchange,
    ) -> Code {
        let is_slow = exchange.paced().is_some_and(|paced| paced.is_broken());
        let code = if is_slow { Code::BodyTimeout } else { classify(fault) };
        let upstream = exchange.admitted().map_or("none", |admitted| &admitted.upstream().name);
        if fault.esource() != &ErrorSource::Downstream && !is_slow && !is_refused(code) {
            tracing::warn!(
                request_id = %exchange.request_id, upstream, reason = code.as_str(), error = %fault,
                "the request could not be forwarded"
            );
        }
        let left = client_left(fault) && !client.is_malformed();
        exchange.break_off(code, left);
        let begun = client.status().is_some_and(|status| !status.is_informational());
        if !begun && !left {
            client.close_after_answer();
            let mut problem = exchange.problem(code);
            if is_passing(code) {
                problem = problem.retry_after(PASSING);
            }
            // The client may go meanwhile: then there is nobody to tell.
            respond::refuse(client, exchange, &problem).await.ok();
        }
        code
    }
}

/// Whether it may be over in a moment.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::UpstreamUnreachable | Code::UpstreamTimeout | Code::NoHealthyUpstream | Code::UpstreamFull
    )
}

/// Whether it is about the request, and nothing is wrong with the service.
fn is_refused(code: Code) -> bool {
    matches!(code, Code::UpstreamHeadersTooLarge | Code::UpstreamTooManyHeaders)
}

/// Whether it was the client who went away: there is nobody to answer, and nothing was wrong with
/// what it asked.
fn client_left(fault: &Error) -> bool {
    use ErrorType::{ConnectionClosed, H2Error, ReadError, WriteError};
    fault.esource() == &ErrorSource::Downstream
        && matches!(fault.etype(), ConnectionClosed | ReadError | WriteError | H2Error)
}

/// The answer of ours that a failure becomes.
fn classify(fault: &Error) -> Code {
    use ErrorType::{
        ConnectTimedout, HTTPStatus, InvalidHTTPHeader, ReadTimedout, TLSHandshakeTimedout, WriteTimedout,
    };
    match oversized(fault) {
        Some(Oversized::Bytes) => return Code::UpstreamHeadersTooLarge,
        Some(Oversized::Fields) => return Code::UpstreamTooManyHeaders,
        None => {}
    }
    match (fault.esource(), fault.etype()) {
        (_, HTTPStatus(413)) => Code::BodyTooLarge,
        (_, kind) if *kind == REVOKED => Code::TokenRevoked,
        (_, kind) if *kind == UPSTREAM_FULL => Code::UpstreamFull,
        (_, kind) if *kind == NO_HEALTHY_UPSTREAM => Code::NoHealthyUpstream,
        (ErrorSource::Downstream, ReadTimedout | WriteTimedout) => Code::BodyTimeout,
        (ErrorSource::Downstream, InvalidHTTPHeader) => Code::MalformedRequest,
        (ErrorSource::Downstream, _) => Code::MalformedRequest,
        (ErrorSource::Upstream, _) if is_malformed(fault) => Code::UpstreamMalformed,
        (_, ConnectTimedout | TLSHandshakeTimedout | ReadTimedout | WriteTimedout) => Code::UpstreamTimeout,
        _ => Code::UpstreamUnreachable,
    }
}

/// Whether a server was reached, and what it said is no answer: no HTTP, by the head or by the chunks that
/// came along with it, or by what the other end of HTTP/2 may not do.
fn is_malformed(fault: &Error) -> bool {
    let cause = fault.root_cause();
    let chunks = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    fault.etype() == &ErrorType::InvalidHTTPHeader
        || chunks.is_some_and(|chunks| chunks.is::<Malformed>())
        || cause.downcast_ref::<h2::Error>().is_some_and(|fault| fault.is_library() && !fault.is_io())
}
