//! hyper, as the server and as the client, driven by hand: bytes come when it reads, and when there
//! are no more of them and nothing woke it, it waits for more. No time goes by.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response};

use super::{Reader, Reading, Side};
use crate::fuzzing::chunks::bodies::Case;

pub(in crate::fuzzing::chunks) struct Hyper;

impl Reader for Hyper {
    fn name(&self) -> &'static str {
        "hyper"
    }

    fn read(&mut self, side: Side, cases: &[&Case]) -> Vec<Reading> {
        let read = match side {
            Side::Request => as_server,
            Side::Answer => as_client,
        };
        cases.iter().map(|case| read(case)).collect()
    }
}

type Content = Result<Bytes, hyper::Error>;

fn as_server(case: &Case) -> Reading {
    let head = b"POST / HTTP/1.1\r\nHost: gateway.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    let seen: Rc<RefCell<Option<Content>>> = Rc::default();
    let sees = Rc::clone(&seen);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let sees = Rc::clone(&sees);
        // Without an answer nothing behind the body is looked at.
        Box::pin(async move {
            let content = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            *sees.borrow_mut() = Some(content);
            pending::<Result<Response<Empty<Bytes>>, Infallible>>().await
        })
    });
    let mut connection =
        hyper::server::conn::http1::Builder::new().serve_connection(Fed::new(head, case, true), service);
    let ended = drive(|context| connection.poll_without_shutdown(context).map(|_| ()));
    let parts = connection.into_parts();
    let behind = parts.read_buf.len() + parts.io.left();
    reading(seen.take(), ended, case, behind)
}

fn as_client(case: &Case) -> Reading {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let fed = Fed::new(head, case, false);
    let mut shaken = None;
    let mut handshake = pin!(hyper::client::conn::http1::handshake(fed));
    drive(|context| handshake.as_mut().poll(context).map(|done| shaken = done.ok()));
    let (mut sender, mut connection) = shaken.expect("there is nothing to wait for");
    let request = Request::get("/").header("host", "gateway.example").body(Empty::<Bytes>::new()).unwrap();
    let mut answer = pin!(async move {
        let answer = sender.send_request(request).await?;
        Ok(answer.into_body().collect().await?.to_bytes())
    });
    let (mut seen, mut ended) = (None, false);
    drive(|context| {
        // The request first: a connection that was asked nothing expects no answer.
        if let (true, Poll::Ready(content)) = (seen.is_none(), answer.as_mut().poll(context)) {
            seen = Some(content);
        }
        ended = ended || connection.poll_without_shutdown(context).is_ready();
        if seen.is_some() || ended {
            context.waker().wake_by_ref()
        }
        if seen.is_some() { Poll::Ready(()) } else { Poll::Pending }
    });
    let parts = connection.into_parts();
    let behind = parts.read_buf.len() + parts.io.left();
    reading(seen, ended, case, behind)
}

fn reading(seen: Option<Content>, ended: bool, case: &Case, behind: usize) -> Reading {
    match seen {
        Some(Ok(content)) => Reading::Whole { content: content.to_vec(), end: case.bytes.len() - behind },
        None if !ended => Reading::Incomplete,
        _ => Reading::Refused(String::new()),
    }
}

/// Polls until it is ready, or until nothing would wake it any more: whether it is ready.
fn drive(mut poll: impl FnMut(&mut Context<'_>) -> Poll<()>) -> bool {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if poll(&mut context).is_ready() {
            return true;
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            return false;
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The other side of the connection: it has said everything, and waits.
struct Fed {
    pieces: VecDeque<Vec<u8>>,
    /// Whether it may be read, or something must be written before.
    is_open: bool,
    waits: Option<Waker>,
}

impl Fed {
    fn new(head: &[u8], case: &Case, is_open: bool) -> Self {
        let pieces = std::iter::once(head).chain(case.pieces());
        Self { pieces: pieces.map(<[u8]>::to_vec).collect(), is_open, waits: None }
    }

    /// How much was not read.
    fn left(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }
}

impl Read for Fed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let next = if self.is_open { self.pieces.pop_front() } else { None };
        let Some(mut piece) = next else {
            self.waits = Some(context.waker().clone());
            return Poll::Pending;
        };
        let rest = piece.split_off(piece.len().min(buffer.remaining()));
        buffer.put_slice(&piece);
        if !rest.is_empty() {
            self.pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Fed {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_open = true;
        if let Some(waits) = self.waits.take() {
            waits.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
