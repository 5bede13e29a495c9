//! What each stage of the decision costs: time, and allocations.
//!
//! The stages stand in the order in which a request meets them, and `whole` has all of them. The
//! allocator is the gateway's, with a count around it that costs some nanoseconds an allocation.

mod authorize;
#[path = "../in_process.rs"]
mod in_process;
mod inject;
mod limit;
mod normalise;
mod record;
mod revocation;
mod route;
#[path = "../support.rs"]
mod support;
mod token;
mod verify;
mod whole;
mod yardstick;

use divan::AllocProfiler;
use gateway_token::install_cryptography;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: AllocProfiler<MiMalloc> = AllocProfiler::new(MiMalloc);

fn main() {
    install_cryptography().expect("the cryptography works");
    divan::main();
}
