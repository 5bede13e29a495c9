//! Our own keys: algorithms, rotation, the key set, and the identity assertion.

mod algorithms;
mod assertion;
mod attacks;
mod files;
mod key_set;
mod rotation;
mod samples;
mod secrets;
