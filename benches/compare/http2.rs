//! A stream of HTTP/2 at a time, on a connection that it shares with others.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;

/// Requests at a time on each connection.
pub(crate) const STREAMS: usize = 10;

/// An answer, and the end of its content.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) last: Bytes,
    pub(crate) content_bytes: usize,
}

/// By prior knowledge. The connection ends with its last stream.
pub(crate) async fn connect(stream: TcpStream) -> Result<SendRequest<Bytes>, String> {
    let (streams, connection) = h2::client::handshake(stream).await.map_err(said)?;
    tokio::spawn(async { connection.await.ok() });
    Ok(streams)
}

pub(crate) async fn ask(
    streams: &mut SendRequest<Bytes>,
    request: http::Request<()>,
) -> Result<Answer, String> {
    poll_fn(|context| streams.poll_ready(context)).await.map_err(said)?;
    let (answer, _) = streams.send_request(request, true).map_err(said)?;
    let (head, mut body) = answer.await.map_err(said)?.into_parts();
    let (mut last, mut content_bytes) = (Bytes::new(), 0);
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(said)?;
        body.flow_control().release_capacity(piece.len()).map_err(said)?;
        content_bytes += piece.len();
        // What ends a stream may be an empty frame.
        if !piece.is_empty() {
            last = piece;
        }
    }
    Ok(Answer { status: head.status.as_u16(), last, content_bytes })
}

fn said(fault: h2::Error) -> String {
    format!("HTTP/2: {fault}")
}
