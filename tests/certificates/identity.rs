//! Whom a certificate is taken for: by services, by routes, by limits, and by our own endpoints.

use rcgen::{DnType, SanType};
use serde_json::{Value, json};

use super::Site;
use crate::listening::https;
use crate::support::authority::Encrypted;
use crate::support::forge::claims;
use crate::support::raw::RawReply;

#[track_caller]
fn is_refused(reply: &RawReply, status: u16, code: &str) {
    let told: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &told["code"]), (status, &code.into()), "{told}");
}

#[test]
fn a_service_is_told_who_it_is_and_who_vouches_for_it_and_nothing_that_was_claimed() {
    let site = Site::new();
    let more =
        "roles = [\"machine\"]\nroles_claim = \"subject_ou\"\nrole_names = { \"Plant 3\" = \"plant3\" }";
    let gateway = site.asking("optional", more).start();
    let pump = site.machines.holder_with("spiffe://acme/pump/7", |params| {
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Plant 3");
    });
    let mut client = site.connect(&gateway, Some(&pump)).unwrap();
    let lies = "X-User-Id: 1\r\nX_User_Issuer: own\r\nX-SSL-Client-Cert: x\r\nX-Forwarded-Client-Cert: x\r\nClient-Cert: :x:\r\n";
    let request =
        format!("GET /pumps HTTP/1.1\r\nHost: x\r\n{lies}Authorization: Basic c2VydmljZQ==\r\n\r\n");
    assert_eq!(client.exchange(&request).unwrap().status, 200);
    let arrived = site.upstream.only();
    assert_eq!(arrived.folded("x-user-id"), ["spiffe://acme/pump/7"]);
    assert_eq!(arrived.folded("x-user-issuer"), ["machines"]);
    assert_eq!(arrived.one("x-user-role"), "machine,plant3");
    for name in ["x-user-email", "x-ssl-client-cert", "x-forwarded-client-cert", "client-cert"] {
        assert!(!arrived.has(name), "{name}");
    }
    assert_eq!(arrived.one("authorization"), "Basic c2VydmljZQ==", "it is the service's own");
}

#[test]
fn a_name_with_spaces_in_it_is_one_name_and_gives_the_roles_of_no_other() {
    let site = Site::new();
    let by =
        "roles_claim = \"subject\"\nrole_names = { \"CN=boss\" = \"calibrator\", \"CN=pump 7\" = \"seven\" }";
    let entry = site.machines.entry("machines", by).replace("\"san_uri\"", "\"subject\"");
    let gateway = site.asking_for("optional", &entry).start();
    let roles = |name: &str| {
        let own = site.machines.holder_with("pump:1", |params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
        });
        site.upstream.forget();
        assert_eq!(site.status(&gateway, Some(&own), "/pumps"), Some(200));
        let arrived = site.upstream.only();
        arrived.has("x-user-role").then(|| arrived.one("x-user-role").to_owned())
    };
    assert_eq!(roles("boss").as_deref(), Some("calibrator"));
    assert_eq!(roles("pump 7").as_deref(), Some("seven"));
    let of_another = roles("mallory CN=boss x").unwrap_or_default();
    assert!(!of_another.contains("calibrator"), "{of_another}");
}

