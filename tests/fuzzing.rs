//! What is made at random is read by the gateway and by others that should agree. Each target of
//! `./dev fuzz` is a module here; in the tests it has a minute. Cases come from seeds, and none is kept.
//! Single readers are tried beside themselves (`fuzz.rs` beside each); what they begin with is in `corpus`.

mod answering;
mod campaign;
mod chunks;
mod dice;
mod strays;
mod ways;
