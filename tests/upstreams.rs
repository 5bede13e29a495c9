//! Several servers behind one upstream: who gets a request, and what happens when one is gone.

mod balancing;
mod encrypted;
mod failing;
mod heads;
mod keeping;
mod reloading;

use crate::support::farm::Instance;
use crate::support::gateway::Setup;

/// Three servers of one service: `a`, `b` and `c`.
fn three() -> [Instance; 3] {
    ["a", "b", "c"].map(Instance::start)
}

/// A public route `/app` to these servers; `more` are further lines of the upstream.
fn before(servers: &[Instance], more: &str) -> Setup {
    let servers: Vec<_> =
        servers.iter().map(|server| format!("{{ address = \"{}\" }}", server.address)).collect();
    upstream(&servers.join(", "), more)
}

/// The same, with the list of servers as it is written.
fn upstream(servers: &str, more: &str) -> Setup {
    Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")
        .config(&format!("[[upstreams]]\nname = \"app\"\nservers = [{servers}]\n{more}\n"))
        .route("app", "/app", "app", "auth = \"public\"")
        .unlimited()
}