#[test]
fn each_part_that_names_a_holder_can_be_the_one() {
    let site = Site::new();
    let pump = site.machines.holder_with("spiffe://acme/pump/7", |params| {
        params.subject_alt_names.push(SanType::DnsName("Pump7.Acme.example".try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("pump7@acme.example".try_into().unwrap()));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Acme, Inc.");
        params.distinguished_name.push(DnType::CommonName, "pump 7");
    });
    for (claim, subject) in [
        ("san_uri", "spiffe://acme/pump/7"),
        ("san_dns", "pump7.acme.example"),
        ("san_email", "pump7@acme.example"),
        ("subject_cn", "pump 7"),
        ("subject", "CN=pump 7,O=Acme\\, Inc."),
    ] {
        let entry = site.machines.entry("machines", "subject_prefix = \"m:\"\nemail_claim = \"san_email\"");
        let entry = entry.replace("\"san_uri\"", &format!("\"{claim}\""));
        let gateway = site.asking_for("optional", &entry).start();
        site.upstream.forget();
        assert_eq!(site.status(&gateway, Some(&pump), "/pumps"), Some(200), "{claim}");
        assert_eq!(site.upstream.only().one("x-user-id"), format!("m:{subject}"));
        assert_eq!(site.upstream.only().one("x-user-email"), "pump7@acme.example");
    }
}

#[test]
fn who_is_named_twice_or_like_an_account_or_not_at_all_is_nobody() {
    let site = Site::new();
    let twice = site.machines.holder_with("pump:1", |params| {
        params.subject_alt_names.push(SanType::URI("admin:1".try_into().unwrap()));
    });
    let unnamed = site.machines.certify("unnamed", &["pump.example"]);
    let gateway = site.asking("optional", "").start();
    let refused = |own| {
        is_refused(
            &site.connect(&gateway, Some(own)).unwrap().get("/pumps").unwrap(),
            403,
            "certificate_invalid",
        )
    };
    refused(&twice);
    refused(&unnamed);
    gateway.says("does not have exactly one of what subject_claim names");
    let by_name = site.machines.entry("machines", "").replace("\"san_uri\"", "\"subject_cn\"");
    let gateway = site.asking_for("optional", &by_name).start();
    let called = |name: &str| {
        let own = site
            .machines
            .holder_with("pump:1", |params| params.distinguished_name.push(DnType::CommonName, name));
        site.status(&gateway, Some(&own), "/pumps")
    };
    assert_eq!(
        [called("pump"), called("7"), called("p\u{fc}mp"), called("a\nb")],
        [Some(200), Some(403), Some(403), Some(403)]
    );
    assert_eq!(site.upstream.only().one("x-user-id"), "pump");
}

#[test]
fn a_route_takes_certificates_only_where_it_says_so_and_names_their_issuer() {
    let site = Site::new();
    let gateway = site.asking("optional", "").start();
    let pump = site.machines.holder("pump:1");
    let ada = gateway.user();
    let ask = |own, path: &str, token: Option<&str>| {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{bearer}\r\n");
        site.connect(&gateway, own).unwrap().exchange(&request).unwrap()
    };
    is_refused(&ask(None, "/pumps", None), 403, "certificate_missing");
    is_refused(&ask(None, "/pumps", Some(&ada.access)), 403, "certificate_missing");
    is_refused(&ask(Some(&pump), "/people", None), 401, "token_missing");
    is_refused(&ask(None, "/either", None), 401, "token_missing");
    is_refused(&ask(Some(&pump), "/api/auth/profile", None), 401, "token_missing");
    assert_eq!(ask(None, "/pumps", None).field("www-authenticate"), None);
    assert!(site.upstream.arrived().is_empty());
    for (own, path, token) in [
        (Some(&pump), "/pumps", None),
        (Some(&pump), "/pumps", Some(&*ada.access)),
        (Some(&pump), "/either", None),
        (None, "/either", Some(&*ada.access)),
        (Some(&pump), "/people", Some(&*ada.access)),
        (Some(&pump), "/open", None),
    ] {
        assert_eq!(ask(own, path, token).status, 200, "{path}");
    }
    assert!(gateway.client().get("/pumps").send().status == 403, "nor without TLS");
}

#[test]
fn a_token_beside_a_certificate_is_refused_where_either_would_do() {
    let site = Site::new();
    let gateway = site.asking("optional", "").start();
    let (pump, ada) = (site.machines.holder("pump:1"), gateway.user());
    let mut client = site.connect(&gateway, Some(&pump)).unwrap();
    for token in [&*ada.access, "x.y.z"] {
        let request = format!("GET /either HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
        let reply = client.exchange(&request).unwrap();
        is_refused(&reply, 400, "invalid_request");
        assert!(reply.text().contains("this route takes one of the two"), "{}", reply.text());
    }
    assert!(site.upstream.arrived().is_empty());
    assert_eq!(client.get("/either").unwrap().status, 200);
}

#[test]
fn roles_claims_limits_and_assertions_are_as_for_anybody_else() {
    let site = Site::new();
    let of = "issuers = [\"machines\"]\ncredentials = [\"certificate\"]";
    let gateway = site
        .asking("optional", "roles = [\"machine\"]")
        .route("staff", "/staff", "app", &format!("{of}\nroles = [\"staff\"]"))
        .route(
            "plant",
            "/plant",
            "app",
            &format!("{of}\nroles = [\"machine\"]\nclaims = [{{ name = \"subject_ou\", any_of = [\"3\"] }}]"),
        )
        .route(
            "slow",
            "/slow",
            "app",
            &format!("{of}\nuser_limit = {{ requests = 2, window_seconds = 600 }}"),
        )
        .route("asserted", "/asserted", "app", &format!("{of}\nassertion = true"))
        .start();
    let three = site
        .machines
        .holder_with("pump:3", |params| params.distinguished_name.push(DnType::OrganizationalUnitName, "3"));
    let other = site.machines.holder("pump:4");
    let status = |own, path: &str| site.status(&gateway, Some(own), path).unwrap();
    assert_eq!(
        [status(&three, "/staff"), status(&three, "/plant"), status(&other, "/plant")],
        [403, 200, 403]
    );
    assert_eq!([1, 2, 3].map(|_| status(&three, "/slow")), [200, 200, 429], "over all connections");
    assert_eq!(status(&other, "/slow"), 200);
    site.upstream.forget();
    assert_eq!(status(&three, "/asserted"), 200);
    let said = claims(site.upstream.only().one("x-gateway-assertion"));
    assert_eq!(
        (&said["sub"], &said["user_issuer"], &said["role"]),
        (&json!("pump:3"), &json!("machines"), &json!("machine"))
    );
    let verified = r#"gateway_token_verifications_total{algorithm="x509",issuer="machines",result="ok"}"#;
    assert!(gateway.metric(verified) > 5.0);
    gateway.says("\"subject\":\"pump:3\"");
}

#[test]
fn a_proxy_that_asks_lends_its_own_certificate_to_nobody() {
    let site = Site::new();
    let trusting = ("GATEWAY__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]");
    let gateway = site.asking("optional", "").env(trusting.0, trusting.1).start();
    let proxy = site.machines.holder("proxy:1");
    let request = "GET /api/auth/verify HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Uri: /pumps\r\nX-Forwarded-Host: x\r\nX-Forwarded-Method: GET\r\n\r\n";
    let reply = site.connect(&gateway, Some(&proxy)).unwrap().exchange(request).unwrap();
    is_refused(&reply, 403, "certificate_missing");
    let request = "GET /pumps HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
    let reply = site.connect(&gateway, Some(&proxy)).unwrap().exchange(request).unwrap();
    is_refused(&reply, 403, "certificate_missing");
    assert!(site.upstream.arrived().is_empty());
}

/// Of a listener that has `client_ca_file`.
#[test]
fn a_certificate_that_only_opens_the_door_is_taken_for_nobody() {
    let site = Site::new();
    let own = format!("client_ca_file = \"{}\"", site.machines.file().display());
    let gateway = site.asking("optional", "").config(&https(&[&site.server], &own)).start();
    let (pump, ada) = (site.machines.holder("pump:1"), gateway.user());
    let ask = |path: &str, lines: &str| {
        let config = site.servers.client_with(&["http/1.1"], Some(&pump), rustls::ALL_VERSIONS);
        let mut client = Encrypted::connect(gateway.further[1], "localhost", config).unwrap();
        client.exchange(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n")).unwrap()
    };
    is_refused(&ask("/pumps", ""), 403, "certificate_missing");
    assert_eq!(ask("/either", &format!("Authorization: Bearer {}\r\n", ada.access)).status, 200);
}

#[test]
fn what_would_be_decided_about_a_certificate_can_be_asked() {
    let site = Site::new();
    let gateway = site.asking("optional", "").start();
    let (pump, other) = (site.machines.holder("pump:1"), site.servers.holder("pump:2"));
    let ask = |own: &crate::support::authority::Certified| {
        gateway.run(&["explain", "GET", "/pumps", "--certificate", own.certificate_file.to_str().unwrap()])
    };
    let (status, said, _) = ask(&pump);
    assert_eq!(status, 0, "{said}");
    for line in [
        "token        a client certificate was shown",
        "verify       authentic and in time: subject pump:1 of issuer `machines`",
        "revocation   not on a list of its authority",
        "x-user-id: pump:1",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let (status, said, _) = ask(&other);
    assert!(status == 3 && said.contains("no authority of an issuer has signed it for a client"), "{said}");
    assert!(said.contains("refuse: 403 `certificate_invalid`"), "{said}");
}
