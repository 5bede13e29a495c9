//! A reverse-proxy authentication gateway on Pingora: its crates, put together.
//!
//! The tour, in the order in which a newcomer should read: `gateway_pipeline` is the decision, on one page.
//! `gateway_identity` has its words, `gateway_token` verifies, `gateway_store` says what is asked of stores,
//! `gateway_limits` counts, `gateway_framing` finds the ends of messages, and `gateway_http1` reads and writes
//! the simple ones. `gateway_edge` carries requests to it from Pingora; `gateway_api` is `/api/auth`, with
//! `gateway_session` and `gateway_password` behind it, and `gateway_notify` for its letters. `gateway_problem`
//! is every way to say no, and `gateway_telemetry` what operators see. `gateway_config` checks what was
//! written, [`startup`] puts it all together, [`shutdown`] takes it down, and [`cli`] is the command line.
//! `ARCHITECTURE.md` is the map, and says which crate may be built with which.
// A request never ends a task: what cannot be is an error where it stands, or has its reason there.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

#[expect(
    clippy::indexing_slicing,
    reason = "a command answers one person, and asks JSON for what may be null"
)]
pub mod cli;
pub mod shutdown;
pub mod startup;
