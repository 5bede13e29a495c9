//! The rim towards the network: carries requests to the pipeline and answers back. It holds no
//! policy. The only room that names `pingora`, but for `startup`, which builds its server.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod accepting;
mod answer_head;
mod answer_watch;
mod beginning;
mod bridge;
mod browser;
mod cancellation;
mod client;
mod client_addr;
mod clients;
mod configured;
mod connection_context;
mod connection_handler;
mod connections;
mod decide;
mod descriptors;
mod downstream;
mod exchange;
mod explain;
mod fault;
mod forward;
mod frames;
mod gateway;
mod hand_back;
mod handover;
mod handshake;
mod head;
mod http10;
mod http2;
mod idle_timer;
mod lane;
mod listener;
mod message;
mod operations;
mod operator;
mod outgoing;
mod overheard;
mod pace;
mod peer;
mod proxy_protocol;
mod public_listener;
mod receive;
mod record;
mod refused_head;
mod request_line;
mod respond;
mod streams;
mod tls;
mod upgrade;
mod upstreams;
mod view;

pub use accepting::OnReady;
pub use browser::Browsers;
pub use client_addr::TrustedProxies;
pub use clients::{ClientFiles, revoked};
pub use configured::{Configured, Current, Endpoints, Parts};
pub use connections::{Caps, Connections, Most};
pub use descriptors::{Descriptor, Descriptors};
pub use exchange::{Exchange, outcomes};
pub use gateway::{Gateway, GatewayParts};
pub use handover::{Handover, Inherited, Left};
pub use head::HEAD_BYTES_MAX;
pub use lane::way_of;
pub use listener::{Bound, Public, operator_service, proxy_service};
pub use operator::{CheckReadiness, Operator, Readiness};
pub use public_listener::ListenerSettings;
pub use streams::Streams;
pub use tls::{CertificateEnd, CertificateFiles, TlsFiles, TlsMaterial};

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

use gateway_pipeline::{Browser, RenewalStep, Renewed};
use gateway_problem::Problem;

/// What an endpoint answers with: whole, or made while it is read.
pub type Content = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The seam to `/api/auth`: a plain function, so that this room knows nothing of axum.
pub type ServeApi = Arc<
    dyn Fn(
            http::Request<Bytes>,
            ApiClient,
        ) -> Pin<Box<dyn Future<Output = (http::Response<Content>, Option<Problem>)> + Send>>
        + Send
        + Sync,
>;

/// The client of an endpoint, as the edge knows it.
#[derive(Clone)]
pub struct ApiClient {
    pub address: std::net::IpAddr,
    /// Whether it is the client's own: not where a trusted proxy leaves it out.
    pub address_is_told: bool,
    pub peer_is_trusted: bool,
    pub request_id: gateway_telemetry::RequestId,
    /// The trace that the request is part of, if of any.
    pub trace: Option<gateway_telemetry::TraceId>,
    /// Present where cookies are on.
    pub browser: Option<Arc<Browser>>,
}

/// The seam to the sessions of browsers: a refresh token, which step, and on whose behalf.
pub type RenewSession = Arc<
    dyn Fn(String, RenewalStep, ApiClient) -> Pin<Box<dyn Future<Output = Renewed> + Send>> + Send + Sync,
>;
