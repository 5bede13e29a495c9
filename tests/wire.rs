//! What goes over the wires on both sides of the gateway: each message has one end, and each answer
//! belongs to its request and its user.

mod one_end;
mod soak;

use crate::support::authority::Authority;
use crate::support::gateway::{Gateway, Setup};

/// A gateway with HTTP/1.1, then by `further` HTTP/2 without TLS, and both over TLS.
fn listening(setup: Setup, authority: &Authority) -> Gateway {
    let certified = authority.certify("own", &["localhost"]);
    setup
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true")
        .config(&crate::listening::https(&[&certified], ""))
        .unlimited()
        .start()
}
