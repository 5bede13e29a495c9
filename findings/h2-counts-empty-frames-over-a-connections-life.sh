#!/usr/bin/env bash
# The Rust crate h2 0.4.20, as a server, counts DATA frames without content that do not end their stream
# (RFC 9113 §6.1 allows them) over the whole life of a connection, and not in a stretch of time: with the
# 101st it sends GOAWAY with ENHANCE_YOUR_CALM, however many good requests went between, and all streams
# of that connection end. A proxy that shares one connection among its clients meets it by and by.
# Needs cargo. Ends with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"
[dependencies]
bytes = "=1.11.1"
h2 = "=0.4.20"
http = "1"
tokio = { version = "1", features = ["rt", "macros", "io-util"] }
TOML
cat >"$folder/src/main.rs" <<'RS'
use bytes::Bytes;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = tokio::spawn(async move {
        let mut server = h2::server::handshake(far).await.unwrap();
        loop {
            match server.accept().await {
                Some(Ok((mut request, mut respond))) => drop(tokio::spawn(async move {
                    while let Some(Ok(_)) = request.body_mut().data().await {}
                    let _ = respond.send_response(http::Response::new(()), true);
                })),
                Some(Err(fault)) => return fault.reason(),
                None => return None,
            }
        }
    });
    let (mut client, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(connection);
    for good in 0..1_000 {
        let request = http::Request::post("http://a/").body(()).unwrap();
        let (response, mut body) = client.send_request(request, false).unwrap();
        let sent = body
            .send_data(Bytes::new(), false)
            .and_then(|()| body.send_data(Bytes::from_static(b"x"), true));
        if sent.is_err() || response.await.is_err() {
            println!("after {good} good requests: {:?}", server.await.unwrap());
            return;
        }
    }
    println!("1000 good requests");
}
RS
seen=$(cd "$folder" && cargo run -q)
echo "$seen"
[ "$seen" = "after 100 good requests: Some(ENHANCE_YOUR_CALM)" ]
