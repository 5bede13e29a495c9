//! Where a message of HTTP/1.1 ends (RFC 9112 §6, §7), and whether the head of a request is one, read
//! strictly and without I/O: what two readers could end in different places is an error. It knows heads
//! only as bytes, and their fields by name; what a head means otherwise is not said here.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod body;
mod chunked;
mod field_line;
mod follow;
mod head;
mod head_limits;
mod persistence;
mod request;
mod response;
mod section;

pub use body::Body;
pub use chunked::Chunked;
pub use follow::{Received, Sent};
pub use head::{Answer, asks_for_upgrade, head_end, of_request, of_response};
pub use head_limits::{HeadLimits, Oversized};
pub use persistence::{Habit, KeepAlive, SETTLED, Trust, may_follow_content, shows_a_kept_connection};
pub use request::{Connection, FIELDS_MAX, Flaw, RequestHead, read_request};
pub use response::{ResponseHead, read_response};
pub use section::{AllFields, FieldLine, HeaderSection, Values, text};

/// How a message says where its content ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none.
    None,
    /// So many bytes.
    Bytes(u64),
    Chunked,
    /// The connection ends with it: answers only.
    UntilClose,
}

/// Why a message has no end that everybody would see in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("Content-Length or Transfer-Encoding is not clear")]
    Length,
    #[error("a chunk size is not a hexadecimal number, or too large")]
    ChunkSize,
    #[error("a chunk extension is malformed, or too long")]
    ChunkExtension,
    #[error("a chunk does not end with CRLF")]
    ChunkEnd,
    #[error("the trailer section is malformed, or too long")]
    Trailer,
    #[error("interim answers do not end")]
    Interim,
}
