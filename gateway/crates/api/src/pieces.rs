//! An answer that is made while it is read: as fast as its client takes it, and no faster.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use thiserror::Error;
use tokio::sync::mpsc;

use super::long_answers::Running;

/// The side that is read. One piece waits in it, and one more with whoever makes them.
pub(super) struct Pieces {
    pieces: mpsc::Receiver<Option<Bytes>>,
    /// Its place, until its client has all but the end of it.
    running: Option<Running>,
}

/// The side that makes them. When it is dropped before the end, the answer breaks off, and is not taken
/// for a whole one.
pub(super) struct Maker(mpsc::Sender<Option<Bytes>>);

/// Its maker stopped in the middle.
#[derive(Clone, Copy, Debug, Error)]
#[error("the answer broke off")]
pub(super) struct BrokeOff;

/// Nobody reads any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone;

pub(super) fn pieces(running: Option<Running>) -> (Maker, Pieces) {
    let (maker, pieces) = mpsc::channel(1);
    (Maker(maker), Pieces { pieces, running })
}

impl Maker {
    pub(super) async fn send(&self, piece: String) -> Result<(), Gone> {
        self.0.send(Some(Bytes::from(piece))).await.map_err(|_| Gone)
    }

    /// That was all of it.
    pub(super) async fn end(self) -> Result<(), Gone> {
        self.0.send(None).await.map_err(|_| Gone)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        Poll::Ready(match ready!(self.pieces.poll_recv(context)) {
            Some(Some(piece)) => Some(Ok(Frame::data(piece))),
            Some(None) => {
                // A client that has seen the end may begin another one at once.
                self.running = None;
                None
            }
            None => Some(Err(BrokeOff)),
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_not_made_to_its_end_is_an_error() {
        let (maker, whole) = pieces(None);
        tokio::spawn(async move {
            maker.send("a".to_owned()).await.unwrap();
            maker.send("b".to_owned()).await.unwrap();
            maker.end().await.unwrap();
        });
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "ab");
        let (maker, broken) = pieces(None);
        tokio::spawn(async move { maker.send("a".to_owned()).await });
        assert!(broken.collect().await.is_err());
    }

    #[tokio::test]
    async fn no_more_is_made_than_is_read() {
        let (maker, read) = pieces(None);
        let making = tokio::spawn(async move {
            let mut made = 0;
            while maker.send("x".to_owned()).await.is_ok() {
                made += 1;
            }
            made
        });
        tokio::task::yield_now().await;
        drop(read);
        assert!(making.await.unwrap() <= 1);
    }
}
