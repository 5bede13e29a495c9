//! What operators see: metrics, one log line a request, request ids. The only room that names
//! `prometheus`.

mod access_log;
mod connections;
mod issuers;
mod metrics;
mod request_id;
mod upstreams;

pub use access_log::{AccessLine, LogFormat, check_level, init as init_logs};
pub use connections::Refused;
pub use issuers::IssuerGauge;
pub use metrics::{Gauges, Metrics, RouteMetrics, known_method};
pub use request_id::RequestId;
pub use upstreams::{ServerMetrics, UpstreamMetrics, UpstreamServer};
