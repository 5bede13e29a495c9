//! Clients of gRPC as others write them: its own core, by Python; Node's package; and Rust's tonic.

use std::net::SocketAddr;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tonic::Status;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::project;
use super::tools::{node, python};

#[derive(Clone, Copy, Debug)]
pub enum Caller {
    Core,
    Node,
    Tonic,
}

/// The method, the token, and whether its client could go on speaking when it is refused.
pub type Call<'a> = (&'a str, &'a str, bool);

impl Caller {
    pub const ALL: [Self; 3] = [Self::Core, Self::Node, Self::Tonic];

    /// What each of these calls ends with, one after the other, over one connection without TLS.
    pub fn codes(self, address: SocketAddr, calls: &[Call<'_>]) -> Vec<i64> {
        match self {
            Self::Core => script(python("python"), "grpc_calls.py", address, calls),
            Self::Node => script(node(), "grpc_calls.js", address, calls),
            Self::Tonic => by_tonic(address, calls),
        }
    }
}

fn script(mut command: Command, name: &str, address: SocketAddr, calls: &[Call<'_>]) -> Vec<i64> {
    let told = json!({ "address": address.to_string(), "calls": calls });
    command.arg(project().join("tests/services").join(name)).env("CALLS", told.to_string());
    let output = command.output().unwrap();
    let said: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    said.iter().map(|code| code.as_i64().unwrap()).collect()
}

fn by_tonic(address: SocketAddr, calls: &[Call<'_>]) -> Vec<i64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let (send, connection) = handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.unwrap();
        tokio::spawn(connection);
        let mut grpc = Grpc::with_origin(Channel(send), format!("http://{address}").parse().unwrap());
        let mut codes = Vec::new();
        for (method, token, goes_on) in calls {
            let mut request = tonic::Request::new(Bytes::from_static(b"hello"));
            if !token.is_empty() {
                request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            }
            let path: PathAndQuery = method.parse().unwrap();
            grpc.ready().await.unwrap();
            let ended = if *goes_on {
                grpc.server_streaming(request, path, Plain).await.map(drop)
            } else {
                grpc.unary(request, path, Plain).await.map(drop)
            };
            codes.push(ended.map_or_else(|status| i64::from(i32::from(status.code())), |()| 0));
        }
        codes
    })
}

struct Channel(SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// Messages as they are.
#[derive(Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
