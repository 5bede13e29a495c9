//! A body that is announced at `/api/auth/verify` and does not come: it is the client's of the proxy, which
//! sends it elsewhere. The decision is told at once.

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Client;
use crate::support::nginx::Nginx;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

/// As anybody writes it who has not read docs/proxies/nginx.conf.
const SHORT: &str = "listen $listen;
location / { auth_request /verify; proxy_pass http://$app; }
location = /verify {
    internal;
    proxy_pass http://$gateway/api/auth/verify;
    proxy_pass_request_body off;
    proxy_set_header X-Original-Method $request_method;
    proxy_set_header X-Original-Host $host;
    proxy_set_header X-Original-URI $request_uri;
}";

fn gateway(trusted: &str) -> Gateway {
    let setup = Setup::new("").upstream("app", crate::support::NOWHERE).route("app", "/", "app", "");
    setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", trusted).env("GATEWAY__VERIFY__PROXY", "nginx").start()
}

fn ask(token: &str, announced: &str) -> String {
    let original = "X-Original-Method: POST\r\nX-Original-Host: a\r\nX-Original-URI: /x\r\n";
    format!(
        "GET /api/auth/verify HTTP/1.1\r\nHost: a\r\n{original}Authorization: Bearer {token}\r\n{announced}\r\n"
    )
}

#[test]
fn the_decision_does_not_wait_for_it_and_the_connection_ends_as_it_says() {
    for (trusted, status) in [(r#"["127.0.0.1"]"#, 200), ("[]", 403)] {
        let gateway = gateway(trusted);
        let token = gateway.user().access;
        for announced in [
            "Content-Length: 77\r\n",
            "Content-Length: 70000000\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Content-Length: 77\r\nExpect: 100-continue\r\n",
        ] {
            let mut raw = Raw::connect(gateway.address);
            let reply = raw.send(ask(&token, announced)).reply().unwrap();
            assert_eq!((reply.status, reply.field("connection").as_deref()), (status, Some("close")));
            raw.says_no_more();
            assert!(raw.is_closed(), "{announced}");
        }
    }
}

#[test]
fn one_that_came_along_is_passed_over_and_the_connection_lives_on() {
    let gateway = gateway(r#"["127.0.0.1"]"#);
    let token = gateway.user().access;
    let mut raw = Raw::connect(gateway.address);
    for (announced, body) in [
        ("Content-Length: 5\r\n", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("", ""),
    ] {
        let reply = raw.send(ask(&token, announced) + body).reply().unwrap();
        assert_eq!((reply.status, reply.field("connection").as_deref()), (200, Some("keep-alive")));
    }
}

#[test]
fn nginx_that_announces_it_lets_uploads_pass() {
    let (gateway, app) = (gateway(r#"["127.0.0.1"]"#), Upstream::start());
    let ada = gateway.user();
    let directives = SHORT.replace("$gateway", &gateway.address.to_string());
    let nginx = Nginx::start(&directives.replace("$app", &app.address.to_string()));
    for bytes in [3, 100_000] {
        let upload = || Client::new(nginx.address).post("/x").body(vec![b'x'; bytes]);
        let reply = upload().bearer(&ada.access).send();
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"), "{bytes} bytes");
        assert_eq!(app.only().body.len(), bytes);
        app.forget();
        assert_eq!(upload().send().status, 401, "{bytes} bytes of nobody");
    }
    assert!(app.arrived().is_empty());
}
