//! Clients of HTTP/1.0: what they are not told, since they do not know it, and whom they ask for where they
//! do not say it.

use http::Version;
use http::header::HOST;

use super::client::Client;
use super::view::{AnswerView, RequestView};
use gateway_pipeline::{Target, Upstream, UpstreamHeaders, Value};

/// An answer that does not say how long it is ends with the connection, and says so.
pub(super) fn answers(client: &mut impl Client, answer: AnswerView<'_>, has_no_content: bool) {
    let is_measured = has_no_content || answer.length.is_some();
    if !is_measured && client.request().version == Version::HTTP_10 {
        client.close_after_answer();
    }
}

/// A service is spoken to by HTTP/1.1 or 2, which want a host (RFC 9112 §3.2). Where the client names
/// none, it is the service's own address, as nginx has it.
pub(super) fn name_host(upstream: &Upstream, request: RequestView<'_>, headers: &mut impl UpstreamHeaders) {
    let is_named = || request.authority.is_some() || headers.values(&HOST).next().is_some();
    if request.version != Version::HTTP_10 || is_named() {
        return;
    }
    match upstream.servers.first().map(|server| &server.target) {
        // An address and the name of a server are a value.
        Some(target @ (Target::Tcp(_) | Target::Name { .. })) => {
            headers.set(&HOST, Value::Text(target.to_string().as_bytes()));
        }
        Some(Target::Unix(_)) | None => headers.set(&HOST, Value::Static("localhost")),
    }
}
