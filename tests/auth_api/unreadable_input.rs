//! Input that cannot be read: refused in the contract's order, and never by a broken connection.

use serde_json::json;

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::raw::{Raw, RawReply};
use crate::support::stores::on_both_stores;

on_both_stores!(
    a_body_may_have_64_kib_and_not_a_byte_more,
    a_body_that_is_far_too_large_is_refused_and_not_cut_off,
    too_large_comes_before_empty_and_empty_before_the_type,
    the_type_must_be_json_with_any_parameters,
    what_is_no_json_object_is_malformed,
    a_client_that_expects_100_continue_gets_it_at_once,
    a_client_that_expects_100_continue_for_too_much_gets_413_instead,
    a_body_in_chunks_is_read_whole,
    a_body_in_chunks_is_bounded_as_well,
);

const TOO_LARGE: (u16, &str, &str) = (413, "Request body too large", "body_too_large");
const WRONG_TYPE: (u16, &str, &str) =
    (415, "Content-Type must be application/json", "unsupported_media_type");
const MALFORMED: (u16, &str, &str) = (400, "Malformed JSON", "malformed_json");

const ENDPOINTS: [&str; 3] = ["/api/auth/register", "/api/auth/login", "/api/auth/refresh"];

fn a_body_may_have_64_kib_and_not_a_byte_more(setup: Setup) {
    let gateway = setup.start();
    let email = fresh_email();
    let registration = |bytes: usize| {
        let body = json!({"email": email, "password": PASSWORD, "x": ""}).to_string();
        body.replace(r#""x":"""#, &format!(r#""x":"{}""#, "x".repeat(bytes - body.len())))
    };
    assert_eq!(registration(65_537).len(), 65_537);
    is(post(&gateway, "/api/auth/register", "application/json", registration(65_537)), TOO_LARGE);
    post(&gateway, "/api/auth/register", "application/json", registration(65_536)).is_served(201);
    gateway.log_in(&email, PASSWORD);
}

/// A client that is still sending when the connection is reset never sees why.
fn a_body_that_is_far_too_large_is_refused_and_not_cut_off(setup: Setup) {
    let gateway = setup.start();
    for bytes in [70_000, 1 << 20, 5 << 20] {
        for path in ENDPOINTS {
            is(post(&gateway, path, "application/json", "x".repeat(bytes)), TOO_LARGE);
        }
        let refused = post(&gateway, "/nowhere", "application/json", "x".repeat(bytes));
        is(refused, (404, "Not found", "not_found"));
    }
}

fn too_large_comes_before_empty_and_empty_before_the_type(setup: Setup) {
    let gateway = setup.start();
    for path in ENDPOINTS {
        is(post(&gateway, path, "text/plain", " ".repeat(65_537)), TOO_LARGE);
        is(post(&gateway, path, "text/plain", "a=b".repeat(30_000)), TOO_LARGE);
        for nothing in ["", " \r\n\t", "{}", " { } "] {
            let reply = post(&gateway, path, "text/plain", nothing);
            assert!(matches!(reply.status, 400 | 422), "{path} {nothing:?} {}", reply.text());
            assert!(!["malformed_json", "unsupported_media_type"].contains(&reply.code().as_str()));
        }
        is(post(&gateway, path, "text/plain", "{"), WRONG_TYPE);
        is(post(&gateway, path, "application/json", "{"), MALFORMED);
        is(post(&gateway, path, "application/json", r#"{"email":1"#), MALFORMED);
    }
}

fn the_type_must_be_json_with_any_parameters(setup: Setup) {
    let gateway = setup.start();
    let body = json!({"email": "nobody@example.com", "password": "Wrong-Password-1"}).to_string();
    for right in
        ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;x=y"]
    {
        assert_eq!(post(&gateway, "/api/auth/login", right, &*body).code(), "invalid_credentials", "{right}");
    }
    for wrong in [
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "json",
        "*/*",
        "application/json, text/plain",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "",
    ] {
        is(post(&gateway, "/api/auth/login", wrong, &*body), WRONG_TYPE);
    }
    is(gateway.client().post("/api/auth/login").body(body).send(), WRONG_TYPE);
}

fn what_is_no_json_object_is_malformed(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let deep = "{\"a\":".repeat(10_000);
    let bodies: [&[u8]; 14] = [
        b"[]",
        b"null",
        b"1",
        b"true",
        b"\"email\"",
        b"{",
        b"{\"a\":1}}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{'a':1}",
        b"\xef\xbb\xbf{\"a\":1}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        for path in ENDPOINTS {
            is(post(&gateway, path, "application/json", body), MALFORMED);
        }
        for (method, path) in [("PUT", "/api/auth/profile"), ("POST", "/api/auth/logout")] {
            let reply =
                ada.request(method, path).header("content-type", "application/json").body(body).send();
            is(reply, MALFORMED);
        }
    }
    assert_eq!(ada.standing(), "in force");
}

fn a_client_that_expects_100_continue_gets_it_at_once(setup: Setup) {
    let gateway = setup.start();
    let body = json!({"email": fresh_email(), "password": PASSWORD}).to_string();
    let mut raw = Raw::connect(gateway.address);
    let interim = raw.send(head(&format!("Expect: 100-continue\r\nContent-Length: {}", body.len()))).reply();
    assert_eq!(interim.unwrap().status, 100);
    assert_eq!(raw.send(&body).reply().unwrap().status, 201);
    // The connection lives on, and the next request on it is read as one.
    let again = raw.send(head(&format!("Content-Length: {}", body.len()))).send(&body).reply().unwrap();
    assert!(again.text().contains("Email already registered"), "{}", again.text());
}

fn a_client_that_expects_100_continue_for_too_much_gets_413_instead(setup: Setup) {
    let gateway = setup.start();
    let mut raw = Raw::connect(gateway.address);
    let reply = raw.send(head("Expect: 100-continue\r\nContent-Length: 65537")).reply().unwrap();
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("Request body too large"));
}

fn a_body_in_chunks_is_read_whole(setup: Setup) {
    let gateway = setup.start();
    let body = json!({"email": fresh_email(), "password": PASSWORD}).to_string();
    let one_by_one: String = body.chars().map(|character| format!("1\r\n{character}\r\n")).collect();
    let mut raw = Raw::connect(gateway.address);
    for status in [201, 422] {
        raw.send(head("Transfer-Encoding: chunked"));
        assert_eq!(raw.send(&one_by_one).send("0\r\n\r\n").reply().unwrap().status, status);
    }
}

fn a_body_in_chunks_is_bounded_as_well(setup: Setup) {
    let gateway = setup.start();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4_096));
    let chunked = |chunks: usize, last: &str| -> RawReply {
        let mut raw = Raw::connect(gateway.address);
        raw.send(head("Transfer-Encoding: chunked")).send(chunk.repeat(chunks)).send(last);
        raw.reply().unwrap()
    };
    let fits = chunked(16, "0\r\n\r\n");
    assert_eq!((fits.status, fits.text().contains("Missing request body")), (400, true), "{}", fits.text());
    assert_eq!(chunked(16, "1\r\n \r\n0\r\n\r\n").status, 413);
    assert_eq!(chunked(40, "0\r\n\r\n").status, 413);
}

fn head(fields: &str) -> String {
    format!(
        "POST /api/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{fields}\r\n\r\n"
    )
}

fn post(gateway: &Gateway, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    gateway.client().post(path).header("content-type", content_type).body(body).send()
}

#[track_caller]
fn is(reply: Reply, (status, words, code): (u16, &str, &str)) {
    reply.is_refused(status, words, code);
}
