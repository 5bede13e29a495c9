//! What is in the gateway's memory is for nobody else: keys and passwords among it.

use std::os::unix::fs::MetadataExt as _;

use crate::support::belongings::core_limits;
use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

/// The kernel gives to root what the owner of a process must not read of it.
fn owner_of_memory(gateway: &Gateway) -> u32 {
    std::fs::metadata(format!("/proc/{}/mem", gateway.pid())).unwrap().uid()
}

fn is_closed(gateway: &Gateway) -> bool {
    owner_of_memory(gateway) == 0 && core_limits(gateway.pid()).0 == "0"
}

#[test]
fn nobody_but_root_can_read_its_memory_or_have_it_dumped() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).unprivileged().start();
    assert!(is_closed(&gateway));
    super::upgrade::upgrade(&gateway);
    assert!(is_closed(&gateway), "nor that of what took its place");
}

#[test]
fn it_serves_and_measures_itself_all_the_same() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).unprivileged().start();
    assert_eq!(gateway.user().get("/api/todos").status, 200);
    for measured in ["process_resident_memory_bytes", "process_open_fds", "process_threads"] {
        assert!(gateway.metric(measured) > 0.0, "{measured}");
    }
    let (status, told, said) = gateway.run(&["user", "list"]);
    assert_eq!(status, 0, "{said}");
    assert!(told.contains("@example.com"), "{told}");
    assert!(gateway.reload_again());
}

#[test]
fn core_dumps_must_be_asked_for_and_are_warned_of() {
    let gateway = Setup::new("[server]\ncore_dumps = true").unprivileged().start();
    assert_ne!(owner_of_memory(&gateway), 0);
    let (soft, hard) = core_limits(gateway.pid());
    assert_eq!(soft, hard);
    gateway.says("server.core_dumps = true");
}
