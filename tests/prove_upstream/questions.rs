//! How it is asked, and what it says when it cannot tell.

use super::echo::Kind;
use super::{ask, prove};
use crate::support::NOWHERE;
use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

#[test]
fn people_get_a_table_and_exit_codes_mean_something() {
    let echo = Kind::Node.start();
    let gateway = Setup::new("")
        .upstream("echo", &echo.address.to_string())
        .route("open", "/open", "echo", "auth = \"public\"")
        .unlimited()
        .start();
    let (status, said, beside) = ask(&format!("http://{}/open", gateway.address), None, &[]);
    assert_eq!((status, beside.as_str()), (0, ""));
    assert!(said.starts_with("way       attack                           requests  result\n"), "{said}");
    assert!(said.contains("HTTP/1.1  our names                               1  held\n"), "{said}");
    assert!(said.contains("not tried: name the service's own address with --upstream"), "{said}");
    let (status, said, beside) = ask(&format!("http://{}/", echo.address), None, &[]);
    assert_eq!(status, 3);
    assert!(said.contains("ARRIVED: `forwarded`, `proxy`"), "{said}");
    assert!(beside.starts_with("no: "), "{beside}");
    let around = echo.address.to_string();
    let (status, _, beside) =
        ask(&format!("http://{}/open", gateway.address), None, &["--upstream", &around]);
    assert_eq!(status, 3);
    assert!(beside.ends_with(" (around the gateway)\n"), "{beside}");
}

#[test]
fn what_cannot_be_asked_is_said_with_what_to_do() {
    let mute = Upstream::start();
    let nowhere = format!("http://{NOWHERE}/");
    let elsewhere = "auth = \"public\"\nallow_networks = [\"192.0.2.0/24\"]";
    let gateway = Setup::before(mute.address).route("far", "/far", "todo", elsewhere).unlimited().start();
    let protected = format!("http://{}/api/todos", gateway.address);
    let ada = gateway.user();
    for (url, token, words) in [
        (nowhere.as_str(), None, "Connection refused"),
        (&format!("http://{}/", mute.address), None, "does not show the headers of the request"),
        (&protected, None, "give a good one with --token-file or GATEWAY_PROVE_TOKEN"),
        (&protected, Some("no.good.token"), "give a good one"),
        (&protected, Some(ada.access.as_str()), "does not show the headers"),
        (&protected, Some("a b"), "the token is no token"),
        (&format!("http://{}/far", gateway.address), None, "is not for clients of this network"),
        (&format!("http://{}/nowhere", gateway.address), None, "answers 404 before any attack"),
    ] {
        let proof = prove(url, token, &[]);
        assert_eq!(proof.status, 1, "{url}: {}", proof.stderr);
        assert!(proof.stderr.contains(words), "{url}: {}", proof.stderr);
    }
}

#[test]
fn what_is_asked_wrongly_is_usage() {
    for wrong in ["ftp://a/", "/echo", "http://", "http://a:b@c/", "a b", ""] {
        let (status, said, beside) = ask(wrong, None, &[]);
        assert_eq!((status, said.as_str()), (2, ""), "{wrong}: {beside}");
    }
    for wrong in [
        &["--timeout", "0"][..],
        &["--name", "a b"],
        &["--upstream", "a b"],
        &["--token", "a", "--token-file", "b"],
    ] {
        assert_eq!(ask("http://127.0.0.1:1/", None, wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn a_service_that_breaks_under_an_attack_proves_nothing() {
    // It answers the first question as an echo would, and hangs up in the middle of the next one.
    let echo = Kind::Node.start();
    let gateway = Setup::new("")
        .upstream("echo", &echo.address.to_string())
        .route(
            "open",
            "/open",
            "echo",
            "auth = \"public\"\naddress_limit = { requests = 5, window_seconds = 3600 }",
        )
        .start();
    let proof = prove(&format!("http://{}/open", gateway.address), None, &[]);
    assert_eq!((proof.status, proof.verdict.as_str()), (1, "unclear"), "{:?}", proof.rows);
    assert!(proof.stderr.contains("nothing is proved"), "{}", proof.stderr);
    let why = proof.rows.iter().filter_map(|row| row["why"].as_str());
    assert!(why.into_iter().any(|why| why.contains("429")), "{:?}", proof.rows);
}
