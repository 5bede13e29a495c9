//! WebSockets (RFC 6455).

use std::net::TcpStream;
use std::time::Duration;

use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

use super::{before, short_lived, timed};
use crate::support::authority::Authority;
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::{Raw, RawReply};
use crate::support::streaming::Streaming;
use crate::support::upstream::Upstream;

type Socket = WebSocket<TcpStream>;

/// `Err` with the status of a refusal.
fn open(gateway: &Gateway, path: &str, token: Option<&str>) -> Result<Socket, u16> {
    let mut request = format!("ws://{}{path}", gateway.address).into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(refusal))) => {
            Err(refusal.status().as_u16())
        }
        Err(fault) => panic!("{fault}"),
    }
}

fn echo(socket: &mut Socket, message: Message) -> Message {
    socket.send(message).unwrap();
    socket.read().unwrap()
}

#[test]
fn it_is_opened_for_who_has_a_token_and_speaks_both_ways() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    assert_eq!(open(&gateway, "/live/chat", None).unwrap_err(), 401);
    assert_eq!(open(&gateway, "/live/chat", Some("x.y.z")).unwrap_err(), 401);
    let ada = gateway.user();
    let mut socket = open(&gateway, "/live/chat", Some(&ada.access)).unwrap();
    assert_eq!(echo(&mut socket, Message::text("hello")), Message::text("hello"));
    let large = Message::binary(vec![7; 1 << 20]);
    assert_eq!(echo(&mut socket, large.clone()), large);
    socket.close(None).unwrap();
    let seen = ada.get("/still/seen").json();
    let handshakes: Vec<_> =
        seen.as_array().unwrap().iter().filter(|one| one["url"] == "/live/chat").collect();
    assert_eq!(handshakes.len(), 1, "no refused one arrived: {seen}");
    assert_eq!(handshakes[0]["headers"]["x-user-id"], ada.id.to_string());
    assert_eq!(handshakes[0]["headers"]["authorization"], serde_json::Value::Null);
}

/// As a browser's page opens it, which can set nothing but this.
fn offering(gateway: &Gateway, offer: &str, more: &str) -> RawReply {
    let request = format!(
        "GET /live/chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {offer}\r\n{more}\r\n"
    );
    Raw::connect(gateway.address).send(request).head().unwrap()
}

#[test]
fn a_browser_may_offer_its_token_where_the_route_says_so() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "websocket_token = true").start();
    let ada = gateway.user();
    let alone = offering(&gateway, &format!("bearer, {}", ada.access), "");
    assert_eq!((alone.status, alone.field("sec-websocket-protocol").as_deref()), (101, Some("bearer")));
    let beside = offering(&gateway, &format!("chat.v2, bearer, {}, chat.v1", ada.access), "");
    assert_eq!((beside.status, beside.field("sec-websocket-protocol").as_deref()), (101, Some("chat.v2")));
    assert_eq!(offering(&gateway, "bearer, x.y.z", "").status, 401);
    assert_eq!(offering(&gateway, "chat.v2", "").status, 401);
    let header = format!("Authorization: Bearer {}\r\n", ada.access);
    assert_eq!(offering(&gateway, &format!("bearer, {}", ada.access), &header).status, 400, "two tokens");
    let twice = format!("bearer, {0}, bearer, {0}", ada.access);
    assert_eq!(offering(&gateway, &twice, "").status, 400, "two tokens");
    let seen = ada.get("/still/seen").json();
    let offers: Vec<_> = seen
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["url"] == "/live/chat")
        .map(|one| one["headers"]["sec-websocket-protocol"].as_str().unwrap_or("").to_owned())
        .collect();
    assert_eq!(offers, ["", "chat.v2, chat.v1"], "no token arrived");
    let elsewhere = before(&services, &Authority::new(), "").start();
    let ben = elsewhere.user();
    assert_eq!(offering(&elsewhere, &format!("bearer, {}", ben.access), "").status, 401);
}

