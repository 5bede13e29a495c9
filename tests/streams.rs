//! What streams: authenticated before it begins, passed on as it comes, and ended with its token.

mod bodies;
mod events;
mod grpc;
mod handshake;
mod lasting;

mod websocket;

use std::io::Read as _;
use std::time::Duration;

use gateway_clock::Stopwatch;

use crate::support::authority::Authority;
use crate::support::forge;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::streaming::Streaming;

/// Before services that stream, plain and over TLS. `more` are further lines of each route.
fn before(services: &Streaming, authority: &Authority, more: &str) -> Setup {
    let certified = authority.certify("own", &["localhost"]);
    Setup::new("")
        .upstream("http", &services.http)
        .config(&format!(
            "[[upstreams]]\nname = \"grpc\"\naddress = \"{}\"\nprotocol = \"http2\"",
            services.grpc
        ))
        .route("live", "/live", "http", &format!("websocket = true\n{more}"))
        .route("still", "/still", "http", "")
        .route("rpc", "/echo.Echo", "grpc", &format!("websocket = true\n{more}"))
        .config(&crate::listening::https(&[&certified], ""))
        .unlimited()
}

/// A token of a user of this gateway that lives for so many seconds.
fn short_lived(gateway: &Gateway, seconds: u64) -> String {
    let user = gateway.user();
    let mut claims = forge::claims(&user.access);
    claims["exp"] = (forge::now() + seconds).into();
    forge::access(&claims)
}

/// How long something takes.
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Stopwatch::start();
    let result = act();
    (result, begun.elapsed())
}

/// Reads until these words came.
fn hears(stream: &Raw, words: &str) -> bool {
    let (mut seen, mut chunk) = (Vec::new(), [0; 256]);
    while !String::from_utf8_lossy(&seen).contains(words) {
        match stream.stream().read(&mut chunk) {
            Ok(read) if read > 0 => seen.extend_from_slice(&chunk[..read]),
            _ => return false,
        }
    }
    true
}
