//! Which way a request would take, for whoever asks without sending it.

use bytes::BytesMut;

use super::{beside, speaks_http1};
use crate::request_line::settled;
use gateway_http1::Request;
use gateway_pipeline::Routes;
use gateway_telemetry::Way;

/// The way of a request of HTTP/1.1 with this head, by the functions that choose it for requests that are sent. `None` where it is refused for its head.
pub fn way_of(head: &[u8], is_open: bool, routes: &Routes) -> Option<Way> {
    let settled = settled(head).ok().filter(|settled| settled.length.is_ok())?;
    if let Some(way) = beside(&settled, is_open) {
        return Some(way);
    }
    let request = Request::from_parts(BytesMut::from(head), settled.target, settled.lines).ok()?;
    Some(if speaks_http1(routes, &request) { Way::Lane } else { Way::Service })
}
