//! TLS towards clients.

use std::io::Write as _;
use std::net::TcpStream;

use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::https;
use crate::support::authority::{Authority, Encrypted};
use crate::support::eventually;
use crate::support::gateway::Setup;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

#[test]
fn each_name_gets_its_certificate_and_any_other_the_first() {
    let authority = Authority::new();
    let one = authority.certify("one", &["one.example", "localhost"]);
    let below = authority.certify("below", &["*.two.example"]);
    let gateway = Setup::new("").config(&https(&[&one, &below], "")).start();
    let shown = |name: &str| {
        let mut config = authority.client(&[]);
        // Who asks for another name is shown the first one, which does not have it.
        config.dangerous().set_certificate_verifier(std::sync::Arc::new(AnyName));
        Encrypted::connect(gateway.further[0], name, config).unwrap().certificate()
    };
    assert_eq!(shown("one.example"), one.der);
    assert_eq!(shown("ONE.example"), one.der);
    assert_eq!(shown("a.two.example"), below.der);
    for other in ["two.example", "a.b.two.example", "three.example", "127.0.0.1"] {
        assert_eq!(shown(other), one.der, "{other}");
    }
}

#[test]
fn versions_1_2_and_1_3_are_spoken_and_the_upstream_is_told_that_it_was_https() {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let upstream = Upstream::start();
    let setup = Setup::before(upstream.address).route("open", "/open", "todo", "auth = \"public\"");
    let gateway = setup.config(&https(&[&certified], "")).start();
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let config = authority.client_with(&["http/1.1"], None, &[version]);
        let mut client = Encrypted::connect(gateway.further[0], "localhost", config).unwrap();
        assert_eq!(client.version(), name);
        for _ in 0..2 {
            assert_eq!(client.get("/open").unwrap().status, 200);
        }
    }
    let arrived = upstream.arrived();
    assert_eq!(arrived.len(), 4);
    assert!(arrived.iter().all(|arrived| arrived.one("x-forwarded-proto") == "https"));
    upstream.forget();
    gateway.client().get("/open").send();
    assert_eq!(upstream.only().one("x-forwarded-proto"), "http");
}

#[test]
fn http_2_is_offered_unless_it_is_turned_off() {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    for (more, chosen) in [("", "h2"), ("http2 = false", "http/1.1")] {
        let gateway = Setup::new("").config(&https(&[&certified], more)).start();
        let config = authority.client(&["h2", "http/1.1"]);
        let client = Encrypted::connect(gateway.further[0], "localhost", config).unwrap();
        assert_eq!(client.alpn(), Some(chosen));
    }
}

#[test]
fn a_reload_shows_the_new_certificate_and_drops_no_connection() {
    let authority = Authority::new();
    let before = authority.certify("own", &["localhost"]);
    let setup = Setup::new("").config(&https(&[&before], ""));
    let gateway = setup.clone().start();
    let connect =
        || Encrypted::connect(gateway.further[0], "localhost", authority.client(&["http/1.1"])).unwrap();
    let mut open = connect();
    assert_eq!(open.get("/").unwrap().status, 404);
    let after = authority.certify("own", &["localhost"]);
    assert!(gateway.reload(&setup));
    assert_eq!(connect().certificate(), after.der);
    assert_eq!(open.get("/").unwrap().status, 404, "the old connection lives on");

    // A broken file changes nothing, and is named.
    std::fs::write(&after.certificate_file, "nonsense").unwrap();
    assert!(!gateway.reload(&setup));
    gateway.says("own.pem: no certificate in PEM");
    assert_eq!(connect().certificate(), after.der);
}

#[test]
fn clients_must_show_a_certificate_where_one_is_asked_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let certified = authority.certify("own", &["localhost"]);
    let ca = format!("client_ca_file = \"{}\"", authority.file().display());
    let gateway = Setup::new("").config(&https(&[&certified], &ca)).start();
    let get = |own| {
        let config = authority.client_with(&["http/1.1"], own, rustls::ALL_VERSIONS);
        // In version 1.3 a client learns only afterwards that its certificate was refused.
        Encrypted::connect(gateway.further[0], "localhost", config).ok()?.get("/")
    };
    let ours = authority.certify("client", &["client"]);
    assert_eq!(get(Some(&ours)).unwrap().status, 404);
    assert!(get(None).is_none());
    assert!(get(Some(&stranger.certify("client", &["client"]))).is_none());
}

