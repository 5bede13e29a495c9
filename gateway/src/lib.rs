//! A reverse-proxy authentication gateway on Pingora.
//!
//! The tour, in the order in which a newcomer should read: [`pipeline`] is the decision, on one
//! page. [`identity`] has its words, [`token`] verifies, [`store`] says what is asked of stores,
//! [`limits`] counts, [`framing`] finds the ends of messages, and [`http1`] reads and writes the
//! simple ones. [`edge`] carries requests to it from Pingora; [`api`] is `/api/auth`,
//! with [`session`] and [`password`] behind it, and [`notify`] for its letters. [`adapter`]
//! fulfils the ports of [`store`] and [`notify`]. [`problem`] is every way to say no, and
//! [`telemetry`] what operators see. [`config`] checks what was written, [`startup`] puts it all
//! together, [`shutdown`] takes it down, and [`cli`] is the command line. `ARCHITECTURE.md` is the
//! map, and says which room may name which.
#![deny(unsafe_code)]
// A request never ends a task: what cannot be is an error where it stands, or has its reason there.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

pub mod adapter;
pub mod api;
#[expect(
    clippy::indexing_slicing,
    reason = "a command answers one person, and asks JSON for what may be null"
)]
pub mod cli;
pub mod clock;
pub mod config;
pub mod edge;
pub mod errands;
pub mod framing;
#[cfg(test)]
mod fuzz;
pub mod http1;
pub mod identity;
pub mod limits;
pub mod notify;
pub mod password;
pub mod pipeline;
pub mod problem;
pub mod session;
pub mod shutdown;
pub mod startup;
pub mod store;
pub mod telemetry;
pub mod token;
