//! What the edge needs of the client of one request, to decide, to read, to answer and to record: the seam
//! between that and whatever carries the request.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::response::Parts;

use super::view::RequestView;
use gateway_telemetry::Way;

/// The client of one request. What cannot be known over its protocol is answered by what does no harm.
pub(super) trait Client: Send + Sync {
    /// The head that it sent.
    fn request(&self) -> RequestView<'_>;

    /// Which way its request takes.
    fn way(&self) -> Way;

    /// Whether it asks to go on in another protocol, whichever: cheaper than to look for it.
    fn asks_for_upgrade(&self) -> bool;

    /// Whether what came of its body is none, so that nobody may have it.
    fn is_malformed(&self) -> bool;

    /// Whether what it sent early may be meant for another protocol.
    fn is_doubtful(&self) -> bool;

    /// Whether it says that nothing more comes from it, or its connection has ended: it waits for the answer,
    /// or has gone. Not asked of each request: the kernel may have to say.
    fn may_have_left(&self) -> bool;

    /// Whether the end of its body was seen; what came before that may not have been read.
    fn is_body_received(&mut self) -> bool;

    /// Whether nothing of its body is left to be read. An error of reading may look like that.
    fn is_body_read(&mut self) -> bool;

    /// Whether another request may follow on its connection once this one is answered.
    fn may_go_on(&self) -> bool;

    /// Whether all that was read of its body is still at hand, to be sent once more.
    fn can_repeat(&self) -> bool;

    /// A piece of its body; `None` at the end.
    fn read_body(&mut self) -> impl Future<Output = pingora::Result<Option<Bytes>>> + Send;

    /// Sends `100 Continue`: the body is read whole from here on.
    fn say_continue(&mut self) -> impl Future<Output = pingora::Result<()>> + Send;

    /// It may take its time to send: something else has an eye on that.
    fn await_patiently(&mut self);

    /// From here on it has left when it says that nothing more comes.
    fn must_stay(&mut self);

    /// Another protocol is spoken from here on, on which nothing may be said for so long.
    fn upgrade(&mut self, silence_max: Duration);

    /// The status of the last head that was written, which may be an interim one.
    fn status(&self) -> Option<StatusCode>;

    /// Nothing follows the answer on its connection, and the answer says so.
    fn close_after_answer(&mut self);

    /// `Connection` of the answer names `Upgrade` (RFC 9110 §7.8).
    fn name_upgrade(&mut self);

    /// Writes the head of an answer, which `ends` with it or has a body.
    fn write_head(&mut self, head: Parts, ends: bool) -> impl Future<Output = pingora::Result<()>> + Send;

    fn write_body(&mut self, piece: Bytes, is_end: bool) -> impl Future<Output = pingora::Result<()>> + Send;

    /// Bytes of its body that were read.
    fn bytes_read(&self) -> usize;

    /// Bytes of the answer's content that were written.
    fn bytes_written(&self) -> usize;
}
