//! Over TLS and HTTP/2, before a proxy that hands on everything.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::echo::Kind;
use super::prove;
use crate::listening::https;
use crate::support::authority::Authority;
use crate::support::gateway::Setup;
use crate::support::tools::{Running, debian};

/// Writes an authority, a certificate for 127.0.0.1 with its key, and nothing for clients.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&authority_key).unwrap();
    std::fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("server.pem"), format!("{}{}", server.pem(), key.serialize_pem())).unwrap();
}

/// HAProxy as it comes: it hands on what clients send. `bind` are the words of its listener.
fn open_door(folder: &Path, echo: std::net::SocketAddr, bind: &str) -> (Running, std::net::SocketAddr) {
    Running::listening(|port| {
        let config = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\nfrontend web\n bind 127.0.0.1:{port} {bind}\n default_backend echo\nbackend echo\n server echo {echo}\n"
        );
        let file = folder.join(format!("{port}.cfg"));
        std::fs::write(&file, config).unwrap();
        let mut command = debian("haproxy");
        command.arg("-db").arg("-f").arg(file).current_dir(folder);
        command
    })
}

#[test]
fn a_proxy_that_hands_everything_on_is_found_out_over_http2_too() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let ca = folder.path().join("ca.pem");
    let echo = Kind::Node.start();
    let with_tls = "ssl crt server.pem alpn h2,http/1.1";
    for (scheme, bind) in [("http", ""), ("https", with_tls)] {
        let (_running, address) = open_door(folder.path(), echo.address, bind);
        let url = format!("{scheme}://{address}/");
        let proof = prove(&url, None, &["--ca-file", ca.to_str().unwrap()]);
        assert_eq!((proof.status, proof.verdict.as_str()), (3, "arrived"), "{scheme}: {}", proof.stderr);
        let arrived = proof.with_result("arrived");
        for attack in ["our names", "with `_` for `-`", "with `.` for `-`", "with other characters", "twice"]
        {
            assert!(arrived.contains(&format!("HTTP/2 {attack}")), "{scheme}: {attack} {:?}", proof.rows);
        }
        // What RFC 9113 §8.2.1 forbids, HAProxy refuses.
        let held = proof.with_result("held");
        for attack in [
            "in capitals",
            "behind a line break in a value",
            "behind a line break in a name",
            "as pseudo-headers",
        ] {
            assert!(held.contains(&format!("HTTP/2 {attack}")), "{scheme}: {attack} {:?}", proof.rows);
        }
    }
}

#[test]
fn the_gateway_holds_over_http2_with_tls_and_without() {
    let echo = Kind::Node.start();
    let authority = Authority::new();
    let certified = authority.certify("own", &["127.0.0.1"]);
    let gateway = Setup::new("")
        .upstream("echo", &echo.address.to_string())
        .route("echo", "/echo", "echo", "")
        .route("open", "/open", "echo", "auth = \"public\"")
        .config(&https(&[&certified], ""))
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true")
        .unlimited()
        .start();
    let ada = gateway.user();
    let ca = authority.file();
    for (scheme, address) in ["https", "http"].into_iter().zip(&gateway.further) {
        for (path, token) in [("/echo", Some(ada.access.as_str())), ("/open", None)] {
            let url = format!("{scheme}://{address}{path}");
            let proof = prove(&url, token, &["--ca-file", ca.to_str().unwrap()]);
            assert_eq!(proof.status, 0, "{url}: {} {:?}", proof.stderr, proof.rows);
            let over_http2 =
                proof.with_result("held").into_iter().filter(|attack| attack.starts_with("HTTP/2"));
            assert_eq!(over_http2.count(), 15, "{url}: {:?}", proof.rows);
        }
    }
}

#[test]
fn a_listener_without_http2_is_said_to_have_none() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let ca = folder.path().join("ca.pem");
    let echo = Kind::Node.start();
    let (_running, address) = open_door(folder.path(), echo.address, "ssl crt server.pem alpn http/1.1");
    let proof = prove(&format!("https://{address}/"), None, &["--ca-file", ca.to_str().unwrap()]);
    assert!(proof.with_result("not_tried").contains(&"HTTP/2 all".to_owned()), "{:?}", proof.rows);
    // Nobody vouches for this certificate: then nothing is asked at all.
    let unknown = prove(&format!("https://{address}/"), None, &[]);
    assert_eq!(unknown.status, 1);
    assert!(
        unknown.stderr.contains("certificate") || unknown.stderr.contains("--ca-file"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn a_service_that_asks_for_a_client_certificate_holds_around_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let echo = Kind::Node.start();
    let (_front, front) = open_door(folder.path(), echo.address, "");
    let asking = "ssl crt server.pem ca-file ca.pem verify required";
    for (bind, result) in [
        (asking.to_owned(), "held"),
        (format!("{asking} ssl-max-ver TLSv1.2"), "held"),
        ("ssl crt server.pem".to_owned(), "arrived"),
    ] {
        let (_running, address) = open_door(folder.path(), echo.address, &bind);
        let proof = prove(&format!("http://{front}/"), None, &["--upstream", &format!("https://{address}")]);
        let row = proof.row("around the gateway");
        assert_eq!(row["result"], result, "{bind}: {row}");
    }
}
