//! What operators see: metrics, one log line a request, request ids. The only room that names
//! `prometheus`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod access_json;
mod access_log;
mod accounts;
mod connections;
mod deliveries;
mod issuers;
mod limits;
pub mod log;
mod log_json;
mod log_queue;
mod log_target;
mod log_time;
mod metrics;
mod panics;
mod process;
mod redact;
mod registry;
mod request_id;
mod requests;
mod security;
mod spans;
mod tokens;
mod trace_context;
mod traces;
mod upstreams;
mod way;

pub use access_log::{AccessLine, path_as_sent};
pub use accounts::HashingReading;
pub use connections::{ConnectionsReading, Refused, Spoken, StreamBound};
pub use issuers::IssuerReading;
pub use limits::PolicyReading;
pub use log::{LogFormat, LogSettings, check_level};
pub use metrics::{Metrics, Reading};
pub use process::{LogReading, ProcessReading, StoreReading};
pub use redact::{HashKey, Shown, ShownAddress, logs_access};
pub use registry::Entry;
pub use request_id::RequestId;
pub use requests::{Observed, Outcome, RouteMetrics, known_method};
pub use spans::{FinishedTrace, Span, UpstreamSpan};
pub use tokens::{IntCount, RedisCounts, RevocationReading, Tokens, TokensReading, Verifications};
pub use trace_context::{TraceId, TraceParent};
pub use traces::{TraceContext, TraceSettings, Traces, TracesReading};
pub use upstreams::{ServerMetrics, Unclean, UpstreamMetrics, UpstreamServer};
pub use way::Way;
