//! Methods by which nobody is served, whatever the routes say.

use super::{Head, Refusal};

/// For `Allow`, where a method is for nobody.
pub const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// `TRACE` answers with what only the service was to see (RFC 9110 §9.3.8), and `CONNECT` asks for another
/// kind of proxy. In any case of their letters: there are services that do not look at it.
pub(super) fn check(head: &Head<'_>) -> Result<(), Refusal> {
    let method = head.method.as_str();
    let refused = ["TRACE", "TRACK", "CONNECT"].iter().any(|name| method.eq_ignore_ascii_case(name));
    match refused {
        true => Err(Refusal::MethodNotAllowed(METHODS.to_owned())),
        false => Ok(()),
    }
}
