//! The id of the trace that a request is part of (W3C Trace Context); how it is read, made and written is
//! telemetry's.

/// Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub(crate) [u8; 16]);
