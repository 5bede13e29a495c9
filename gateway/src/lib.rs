//! A reverse-proxy authentication gateway on Pingora.
#![deny(unsafe_code)]

pub mod adapter;
pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod edge;
pub mod identity;
pub mod limits;
pub mod password;
pub mod pipeline;
pub mod problem;
pub mod session;
pub mod shutdown;
pub mod startup;
pub mod store;
pub mod telemetry;
pub mod token;
