//! What holds, and what is found.

use super::echo::Kind;
use super::prove;
use super::weak::{Weak, Weakness};
use crate::support::NOWHERE;
use crate::support::gateway::{Gateway, Setup};

fn before(echo: std::net::SocketAddr) -> Gateway {
    Setup::new("")
        .upstream("echo", &echo.to_string())
        .route("echo", "/echo", "echo", "")
        .route("open", "/open", "echo", "auth = \"public\"")
        .unlimited()
        .start()
}

#[test]
fn the_gateway_holds_before_flask_gunicorn_php_and_node() {
    for kind in Kind::ALL {
        let echo = kind.start();
        let gateway = before(echo.address);
        let ada = gateway.user();
        let proof = prove(&format!("http://{}/echo", gateway.address), Some(&ada.access), &[]);
        assert_eq!(
            (proof.status, proof.verdict.as_str()),
            (0, "held"),
            "{kind:?}: {} {:?}",
            proof.stderr,
            proof.rows
        );
        let held = proof.with_result("held");
        for attack in [
            "our names",
            "with `_` for `-`",
            "in trailers",
            "ours taken away by Connection",
            "without the token",
            "what only proxies say",
        ] {
            assert!(held.contains(&format!("HTTP/1.1 {attack}")), "{kind:?}: {attack} {:?}", proof.rows);
        }
        let open = prove(&format!("http://{}/open?x=1", gateway.address), None, &[]);
        assert_eq!((open.status, open.verdict.as_str()), (0, "held"), "{kind:?}: {}", open.stderr);
    }
}

#[test]
fn a_service_without_a_gateway_believes_everybody() {
    for kind in Kind::ALL {
        let echo = kind.start();
        let proof = prove(&format!("http://{}/echo", echo.address), None, &[]);
        assert_eq!((proof.status, proof.verdict.as_str()), (3, "arrived"), "{kind:?}");
        let arrived = proof.row("our names")["arrived"].as_array().unwrap();
        for name in ["`x-user-id`", "`x-webauth-user`", "`remote-user`", "`x-forwarded-for`"] {
            assert!(arrived.iter().any(|other| other == name), "{kind:?}: {name} {arrived:?}");
        }
        let believed = proof.row("what only proxies say")["arrived"].as_array().unwrap();
        assert!(believed.iter().any(|name| name == "`true-client-ip`"), "{kind:?}: {believed:?}");
        assert!(proof.stderr.contains("no hop may be there"), "{}", proof.stderr);
    }
}

/// A gateway that does everything right shows that each other one fails for what it forgets.
#[test]
fn each_thing_that_a_weaker_gateway_forgets_is_found() {
    let (node, flask) = (Kind::Node.start(), Kind::Flask.start());
    for (weakness, echo, attacks) in [
        (Weakness::None, &node, &[][..]),
        (Weakness::Underscores, &node, &["with `_` for `-`", "with one `_`"]),
        (Weakness::Dots, &node, &["with `.` for `-`"]),
        (Weakness::OtherCharacters, &node, &["with other characters"]),
        (Weakness::Capitals, &node, &["in capitals"]),
        (Weakness::Second, &node, &["twice"]),
        (Weakness::Trailers, &node, &["in trailers"]),
        (Weakness::OldVersion, &node, &["by HTTP/1.0"]),
        (Weakness::LineFeeds, &flask, &["behind half a line break"]),
        (Weakness::Nominations, &node, &["ours taken away by Connection"]),
    ] {
        let weak = Weak::before(echo.address, weakness);
        let proof =
            prove(&format!("http://{}/echo", weak.address), Some(&weak.token()), &["--timeout", "60"]);
        let expected: Vec<_> = attacks.iter().map(|attack| format!("HTTP/1.1 {attack}")).collect();
        assert_eq!(proof.with_result("arrived"), expected, "{weakness:?}: {:?}", proof.rows);
        assert_eq!(proof.status, if attacks.is_empty() { 0 } else { 3 }, "{weakness:?}: {}", proof.stderr);
    }
}

#[test]
fn the_way_around_is_tried_and_said_how_to_close() {
    let echo = Kind::Node.start();
    let gateway = before(echo.address);
    let url = format!("http://{}/open", gateway.address);
    let open = prove(&url, None, &["--upstream", &echo.address.to_string()]);
    assert_eq!((open.status, open.with_result("arrived")), (3, vec!["around around the gateway".to_owned()]));
    for way in ["Unix socket", "client certificate", "X-Gateway-Assertion"] {
        assert!(open.stderr.contains(way), "{}", open.stderr);
    }
    let closed = prove(&url, None, &["--upstream", NOWHERE]);
    assert_eq!(closed.status, 0, "{}", closed.stderr);
    assert!(
        closed.row("around the gateway")["why"].as_str().unwrap().contains("cannot be reached from here")
    );
    // The gateway's own address is a way to the service that holds.
    let guarded = prove(&url, None, &["--upstream", &format!("http://{}", gateway.address)]);
    assert_eq!(guarded.status, 0, "{}", guarded.stderr);
}

#[test]
fn a_name_of_the_operators_own_is_tried_too() {
    let echo = Kind::Php.start();
    let setup = Setup::new("").upstream("echo", &echo.address.to_string());
    let open = "auth = \"public\"";
    let named = format!("{open}\nidentity_names = {{ id = \"Account\" }}");
    for (more, status) in [(open, 3), (named.as_str(), 0)] {
        let gateway = setup.clone().route("open", "/open", "echo", more).unlimited().start();
        let proof = prove(&format!("http://{}/open", gateway.address), None, &["--name", "Account"]);
        assert_eq!(proof.status, status, "{}", proof.stderr);
        if status == 3 {
            assert_eq!(proof.row("our names")["arrived"], serde_json::json!(["`account`"]));
        }
    }
}
