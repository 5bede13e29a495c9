//! Chunked bodies through the gateway: what goes on is what our reader takes, and nothing else does.

mod answers;
mod recorder;
mod requests;

use std::any::Any;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use super::bodies::Case;
use super::readers::{Reading, quoted};
use crate::support::gateway::Setup;

/// What stands between a client and a service.
struct Door {
    address: SocketAddr,
    /// It ends with this.
    _open: Box<dyn Any>,
}

impl Door {
    fn gateway(service: SocketAddr) -> Self {
        let gateway = Setup::new("")
            .upstream("service", &service.to_string())
            .route("all", "/", "service", "auth = \"public\"")
            .unlimited()
            .start();
        Self { address: gateway.address, _open: Box::new(gateway) }
    }

    /// Looks at nothing: what the tests are tested with.
    fn relay(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(service).unwrap();
                let (from_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || pass_on(from_client, server));
                std::thread::spawn(move || pass_on(from_server, client));
            }
        });
        Self { address, _open: Box::new(()) }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    // Whoever has gone is told of by the end, one way or the other.
    std::io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Write).ok();
}

/// A case through a door, in which it is not as it should be.
fn broken(why: &str, case: &Case, ours: &Reading, seen: &dyn std::fmt::Debug) -> String {
    let (bytes, cuts, seed) = (quoted(&case.bytes), &case.cuts, case.seed);
    format!(
        "{why}: {bytes}, cut at {cuts:?}\nours: {ours:?}\nseen: {seen:?}\nto see it again: FUZZ_SEED={seed}"
    )
}
