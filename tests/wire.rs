//! What goes over the wires on both sides of the gateway, whoever sends what: each message has one
//! end, and each answer goes to the one who asked.

mod answers;
mod blame;
mod content;
mod early;
mod ends;
mod forms;
mod half_closed;
mod heads;
mod http10;
mod late;
mod one_end;
mod pace;
mod soak;
mod uploads;
mod ways;

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
