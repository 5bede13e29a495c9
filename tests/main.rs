//! The specification: what the gateway does, chapter by chapter, through its front door.
//!
//! One binary, so that the code is linked once. Names are sentences; each test starts what it
//! needs on free ports and leaves nothing running.

mod attack;
mod support;

mod accounts;
mod administering;
mod admission;
mod applications;
mod architecture;
mod article;
mod auth_api;
mod bench;
mod broken_off;
mod building;
mod certificates;
mod comparison;
mod cookies;
mod fuzzing;
mod guides;
mod instruction_guard;
mod issuers;
mod keys;
mod listening;
mod mail;
mod openapi;
mod operating;
mod prove_upstream;
mod proxies;
mod routing;
mod sharing;
mod smoke;
mod store_contract;
mod streams;
mod todos;
mod upstreams;
mod user_import;
mod watching;
mod webhook;
mod wire;