#[test]
fn on_a_public_route_nothing_is_looked_at_that_is_offered() {
    let upstream = Upstream::start();
    let open = "auth = \"public\"\nwebsocket = true\nwebsocket_token = true";
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("live", "/live", "app", open)
        .start();
    for offer in ["bearer, x.y.z", "bearer, x.y.z, bearer, x.y.z"] {
        assert_eq!(offering(&gateway, offer, "").status, 200, "{offer}");
        assert_eq!(upstream.only().one("sec-websocket-protocol"), offer, "the service decides for itself");
        upstream.forget();
    }
}

#[test]
fn where_the_route_has_none_it_is_refused() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    let ada = gateway.user();
    assert_eq!(open(&gateway, "/still/chat", Some(&ada.access)).unwrap_err(), 403);
}

#[test]
fn nothing_that_follows_is_forwarded_before_the_upstream_has_agreed() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("open", "/open", "app", "auth = \"public\"\nwebsocket = true")
        .route("shut", "/shut", "app", "")
        .start();
    for upgrade in [
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        "Upgrade: foo\r\nConnection: Upgrade\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    ] {
        let bytes =
            format!("GET /open HTTP/1.1\r\nHost: x\r\n{upgrade}\r\nGET /shut HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut client = Raw::connect(gateway.address);
        let reply = client.send(bytes).reply().unwrap();
        assert_eq!(reply.status, 200, "{}", reply.head);
        let second = client.reply().map(|reply| reply.status);
        assert!(matches!(second, None | Some(401)), "{second:?}");
        eventually("only the first request arrived", || upstream.arrived().len() == 1);
        assert_eq!(upstream.only().target(), "/open");
        upstream.forget();
    }
}

#[test]
fn an_idle_one_is_closed_when_its_token_expires() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    let mut socket = open(&gateway, "/live/chat", Some(&short_lived(&gateway, 4))).unwrap();
    assert_eq!(echo(&mut socket, Message::text("still here")), Message::text("still here"));
    let (end, waited) = timed(|| socket.read());
    assert!(end.is_err(), "{end:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    let ended = "gateway_streams_ended_total{reason=\"token_expired\"}";
    assert_eq!(gateway.metric(ended), 1.0);
    gateway.says("a running stream was ended");
}

#[test]
fn it_may_outlive_its_token_where_the_route_says_so_but_not_a_logout() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "on_expiry = \"allow\"").start();
    let token = short_lived(&gateway, 3);
    let mut socket = open(&gateway, "/live/chat", Some(&token)).unwrap();
    eventually("the token has expired", || {
        gateway.client().get("/still/x").bearer(&token).send().status == 401
    });
    assert_eq!(echo(&mut socket, Message::text("still here")), Message::text("still here"));

    let ada = gateway.user();
    let mut hers = open(&gateway, "/live/chat", Some(&ada.access)).unwrap();
    assert_eq!(ada.log_out().status, 200);
    let (end, waited) = timed(|| hers.read());
    assert!(end.is_err() && waited < Duration::from_secs(10), "{end:?} after {waited:?}");
}

#[test]
fn each_way_to_end_a_session_closes_its_sockets_and_no_others() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    let (ada, ben, admin) = (gateway.user(), gateway.user(), gateway.admin());
    let mut hers = open(&gateway, "/live/chat", Some(&ada.access)).unwrap();
    let mut his = open(&gateway, "/live/chat", Some(&ben.access)).unwrap();
    let changed = admin
        .client
        .request("PATCH", &format!("/api/auth/users/{}", ada.id))
        .bearer(&admin.access)
        .json(&serde_json::json!({"is_active": false}))
        .send();
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert!(hers.read().is_err());
    assert_eq!(echo(&mut his, Message::text("not I")), Message::text("not I"));
    let ended = "gateway_streams_ended_total{reason=\"token_revoked\"}";
    assert_eq!(gateway.metric(ended), 1.0);
}
