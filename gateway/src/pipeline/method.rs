//! Methods by which nobody is served, whatever the routes say.

use http::Method;

use super::{Head, Refusal};

/// For `Allow`, where a method is for nobody.
pub const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// `TRACE` answers with what only the service was to see (RFC 9110 §9.3.8), and `CONNECT` asks for another
/// kind of proxy.
pub(super) fn check(head: &Head<'_>) -> Result<(), Refusal> {
    let refused = matches!(*head.method, Method::TRACE | Method::CONNECT) || head.method.as_str() == "TRACK";
    match refused {
        true => Err(Refusal::MethodNotAllowed(METHODS.to_owned())),
        false => Ok(()),
    }
}
