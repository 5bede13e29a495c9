//! The bare proxy with the allocator of the gateway, as a program of its own, since a program has
//! but one. `compare` builds and starts it.

#[path = "bare.rs"]
mod bare;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("bare") {
        bare::run(arguments);
    }
    println!("This is a part of another benchmark: cargo bench -p gateway --bench compare");
}
