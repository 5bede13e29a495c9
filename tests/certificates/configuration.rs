//! What is wrong with issuers of certificates, listeners that ask for them and routes that take them is
//! said before anything starts.

use std::path::Path;

use super::Site;
use crate::support::authority::Authority;
use crate::support::command::check;
use crate::support::gateway::Setup;

const TAKES: &str = "issuers = [\"machines\"]\ncredentials = [\"certificate\"]";

/// What a check says of an issuer with these lines, asked for so, and a route with those.
fn said(site: &Site, issuer: &str, tls: &str, route: &str) -> (i32, String) {
    let listener = crate::listening::https(&[&site.server], tls);
    let app = "[[upstreams]]\nname = \"a\"\naddress = \"unix:/run/a.sock\"\n[[routes]]\nname = \"a\"\npath = \"/\"\nupstream = \"a\"";
    check(&format!("{issuer}\n{listener}\n{app}\n{route}\n"))
}

#[test]
fn what_is_wrong_is_said_with_its_mend() {
    let site = Site::new();
    let machines = |more: &str| site.machines.entry("machines", more);
    let asks = "client_certificates = \"optional\"";
    let (ca, leaf) = (site.machines.file(), site.machines.holder("pump:1").certificate_file);
    let (ca, leaf) = (ca.display().to_string(), leaf.display().to_string());
    let own = format!("client_ca_file = \"{ca}\"");
    let twice = format!("{}\n{}", machines(""), site.machines.entry("others", ""));
    let plant = site.machines.below("plant");
    let nested = format!("{}\n{}", machines(""), plant.entry("plant", ""));
    let nesting = format!("{}\n{}", plant.entry("plant", ""), machines(""));
    let crl = site.servers.revokes(&[]);
    for (issuer, tls, route, status, words) in [
        (machines(""), asks, TAKES, 0, "issuer `machines` has no crl_file"),
        (
            machines(""),
            "client_certificates = \"require\"",
            TAKES,
            78,
            "must be \"off\" or \"optional\" or \"required\"; did you mean `required`?",
        ),
        (machines(""), "", TAKES, 0, "no listener asks for one"),
        (String::new(), asks, "", 78, "there is no issuer of kind = \"certificate\""),
        (machines(""), &format!("{asks}\n{own}"), TAKES, 78, "exclude each other"),
        (
            machines("").replace("san_uri", "cn"),
            asks,
            TAKES,
            78,
            "subject_claim = \"cn\" is nothing by which a certificate names its holder",
        ),
        (machines("").replace("ca_file", "#"), asks, TAKES, 78, "issuer `machines`: ca_file is missing"),
        (machines("").replace(&ca, "/nowhere.pem"), asks, TAKES, 78, "/nowhere.pem"),
        (machines("").replace(&ca, &leaf), asks, TAKES, 78, "may not sign others"),
        (machines(&format!("crl_file = \"{ca}\"")), asks, TAKES, 78, "no list of revoked certificates"),
        (machines("roles = [\"a,b\"]"), asks, TAKES, 78, "cannot be handed on as a role"),
        (machines("audience = [\"x\"]"), asks, TAKES, 78, "are about tokens"),
        (machines("leeway_seconds = 5"), asks, TAKES, 78, "are about tokens"),
        (machines("danger_any_audience = true"), asks, TAKES, 78, "are about tokens"),
        (twice, asks, TAKES, 78, "issuers `machines` and `others` have the same authority"),
        (nested, asks, TAKES, 78, "of one of them has certified one of the other"),
        (nesting, asks, TAKES, 78, "of one of them has certified one of the other"),
        (
            machines(&format!("crl_file = \"{}\"", crl.display())),
            asks,
            TAKES,
            0,
            "crl_file has no list of an authority in ca_file",
        ),
        (machines(""), asks, "credentials = [\"certificate\"]", 78, "write issuers = [\"machines\"]"),
        (machines(""), asks, "issuers = [\"machines\"]", 78, "add credentials = [\"certificate\"]"),
        (
            machines(""),
            asks,
            "issuers = [\"machines\", \"own\"]\ncredentials = [\"certificate\"]",
            78,
            "issuers names `own`, which has tokens",
        ),
        (machines(""), asks, "credentials = [\"certificates\"]", 78, "did you mean `certificate`?"),
    ] {
        let (ended, said) = said(&site, &issuer, tls, route);
        assert_eq!(ended, status, "{words}: {said}");
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn whoever_any_public_authority_certifies_is_nobody_here() {
    let site = Site::new();
    let many: Vec<_> = (0..17).map(|_| std::fs::read_to_string(Authority::new().file()).unwrap()).collect();
    std::fs::write(site.machines.file(), many.concat()).unwrap();
    let (status, said) =
        said(&site, &site.machines.entry("machines", ""), "client_certificates = \"optional\"", TAKES);
    assert!(status == 78 && said.contains("the machine's list of public authorities"), "{said}");
}

#[test]
fn a_list_that_was_to_be_replaced_is_warned_of() {
    let site = Site::new();
    let list = site.machines.revokes_for(0, &[]);
    let entry = site.machines.entry("machines", &format!("crl_file = \"{}\"", list.display()));
    let (status, said) = said(&site, &entry, "client_certificates = \"optional\"", TAKES);
    assert!(
        status == 0 && said.contains("its certificates are refused until there is a newer one"),
        "{said}"
    );
}

#[test]
fn what_must_hold_of_certificates_can_stand_beside_the_route() {
    let site = Site::new();
    let expect = |lines: &str| {
        let route = format!("{TAKES}\n[[routes.expect]]\npath = \"/x\"\n{lines}");
        said(&site, &site.machines.entry("machines", ""), "client_certificates = \"optional\"", &route)
    };
    assert_eq!(expect("then = \"certificate_missing\"").0, 0);
    assert_eq!(expect("as = \"machine\"\nissuer = \"machines\"\nthen = \"allow\"").0, 0);
    assert_eq!(expect("as = \"user\"\nthen = \"insufficient_scope\"").0, 0);
    let (status, said) = expect("then = \"token_missing\"");
    assert!(status == 3 && said.contains("would be `certificate_missing`"), "{said}");
}

#[test]
fn a_reload_begins_to_ask_and_stops_asking() {
    let site = Site::new();
    let setup = |asks: &str| site.asking(asks, "");
    let gateway = setup("off").start();
    let pump = site.machines.holder("pump:1");
    assert_eq!(site.status(&gateway, Some(&pump), "/pumps"), Some(403));
    assert!(gateway.reload(&setup("required")));
    assert_eq!([Some(&pump), None].map(|own| site.status(&gateway, own, "/pumps")), [Some(200), None]);
    assert!(gateway.reload(&setup("optional")));
    assert_eq!([Some(&pump), None].map(|own| site.status(&gateway, own, "/pumps")), [Some(200), Some(403)]);
}

#[test]
fn the_configuration_of_the_guide_starts() {
    let site = Site::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/certificates.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let example = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let list = site.machines.revokes(&[]);
    let example = example
        .replace("0.0.0.0:443", "127.0.0.1:0")
        .replace("/etc/gateway/example.pem", site.server.certificate_file.to_str().unwrap())
        .replace("/etc/gateway/example.key", site.server.key_file.to_str().unwrap())
        .replace("/etc/gateway/machines-ca.pem", site.machines.file().to_str().unwrap())
        .replace("/etc/gateway/machines.crl", list.to_str().unwrap())
        .replace("127.0.0.1:8081", &site.upstream.address.to_string());
    let gateway = Setup::new(&example).start();
    let pump = site.machines.holder("spiffe://acme.example/pump/7");
    let asked = [Some(&pump), None].map(|own| site.status(&gateway, own, "/api/telemetry"));
    assert_eq!(asked, [Some(200), Some(403)]);
}