#[test]
fn a_broken_handshake_is_counted_and_is_no_error_of_ours() {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let gateway = Setup::new("").config(&https(&[&certified], "")).start();
    for bytes in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff, 1], &[0; 512]] {
        let mut stream = TcpStream::connect(gateway.further[0]).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        eventually("it is closed", || {
            let mut raw = Raw::over(stream.try_clone().unwrap());
            raw.rest();
            true
        });
    }
    let failed = "gateway_downstream_connections_refused_total{reason=\"tls_handshake\"}";
    eventually("all three are counted", || gateway.metric(failed) == 3.0);
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
    let client = Encrypted::connect(gateway.further[0], "localhost", authority.client(&[]));
    assert_eq!(client.unwrap().get("/").unwrap().status, 404);
}

#[test]
fn strict_transport_security_is_said_over_tls_only() {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 2\r\n\r\nok",
    );
    let setup = Setup::before(upstream.address).route("open", "/open", "todo", "auth = \"public\"");
    let hsts = "hsts_seconds = 31536000\nhsts_subdomains = true";
    let gateway = setup.config(&https(&[&certified], hsts)).start();
    let mut client =
        Encrypted::connect(gateway.further[0], "localhost", authority.client(&["http/1.1"])).unwrap();
    for path in ["/open", "/api/todos", "/nowhere"] {
        let reply = client.get(path).unwrap();
        let said = reply.field("strict-transport-security");
        assert_eq!(said.as_deref(), Some("max-age=31536000; includeSubDomains"), "{path}");
    }
    let plain = gateway.client().get("/nowhere").send();
    assert_eq!(plain.header("strict-transport-security"), "");
}

#[test]
fn a_listener_can_send_everybody_to_https() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address)
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nredirect_to_https_port = 443")
        .start();
    let ask = |request: &str| Raw::connect(gateway.further[0]).send(request).reply().unwrap();
    let reply = ask("GET /a?b=/c HTTP/1.1\r\nHost: app.example:8080\r\nAuthorization: Bearer x\r\n\r\n");
    assert_eq!((reply.status, reply.field("location").as_deref()), (308, Some("https://app.example/a?b=/c")));
    let own = ask("POST /api/auth/login HTTP/1.1\r\nHost: app.example\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(own.field("location").as_deref(), Some("https://app.example/api/auth/login"));
    // What cannot be told apart is refused here, too, and never becomes a place to go to.
    assert_eq!(ask("GET /a//b HTTP/1.1\r\nHost: app.example\r\n\r\n").status, 400);
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: a.example/@evil.example\r\n\r\n").status, 400);
    assert!(upstream.arrived().is_empty());
}

#[test]
fn what_is_wrong_with_a_listener_is_said_with_its_place() {
    let authority = Authority::new();
    let (one, other) = (authority.certify("one", &["one"]), authority.certify("other", &["other"]));
    let mixed = format!(
        "[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true\nredirect_to_https_port = 1\n[listeners.tls]\ncertificates = [{{ certificate_file = \"{}\", key_file = \"{}\" }}, {{ certificate_file = \"/nowhere.pem\", key_file = \"{}\" }}]\n",
        one.certificate_file.display(),
        other.key_file.display(),
        one.key_file.display(),
    );
    let empty = "[[listeners]]\naddress = \"here\"\n[listeners.tls]\n[[listeners]]\naddress = \"127.0.0.1:1\"\n[[listeners]]\naddress = \"127.0.0.1:1\"\n";
    let failed = Setup::new(&mixed).config(empty).try_start().err().unwrap();
    assert_eq!(failed.status.code(), Some(78));
    for words in [
        "listeners[0]: h2c is HTTP/2 without TLS",
        "listeners[0]: redirect_to_https_port is for a listener without TLS",
        "other.key do not fit together",
        "/nowhere.pem",
        "listeners[1].address = \"here\" is no address",
        "listeners[1].tls has no certificates",
        "listeners[3].address = \"127.0.0.1:1\" is taken by listeners[2].address",
    ] {
        assert!(failed.stderr.contains(words), "{words}: {}", failed.stderr);
    }
}

/// Takes any certificate: for looking at it.
#[derive(Debug)]
struct AnyName;

impl rustls::client::danger::ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
