//! Messages of HTTP/1.1 as plain heads: read into their fields and written from them, without I/O. For
//! what is simple: which requests are, is said here, and all others are read by others.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod answer;
mod decimal;
mod fields;
mod hop_by_hop;
mod request;
mod simple;
mod write;

pub use answer::{Answer, NoAnswer, Usual, read_answer, read_usual_answer};
pub use decimal::Decimal;
pub use fields::Fields;
pub use hop_by_hop::is_of_the_connection;
pub use request::Request;
pub use simple::{Unusual, unusual};
pub use write::{LAST_CHUNK, request_line, status_line, write_chunk, write_field};
