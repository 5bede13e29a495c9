//! Messages of HTTP/1.1 as plain heads: read into a map of fields and written from one, without I/O. For
//! what is simple: which requests are, is said here, and all others are read by others.

mod answer;
mod hop_by_hop;
mod request;
mod simple;
mod write;

pub use answer::{Answer, NoAnswer, read_answer};
pub use hop_by_hop::take_off_the_connection;
pub use request::Request;
pub use simple::{Unusual, unusual};
pub use write::{LAST_CHUNK, write_answer, write_chunk, write_request};
