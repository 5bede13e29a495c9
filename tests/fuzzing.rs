//! What is made at random is read by the gateway and by others that should agree. Each target of
//! `./dev fuzz` is a module here; in the tests it has a minute. Cases come from seeds, and none is kept.

mod answering;
mod campaign;
mod chunks;
mod dice;
mod strays;
mod ways;
