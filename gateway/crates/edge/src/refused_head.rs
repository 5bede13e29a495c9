//! The answer to a head that never became a request: in our form, counted and logged like any other.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use tokio::time::timeout;

use super::connection_handler::{ConnectionHandler, HEAD_TIME_MAX};
use super::downstream::Downstream;
use super::exchange::refused;
use gateway_pipeline::X_REQUEST_ID;
use gateway_problem::{Audience, Problem};
use gateway_telemetry::{AccessLine, RequestId, logs_access, path_as_sent};

impl<A> ConnectionHandler<A> {
    /// Answers, and closes: where the next request would begin nobody knows. `head` is what came of it.
    pub(super) async fn refuse(&self, stream: &mut Downstream, problem: &Problem, head: &[u8]) {
        let (code, request_id) = (problem.code(), RequestId::fresh());
        let mut words = head.split(|byte| matches!(byte, b' ' | b'\r' | b'\n'));
        let method = words.next().unwrap_or_default();
        let mut response = problem.render(audience(head), request_id.as_str());
        response.headers_mut().insert(&X_REQUEST_ID, request_id.to_value());
        if method == b"HEAD" {
            response.body_mut().clear();
        }
        self.metrics.requests.refused_head(refused(code), code.entry().status);
        if logs_access() {
            let digest = stream.stream().get_socket_digest();
            let peer = digest.and_then(|digest| digest.peer_addr()?.as_inet().copied());
            let line = AccessLine {
                request_id: request_id.as_str(),
                trace: None,
                client: peer.map(|peer| peer.ip()),
                method: std::str::from_utf8(method).unwrap_or_default(),
                path: &path_as_sent(words.next().unwrap_or_default()),
                route: "none",
                status: code.entry().status,
                outcome: code.as_str(),
                reason: None,
                token_bytes: None,
                user_id: None,
                subject: None,
                issuer: None,
                duration: Duration::ZERO,
                decision: None,
                first_byte: None,
                request_bytes: 0,
                response_bytes: response.body().len(),
            };
            line.write();
        }
        // The client may have gone; it was told, or it does not matter any more.
        timeout(HEAD_TIME_MAX, stream.answer_and_close(&serialize(&response))).await.ok();
    }
}

/// In the form that it asks for, as far as it can be read.
fn audience(head: &[u8]) -> Audience {
    const NAME: &[u8] = b"accept:";
    let accepted = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then(|| HeaderValue::from_bytes(value.trim_ascii()).ok())?
    });
    let accepted: HeaderMap = accepted.map(|value| (ACCEPT, value)).collect();
    Audience::of_own((&accepted).into())
}

fn serialize(response: &Response<Bytes>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("");
    let mut out = format!("HTTP/1.1 {} {reason}\r\nConnection: close\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(response.body());
    out
}
