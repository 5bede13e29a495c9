//! A connection of an operator: few of them at a time, and each step within a time of its own. So they
//! cannot use up the descriptors that are kept for them, whatever becomes of who asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use pingora::apps::http_app::ServeHttp as _;
use pingora::http::ResponseHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as Tcp;
use pingora::server::ShutdownWatch;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::accepting::Carry;
use super::operator::Operator;
use gateway_telemetry::Refused;

/// Connections of operators at a time: as many as have descriptors kept for them.
const CONNECTIONS_MAX: usize = 64;
/// How long a new connection may say nothing, a head may take, and an answer to be read.
const STEP_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection may stay idle between two requests.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Room for most heads.
const HEAD_BYTES_USUAL: usize = 1_024;

/// The operations listener.
pub(super) struct Operations {
    operator: Operator,
    places: Arc<Semaphore>,
    drain: ShutdownWatch,
}

/// Why a connection ends.
enum End {
    /// It was the client, or there is nothing more to say.
    Over,
    TookTooLong,
}

impl Operations {
    pub(super) fn new(operator: Operator, drain: ShutdownWatch) -> Arc<Self> {
        Arc::new(Self { operator, places: Arc::new(Semaphore::new(CONNECTIONS_MAX)), drain })
    }

    /// Requests one after the other, until one of them is the last.
    async fn serve(&self, mut stream: Stream) -> End {
        let mut silence = STEP_TIME_MAX;
        loop {
            let mut head = BytesMut::with_capacity(HEAD_BYTES_USUAL);
            match timeout(silence, stream.read_buf(&mut head)).await {
                Ok(Ok(read)) if read > 0 => {}
                Ok(_) => return End::Over,
                // Between two requests it is nobody's fault.
                Err(_) if silence == IDLE_TIME_MAX => return End::Over,
                Err(_) => return End::TookTooLong,
            }
            let mut session = ServerSession::new_http1(stream);
            session.set_pipelined_prefix(head);
            match timeout(STEP_TIME_MAX, session.read_request()).await {
                Ok(Ok(true)) => {}
                Ok(_) => return End::Over,
                Err(_) => return End::TookTooLong,
            }
            // A connection that its client wants closed, as each of HTTP/1.0 that says nothing else, stays so.
            let goes_on = session.get_keepalive().is_some() && !*self.drain.borrow();
            session.set_keepalive(goes_on.then_some(IDLE_TIME_MAX.as_secs()));
            // What it asks has time limits of its own.
            let answer = self.operator.response(&mut session).await;
            match timeout(STEP_TIME_MAX, write(session, answer)).await {
                Ok(Some(next)) => stream = next,
                Ok(None) => return End::Over,
                Err(_) => return End::TookTooLong,
            }
            silence = IDLE_TIME_MAX;
        }
    }
}

impl Carry for Operations {
    type Place = OwnedSemaphorePermit;

    fn place(&self, _: &TcpStream) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            self.operator.metrics.connections.refuse(Refused::OperationsTooMany);
        }
        place
    }

    async fn carry(self: Arc<Self>, connection: Box<Tcp>, place: OwnedSemaphorePermit) {
        if matches!(self.serve(connection).await, End::TookTooLong) {
            self.operator.metrics.connections.refuse(Refused::OperationsTimeout);
        }
        drop(place);
    }
}

/// The connection for the next request, where there may be one.
async fn write(mut session: ServerSession, answer: Response<Vec<u8>>) -> Option<Stream> {
    let (head, body) = answer.into_parts();
    session.write_response_header(Box::new(ResponseHeader::from(head))).await.ok()?;
    session.write_response_body(Bytes::from(body), true).await.ok()?;
    let (stream, overread) = session.finish().await.ok()??.into_parts();
    // More than one request at a time is nothing that operators send.
    overread.is_none().then_some(stream)
}
