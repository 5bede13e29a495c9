//! What becomes of connections and streams when their certificate is no longer good.

use super::Site;
use crate::support::authority::{Authority, Certified, Encrypted};
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::streaming::Streaming;

fn ask(client: &mut Encrypted) -> (u16, String) {
    let reply = client.get("/pumps").unwrap();
    let code = serde_json::from_slice::<serde_json::Value>(&reply.body).ok();
    (reply.status, code.and_then(|told| Some(told["code"].as_str()?.to_owned())).unwrap_or_default())
}

fn refused() -> (u16, String) {
    (403, "certificate_invalid".to_owned())
}

#[test]
fn a_connection_outlives_no_revocation_that_a_reload_brings() {
    let site = Site::new();
    let (kept, revoked) = (site.machines.holder("pump:1"), site.machines.holder("pump:2"));
    let list = site.machines.revokes(&[]);
    let gateway = site.asking("required", &format!("crl_file = \"{}\"", list.display())).start();
    let [mut one, mut other] = [&kept, &revoked].map(|own| site.connect(&gateway, Some(own)).unwrap());
    assert_eq!([ask(&mut one).0, ask(&mut other).0], [200, 200]);
    site.machines.revokes(&[&revoked]);
    assert_eq!(ask(&mut other).0, 200, "nobody has read it yet");
    assert!(gateway.reload_again());
    assert_eq!((ask(&mut one).0, ask(&mut other)), (200, refused()));
    gateway.says("\"reason\":\"revoked\"");
    assert_eq!(site.status(&gateway, Some(&revoked), "/pumps"), None, "nor does another one begin");
    site.machines.revokes(&[]);
    assert!(gateway.reload_again());
    assert_eq!(ask(&mut other).0, 200);
    // A list that cannot be read changes nothing.
    std::fs::write(&list, "nonsense").unwrap();
    assert!(!gateway.reload_again());
    assert_eq!(ask(&mut one).0, 200);
}

#[test]
fn a_connection_outlives_no_authority_that_was_replaced() {
    let site = Site::new();
    let gateway = site.asking("required", "").start();
    let mut client = site.connect(&gateway, Some(&site.machines.holder("pump:1"))).unwrap();
    assert_eq!(ask(&mut client).0, 200);
    let successor = Authority::new();
    std::fs::copy(successor.file(), site.machines.file()).unwrap();
    assert!(gateway.reload_again());
    assert_eq!(ask(&mut client), refused());
    assert_eq!(site.status(&gateway, Some(&successor.holder("pump:1")), "/pumps"), Some(200));
    assert_eq!(site.status(&gateway, Some(&site.machines.holder("pump:1")), "/pumps"), None);
}

#[test]
fn a_connection_outlives_neither_its_certificate_nor_its_list() {
    let site = Site::new();
    let short = site.machines.holder_for("pump:1", 4);
    let gateway = site.asking("required", "").start();
    let mut client = site.connect(&gateway, Some(&short)).unwrap();
    assert_eq!(ask(&mut client).0, 200);
    eventually("it is over", || ask(&mut client) == refused());
    let list = site.machines.revokes_for(4, &[]);
    let gateway = site.asking("required", &format!("crl_file = \"{}\"", list.display())).start();
    let mut client = site.connect(&gateway, Some(&site.machines.holder("pump:2"))).unwrap();
    assert_eq!(ask(&mut client).0, 200);
    eventually("nobody knows any more", || ask(&mut client) == refused());
    site.machines.revokes(&[]);
    assert!(gateway.reload_again());
    assert_eq!(ask(&mut client).0, 200);
}

/// One that runs for this certificate.
fn stream(site: &Site, gateway: &Gateway, own: &Certified) -> Encrypted {
    let mut client = site.connect(gateway, Some(own)).unwrap();
    assert_eq!(client.begin("/live/events"), Some(200));
    client
}

#[test]
fn a_stream_ends_when_its_certificate_is_revoked_or_over_and_no_other_one() {
    let (site, services) = (Site::new(), Streaming::start());
    let (kept, revoked) = (site.machines.holder("pump:1"), site.machines.holder("pump:2"));
    let list = site.machines.revokes(&[]);
    let gateway = site
        .asking("required", &format!("crl_file = \"{}\"", list.display()))
        .upstream("http", &services.http)
        .route("live", "/live", "http", "issuers = [\"machines\"]\ncredentials = [\"certificate\"]")
        .start();
    let ended = |reason: &str| gateway.metric(&format!("gateway_streams_ended_total{{reason=\"{reason}\"}}"));
    let _running = stream(&site, &gateway, &kept);
    let mut other = stream(&site, &gateway, &revoked);
    site.machines.revokes(&[&revoked]);
    assert!(gateway.reload_again());
    other.rest();
    eventually("it is counted", || ended("certificate_invalid") == 1.0);
    let short = site.machines.holder_for("pump:3", 4);
    stream(&site, &gateway, &short).rest();
    eventually("it is counted", || ended("token_expired") == 1.0);
    assert_eq!(gateway.metric("gateway_streams_running"), 1.0);
}

#[test]
fn a_stream_that_may_outlive_its_certificate_outlives_no_revocation_of_it() {
    let (site, services) = (Site::new(), Streaming::start());
    let list = site.machines.revokes(&[]);
    let route = "issuers = [\"machines\"]\ncredentials = [\"certificate\"]\non_expiry = \"allow\"";
    let gateway = site
        .asking("required", &format!("crl_file = \"{}\"", list.display()))
        .upstream("http", &services.http)
        .route("live", "/live", "http", route)
        .start();
    let short = site.machines.holder_for("pump:1", 4);
    let mut asking = site.connect(&gateway, Some(&short)).unwrap();
    let mut running = stream(&site, &gateway, &short);
    eventually("it is over", || ask(&mut asking) == refused());
    assert!(gateway.reload_again());
    assert_eq!(gateway.metric("gateway_streams_running"), 1.0);
    site.machines.revokes(&[&short]);
    assert!(gateway.reload_again());
    running.rest();
    let ended = "gateway_streams_ended_total{reason=\"certificate_invalid\"}";
    eventually("it is counted", || gateway.metric(ended) == 1.0);
}
