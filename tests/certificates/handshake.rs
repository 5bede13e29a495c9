//! Which certificates a connection can begin with: those of the issuers, for clients, in time, and on no
//! list.

use std::process::Command;

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::Site;
use crate::listening::https;
use crate::support::authority::{Authority, Certified, Encrypted};
use crate::support::eventually;
use crate::support::gateway::Setup;

/// `gateway` answers who has a certificate that is right, and nobody with one of these.
#[test]
fn only_a_certificate_of_the_issuer_for_clients_and_in_time_begins_a_connection() {
    let site = Site::new();
    let right = site.machines.holder("spiffe://acme/pump/7");
    let wrong: [(&str, Certified); 5] = [
        ("another authority", Authority::new().holder("spiffe://acme/pump/7")),
        ("over", site.machines.holder_with("over:x", |params| params.not_after = date_time_ymd(2024, 1, 1))),
        (
            "not yet",
            site.machines.holder_with("early:x", |params| params.not_before = date_time_ymd(2999, 1, 1)),
        ),
        (
            "for servers",
            site.machines.holder_with("server:x", |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
        ("of the gateway's own authority", site.servers.holder("spiffe://acme/pump/7")),
    ];
    for asks in ["optional", "required"] {
        let gateway = site.asking(asks, "").start();
        assert_eq!(site.status(&gateway, Some(&right), "/pumps"), Some(200));
        for (what, certificate) in &wrong {
            for path in ["/pumps", "/open"] {
                assert_eq!(site.status(&gateway, Some(certificate), path), None, "{what}, {asks}");
            }
        }
        let failed = "gateway_downstream_connections_refused_total{reason=\"tls_handshake\"}";
        eventually("they are counted", || gateway.metric(failed) == 10.0);
        let without = site.status(&gateway, None, "/open");
        assert_eq!(without, (asks == "optional").then_some(200), "{asks}");
    }
}

#[test]
fn a_certificate_on_its_issuers_list_begins_no_connection() {
    let site = Site::new();
    let (kept, revoked) = (site.machines.holder("pump:1"), site.machines.holder("pump:2"));
    let list = site.machines.revokes(&[&revoked]);
    let gateway = site.asking("optional", &format!("crl_file = \"{}\"", list.display())).start();
    assert_eq!(site.status(&gateway, Some(&kept), "/pumps"), Some(200));
    assert_eq!(site.status(&gateway, Some(&revoked), "/pumps"), None);
}

#[test]
fn an_authority_in_between_is_followed_where_the_client_shows_it() {
    let site = Site::new();
    let plant = site.machines.below("plant");
    let chained = plant.holder("spiffe://acme/pump/7");
    let gateway = site.asking("required", "").start();
    assert_eq!(site.status(&gateway, Some(&chained), "/pumps"), Some(200));
    assert_eq!(site.upstream.only().one("x-user-id"), "spiffe://acme/pump/7");
    let mut alone = plant.holder("spiffe://acme/pump/8");
    alone.beside.clear();
    assert_eq!(site.status(&gateway, Some(&alone), "/pumps"), None);
    // Who may certify others is not known by that.
    let list = site.machines.revokes(&[]);
    let listed = site.asking("required", &format!("crl_file = \"{}\"", list.display())).start();
    let reply = site.connect(&listed, Some(&chained)).unwrap().get("/pumps").unwrap();
    assert_eq!(reply.status, 403, "no list is about it: {}", reply.text());
    assert_eq!(site.status(&listed, Some(&site.machines.holder("pump:1")), "/pumps"), Some(200));
}

#[test]
fn each_version_of_tls_and_of_http_carries_it() {
    let site = Site::new();
    let pump = site.machines.holder("spiffe://acme/pump/7");
    let gateway = site.asking("required", "").start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = site.servers.client_with(&["http/1.1"], Some(&pump), &[version]);
        let mut client = Encrypted::connect(gateway.further[0], "localhost", config).unwrap();
        assert_eq!([client.get("/pumps").unwrap().status, client.get("/pumps").unwrap().status], [200; 2]);
    }
    site.upstream.forget();
    let url = format!("https://localhost:{}/pumps", gateway.further[0].port());
    for version in ["--http1.1", "--http2"] {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", version, &url, &url]);
        curl.arg("--cacert").arg(site.servers.file());
        curl.arg("--cert").arg(&pump.certificate_file).arg("--key").arg(&pump.key_file);
        let said = String::from_utf8(curl.output().unwrap().stdout).unwrap();
        assert!(said.starts_with("200"), "{version}: {said}");
    }
    let arrived = site.upstream.arrived();
    assert_eq!(arrived.len(), 4);
    assert!(arrived.iter().all(|arrived| arrived.one("x-user-id") == "spiffe://acme/pump/7"));
}

/// A session that goes on is not asked for a certificate again.
#[test]
fn no_session_is_resumed_where_certificates_are_asked_for() {
    let site = Site::new();
    let pump = site.machines.holder("pump:1");
    let own = format!("client_ca_file = \"{}\"", site.machines.file().display());
    let resumes = |setup: Setup| {
        let gateway = setup.start();
        rustls::ALL_VERSIONS
            .iter()
            .map(|version| {
                let config = site.servers.client_with(&["http/1.1"], Some(&pump), &[version]);
                let mut again = [0, 1].map(|_| {
                    let mut client =
                        Encrypted::connect(gateway.further[0], "localhost", config.clone()).unwrap();
                    client.get("/open").unwrap();
                    client.is_resumed()
                });
                again.reverse();
                again[0]
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(resumes(site.asking("optional", "")), [false, false]);
    assert_eq!(resumes(site.asking("required", "")), [false, false]);
    assert_eq!(resumes(Setup::new(&https(&[&site.server], &own))), [false, false]);
    assert_eq!(resumes(Setup::new(&https(&[&site.server], ""))), [true, true], "elsewhere they are");
}
