#!/usr/bin/env bash
# The Rust crate http-body-util 0.1.5: a body that is a `Channel` may lose its last frame, and end as if it
# were whole. Its `poll_frame` looks for a frame, finds none, and then looks whether the sender is gone;
# where the sender puts a frame and goes between the two looks, the body is over with the frame unread.
# It happens a few times in a million, on two threads.
# Needs cargo, and two processors. Ends with 1 when it has changed, after some minutes.
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
bytes = "1"
http-body-util = { version = "=0.1.5", features = ["channel"] }
tokio = { version = "1", features = ["rt-multi-thread", "macros"] }
TOML
cat >"$folder/src/main.rs" <<'RS'
use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for number in 1..=20_000_000 {
        let (mut sender, body) = Channel::<Bytes>::new(1);
        let reading = tokio::spawn(async move { body.collect().await.unwrap().to_bytes() });
        let sending = tokio::spawn(async move { sender.send_data(Bytes::from_static(b"x")).await.is_ok() });
        if sending.await.unwrap() && reading.await.unwrap().is_empty() {
            eprintln!("body {number}");
            println!("one byte was sent, none came, and no error");
            return;
        }
    }
    println!("all came");
}
RS
seen=$(cd "$folder" && cargo run -q --release)
echo "$seen"
[ "$seen" = "one byte was sent, none came, and no error" ]
