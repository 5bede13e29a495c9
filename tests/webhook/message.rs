//! What a service gets, as another implementation of the specification reads it, and what becomes of
//! its answer.

use std::process::Output;

use serde_json::{Value, json};

use super::{SECRET, body, leave, remove, telling, telling_upstream, tries};
use crate::support::gateway::Setup;
use crate::support::tools::python;
use crate::support::upstream::{Arrived, Upstream};
use crate::support::{NOWHERE, eventually, project};

/// What the Python library of the specification says of a message.
fn verified(secret: &str, arrived: &Arrived) -> Result<Value, String> {
    let headers: serde_json::Map<_, _> =
        arrived.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let asked = json!({"secret": secret, "headers": headers, "body": body(arrived)});
    let mut command = python("python");
    command.arg(project().join("tests/services/verify_webhook.py")).arg(asked.to_string());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(status.success() || text(&stderr).lines().count() == 1, "{}", text(&stderr));
    if status.success() { Ok(serde_json::from_slice(&stdout).unwrap()) } else { Err(text(&stderr)) }
}

fn wait_for(upstream: &Upstream, count: usize) -> Vec<Arrived> {
    eventually(&format!("{count} messages came"), || upstream.arrived().len() >= count);
    upstream.arrived()
}

#[test]
fn a_message_says_whose_account_is_gone_and_is_signed_as_another_implementation_has_it() {
    for secret in [SECRET, "CANARY: a text is a secret as it is, with ümlauts"] {
        let upstream = Upstream::start();
        let gateway = telling_upstream(&upstream).env("GATEWAY_WEBHOOK_SECRET", secret).start();
        let (ada, eve) = (gateway.user(), gateway.user());
        leave(&ada);
        wait_for(&upstream, 1);
        remove(&gateway, &eve);
        let arrived = wait_for(&upstream, 2);
        assert_ne!(arrived[0].one("webhook-id"), arrived[1].one("webhook-id"));
        for (arrived, person) in arrived.iter().zip([&ada, &eve]) {
            assert_eq!(arrived.line, "POST /hooks?of=gateway HTTP/1.1");
            assert_eq!(arrived.one("content-type"), "application/json");
            assert_eq!(arrived.one("user-agent"), "gateway");
            for name in ["authorization", "cookie", "x-user-id", "x-user-email", "x-gateway-assertion"] {
                assert!(!arrived.has(name), "{name}");
            }
            let message = verified(secret, arrived).unwrap();
            let at = message["timestamp"].as_str().unwrap();
            assert!(at.parse::<jiff::Timestamp>().is_ok() && at.ends_with('Z'), "{at}");
            // Nothing else of the person.
            assert_eq!(
                message,
                json!({"type": "user.deleted", "timestamp": at, "data": {"user_id": person.id}})
            );
            let mut edited = arrived.clone();
            edited.body = body(arrived).replace("user.deleted", "user.created").into_bytes();
            verified(secret, &edited).unwrap_err();
        }
        eventually("both were delivered", || tries(&gateway, "delivered") == 2.0);
    }
}

#[test]
fn each_try_has_the_same_id_and_a_time_of_its_own() {
    let upstream = Upstream::answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    let gateway = telling_upstream(&upstream).start();
    leave(&gateway.user());
    let arrived = wait_for(&upstream, 2);
    let [first, second] = [0, 1].map(|index: usize| &arrived[index]);
    assert_eq!(first.one("webhook-id"), second.one("webhook-id"));
    assert_eq!(body(first), body(second));
    let at = |arrived: &Arrived| arrived.one("webhook-timestamp").parse::<u64>().unwrap();
    assert!(at(second) >= at(first) + 5, "{} {}", at(first), at(second));
    for arrived in [first, second] {
        verified(SECRET, arrived).unwrap();
    }
    gateway.says("it answered 503");
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Upstream::start();
    let upstream = Upstream::answering(&format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
        elsewhere.address
    ));
    let gateway = telling_upstream(&upstream).start();
    leave(&gateway.user());
    gateway.says("it answered 307; redirects are not followed");
    assert!(elsewhere.arrived().is_empty());
    assert_eq!(tries(&gateway, "delivered"), 0.0);
}

#[test]
fn a_service_that_wants_no_more_messages_is_let_be_and_that_stands_in_the_audit_trail() {
    let upstream = Upstream::answering("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    let gateway = telling_upstream(&upstream).start();
    let ada = gateway.user();
    leave(&ada);
    eventually("it was given up", || tries(&gateway, "given_up") == 1.0);
    let trail = gateway.admin().get("/api/auth/audit?event=delivery_given_up").json();
    let [event] = &trail["events"].as_array().unwrap()[..] else { panic!("{trail}") };
    assert_eq!((&event["user_id"], &event["now"]), (&json!(ada.id), &json!("user_deleted")));
    let why = event["reason"].as_str().unwrap();
    assert_eq!(why, format!("http://{}: it answered 410: it wants no more messages", upstream.address));
    assert_eq!(upstream.arrived().len(), 1);
}

#[test]
fn an_endless_answer_is_not_read() {
    let upstream = Upstream::answering(&format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}",
        "x".repeat(100_000)
    ));
    let gateway = telling_upstream(&upstream).start();
    leave(&gateway.user());
    eventually("it was delivered", || tries(&gateway, "delivered") == 1.0);
}

#[test]
fn a_service_that_says_nothing_is_given_its_time_and_no_more() {
    let (upstream, gate) = Upstream::gated();
    let gateway = telling_upstream(&upstream).config("timeout_seconds = 2").start();
    leave(&gateway.user());
    gateway.says("no answer in time");
    gate.open();
    eventually("it was delivered", || tries(&gateway, "delivered") == 1.0);
}

#[test]
fn a_service_that_hangs_holds_up_no_mail() {
    let (upstream, gate) = Upstream::gated();
    let gateway = telling_upstream(&upstream).config("timeout_seconds = 300").start();
    let people: Vec<_> = (0..10).map(|_| gateway.user()).collect();
    people.iter().for_each(leave);
    wait_for(&upstream, 8);
    for one in &people {
        gateway.letter("account_deleted", &one.email);
    }
    assert_eq!(upstream.arrived().len(), 8, "so many at once");
    gate.open();
    eventually("they were delivered", || tries(&gateway, "delivered") == 10.0);
}

#[test]
fn what_a_url_holds_beside_its_host_is_not_logged() {
    let gateway = telling(&format!("http://{NOWHERE}/CANARY-of-the-path?key=CANARY")).start();
    leave(&gateway.user());
    gateway.says("could not be delivered");
    assert!(gateway.log().contains(&format!("http://{NOWHERE}: ")), "{}", gateway.log());
}

#[test]
fn a_proxy_of_the_environment_gets_no_message_for_this_machine() {
    let (upstream, proxy) = (Upstream::start(), Upstream::start());
    let gateway = telling_upstream(&upstream)
        .env("HTTP_PROXY", &format!("http://{}", proxy.address))
        .env("http_proxy", &format!("http://{}", proxy.address))
        .start();
    leave(&gateway.user());
    wait_for(&upstream, 1);
    assert!(proxy.arrived().is_empty());
}

#[test]
fn without_a_url_nobody_is_told_and_nothing_waits() {
    let gateway = Setup::new("").start();
    leave(&gateway.user());
    eventually("there was nobody to tell", || tries(&gateway, "void") == 1.0);
}
