#!/usr/bin/env bash
# The Rust crate ppp 2.3.0 reads the PROXY protocol, whose line (version 1) a sender may deliver in any pieces,
# and tells by is_incomplete() whether more is to be read. Of one beginning of a good line, which ends with the
# blank before the second port, it says that it is an error (InvalidDestinationPort, of an empty number): a reader
# that trusts it closes a connection whose line was cut just there.
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
ppp = "=2.3.0"
TOML
cat >"$folder/src/main.rs" <<'RS'
use ppp::{HeaderResult, PartialResult};

fn main() {
    let line = b"PROXY TCP4 9.9.9.9 8.8.8.8 1000 80\r\n";
    assert!(matches!(HeaderResult::parse(line), HeaderResult::V1(Ok(_))));
    for end in 1..line.len() {
        let begun = HeaderResult::parse(&line[..end]);
        if !begun.is_incomplete() {
            println!("{:?}", String::from_utf8_lossy(&line[..end]));
        }
    }
}
RS
seen=$(cd "$folder" && cargo run -q)
echo "$seen"
[ "$seen" = '"PROXY TCP4 9.9.9.9 8.8.8.8 1000 "' ]
