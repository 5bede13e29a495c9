//! Services of Node that stream: WebSocket, server-sent events and gRPC.

use std::path::PathBuf;

use serde_json::Value;

use super::tools::{Running, node};

pub struct Streaming {
    _process: Running,
    pub http: String,
    pub grpc: String,
}

impl Streaming {
    pub fn start() -> Self {
        let mut command = node();
        command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/services/streams.js"));
        let mut process = Running::start(command);
        let line = process.line();
        let ports: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ports: {line}"));
        let at = |name: &str| format!("127.0.0.1:{}", ports[name]);
        Self { http: at("http"), grpc: at("grpc"), _process: process }
    }
}
