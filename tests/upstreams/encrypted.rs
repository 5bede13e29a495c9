//! TLS and HTTP/2 to the servers, with a real nginx behind.

use crate::support::authority::{Authority, Certified};
use crate::support::gateway::Setup;
use crate::support::http::Reply;
use crate::support::nginx::Nginx;

/// nginx with this certificate; it answers what it knows of the connection.
fn nginx(certified: &Certified, more: &str) -> Nginx {
    Nginx::start(&format!(
        "listen $listen ssl http2;\nssl_certificate {};\nssl_certificate_key {};\n{more}\nlocation / {{ default_type text/plain; return 200 \"$server_protocol $ssl_server_name $ssl_client_s_dn $http_x_user_id\"; }}",
        certified.certificate_file.display(),
        certified.key_file.display(),
    ))
}

/// An upstream `app` at this address with these parts of its `tls`.
fn upstream(address: &str, tls: &str, more: &str) -> Setup {
    Setup::new(&format!(
        "[[upstreams]]\nname = \"app\"\naddress = \"{address}\"\ntls = {{ {tls} }}\n{more}\n"
    ))
    .route("app", "/app", "app", "auth = \"public\"")
    .route("mine", "/mine", "app", "")
}

fn ask(setup: Setup) -> Reply {
    setup.start().client().get("/app").send()
}

#[test]
fn a_server_is_verified_by_the_authority_and_the_name_that_are_configured() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = nginx(&authority.certify("app", &["app.internal"]), "");
    let address = server.address.to_string();
    let ca = |authority: &Authority| format!("ca_file = \"{}\"", authority.file().display());
    let named = "server_name = \"app.internal\"";
    let good = ask(upstream(&address, &format!("{}, {named}", ca(&authority)), ""));
    assert_eq!((good.status, good.text().as_str()), (200, "HTTP/1.1 app.internal  "));
    for (tls, why) in [
        (format!("{}, {named}", ca(&other)), "another authority"),
        (named.to_owned(), "the public authorities"),
        (ca(&authority), "an address that its certificate does not have"),
        (format!("{}, server_name = \"other.internal\"", ca(&authority)), "another name"),
    ] {
        let bad = ask(upstream(&address, &tls, ""));
        assert_eq!((bad.status, bad.code().as_str()), (502, "upstream_unreachable"), "{why}");
    }
}

#[test]
fn a_server_whose_certificate_has_its_address_needs_no_name() {
    let authority = Authority::new();
    let server = nginx(&authority.certify("app", &["127.0.0.1"]), "");
    let ca = format!("ca_file = \"{}\"", authority.file().display());
    assert_eq!(ask(upstream(&server.address.to_string(), &ca, "")).status, 200);
}

#[test]
fn any_certificate_is_taken_only_where_that_is_asked_for_and_it_is_warned_of() {
    let authority = Authority::new();
    let server = nginx(&authority.certify("app", &["app.internal"]), "");
    let setup = upstream(&server.address.to_string(), "danger_accept_any_certificate = true", "");
    let gateway = setup.start();
    assert_eq!(gateway.client().get("/app").send().status, 200);
    gateway.says("danger_accept_any_certificate");
}

#[test]
fn a_server_can_ask_for_our_certificate() {
    let authority = Authority::new();
    let ours = authority.certify("gateway", &["gateway.internal"]);
    let verify = format!("ssl_client_certificate {};\nssl_verify_client on;", authority.file().display());
    let server = nginx(&authority.certify("app", &["127.0.0.1"]), &verify);
    let address = server.address.to_string();
    let ca = format!("ca_file = \"{}\"", authority.file().display());
    let without = ask(upstream(&address, &ca, ""));
    assert_eq!(without.status, 400, "nginx says so: {}", without.text());
    let with = format!(
        "{ca}, client_certificate_file = \"{}\", client_key_file = \"{}\"",
        ours.certificate_file.display(),
        ours.key_file.display()
    );
    let gateway = upstream(&address, &with, "").start();
    let ada = gateway.user();
    let reply = ada.get("/mine");
    assert_eq!(reply.status, 200);
    assert!(
        reply.text().ends_with(&format!(" {}", ada.id)) && reply.text().contains("CN="),
        "{}",
        reply.text()
    );
}

#[test]
fn http_2_is_spoken_where_it_is_configured() {
    let authority = Authority::new();
    let server = nginx(&authority.certify("app", &["127.0.0.1"]), "");
    let ca = format!("ca_file = \"{}\"", authority.file().display());
    let gateway = upstream(&server.address.to_string(), &ca, "protocol = \"http2\"").unlimited().start();
    let client = gateway.client();
    for _ in 0..20 {
        let reply = client.get("/app").send();
        assert!(reply.status == 200 && reply.text().starts_with("HTTP/2.0"), "{}", reply.text());
    }
    let ada = gateway.user();
    let all = crate::support::in_parallel(8, |_| ada.client.get("/mine").bearer(&ada.access).send());
    assert!(all.iter().all(|reply| reply.text().ends_with(&format!(" {}", ada.id))));
}

#[test]
fn a_connection_that_one_upstream_verified_is_not_used_by_another() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = nginx(&authority.certify("app", &["127.0.0.1"]), "");
    let tls = |authority: &Authority| format!("tls = {{ ca_file = \"{}\" }}", authority.file().display());
    let gateway = Setup::new(&format!(
        "[[upstreams]]\nname = \"good\"\naddress = \"{0}\"\n{1}\n[[upstreams]]\nname = \"bad\"\naddress = \"{0}\"\n{2}\n",
        server.address,
        tls(&authority),
        tls(&other)
    ))
    .route("good", "/good", "good", "auth = \"public\"")
    .route("bad", "/bad", "bad", "auth = \"public\"")
    .start();
    let client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.get("/good").send().status, 200);
        assert_eq!(client.get("/bad").send().status, 502);
    }
}
