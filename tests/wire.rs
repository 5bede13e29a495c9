//! What holds on the wire, whoever sends what: one answer, to the one who asked.

mod blame;
mod early;
mod ends;
mod forms;
mod pace;
