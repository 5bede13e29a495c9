//! gRPC through the gateway, over TLS, to a server of gRPC's own.

use std::time::Duration;

use bytes::Bytes;

use super::{before, short_lived, timed};
use crate::support::NOWHERE;
use crate::support::authority::Authority;
use crate::support::gateway::Gateway;
use crate::support::grpc::Caller;
use crate::support::h2::{H2, H2Reply};
use crate::support::streaming::Streaming;

/// A message with its prefix: not compressed, and its length.
fn framed(message: &str) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message.as_bytes()].concat()
}

fn started(more: &str) -> (Streaming, Gateway, H2) {
    let (services, authority) = (Streaming::start(), Authority::new());
    let gateway = before(&services, &authority, more).start();
    let client = H2::encrypted(gateway.further[0], authority.client(&[]));
    (services, gateway, client)
}

fn call(client: &mut H2, method: &str, token: Option<&str>) -> H2Reply {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut fields = vec![("content-type", "application/grpc"), ("te", "trailers"), ("x-user-id", "1")];
    fields.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let request = client.request("POST", &format!("/echo.Echo/{method}"), &fields);
    client.send(request, Vec::leak(framed("hello")), None).unwrap()
}

#[test]
fn a_call_passes_with_its_trailers_and_the_identity() {
    let (_services, gateway, mut client) = started("");
    let ada = gateway.user();
    let reply = call(&mut client, "One", Some(&ada.access));
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/grpc+proto"));
    assert_eq!(reply.body, framed(&format!("{}:hello", ada.id)));
    assert_eq!((reply.trailer("grpc-status"), reply.trailer("x-other")), ("0", "is"));
    assert_eq!(reply.trailer("x-user-id"), "", "an identity of the service's making");
}

#[test]
fn a_failure_of_the_service_is_its_own() {
    let (_services, gateway, mut client) = started("");
    let reply = call(&mut client, "Fail", Some(&gateway.user().access));
    let status = |name| if reply.trailers.is_some() { reply.trailer(name) } else { reply.header(name) };
    assert_eq!((status("grpc-status"), status("grpc-message")), ("5", "no%20such%20thing"));
    assert_eq!(reply.header("proxy-status"), "");
}

#[test]
fn refusals_have_the_status_that_grpc_has_for_them() {
    let limit = "user_limit = { requests = 1, window_seconds = 600 }";
    let (services, gateway, mut client) = started(limit);
    let ada = gateway.user();
    assert_eq!(call(&mut client, "One", None).header("grpc-status"), "16");
    assert_eq!(call(&mut client, "One", Some("x.y.z")).header("grpc-status"), "16");
    assert_eq!(call(&mut client, "One", Some(&ada.access)).trailer("grpc-status"), "0");
    let limited = call(&mut client, "One", Some(&ada.access));
    assert_eq!((limited.status, limited.header("grpc-status")), (200, "8"));
    assert_eq!(limited.header("grpc-message"), "Too many requests");
    drop(services);
    let gone = call(&mut client, "One", Some(&gateway.user().access));
    assert_eq!((gone.status, gone.header("grpc-status")), (200, "14"));
    let (_services, gateway, mut client) = started("roles = [\"admin\"]");
    assert_eq!(call(&mut client, "One", Some(&gateway.user().access)).header("grpc-status"), "7");
}

#[test]
fn each_client_of_others_is_told_by_grpc_why_it_was_refused() {
    let (services, authority) = (Streaming::start(), Authority::new());
    let limit = "user_limit = { requests = 1, window_seconds = 600 }";
    let gateway = before(&services, &authority, "")
        .config(&format!("[[upstreams]]\nname = \"gone\"\naddress = \"{NOWHERE}\"\nprotocol = \"http2\""))
        .route("admin", "/admin.Admin", "grpc", "roles = [\"admin\"]")
        .route("rare", "/rare.Rare", "grpc", limit)
        .route("gone", "/gone.Gone", "gone", "")
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true")
        .start();
    let is_open = [false, true];
    for (caller, goes_on) in Caller::ALL.into_iter().flat_map(|caller| is_open.map(|open| (caller, open))) {
        let token = &*gateway.user().access;
        let codes = caller.codes(
            gateway.further[1],
            &[
                ("/echo.Echo/One", token, false),
                ("/echo.Echo/One", "", goes_on),
                ("/echo.Echo/One", "x.y.z", goes_on),
                ("/admin.Admin/One", token, goes_on),
                ("/nowhere.No/One", token, goes_on),
                ("/gone.Gone/One", token, goes_on),
                ("/rare.Rare/One", token, false),
                ("/rare.Rare/One", token, goes_on),
            ],
        );
        assert_eq!(codes, [0, 16, 16, 7, 12, 14, 12, 8], "{caller:?}, {goes_on}");
    }
}

#[test]
fn a_refusal_is_one_frame_of_headers_that_ends_the_stream() {
    let (_services, _gateway, mut client) = started("");
    let request = client.request("POST", "/echo.Echo/One", &[("content-type", "application/grpc")]);
    let head = client.head(request);
    assert_eq!((&head.headers()["grpc-status"], head.body().is_end_stream()), (&"16".parse().unwrap(), true));
    // As is what has no content otherwise, by its status or by what was asked.
    let request = client.request("HEAD", "/still/x", &[]);
    let head = client.head(request);
    assert_eq!((head.status().as_u16(), head.body().is_end_stream()), (401, true));
}

#[test]
fn a_stream_speaks_both_ways_and_is_reset_when_its_session_ends() {
    let (_services, gateway, mut client) = started("");
    let ada = gateway.user();
    let open = |client: &mut H2, token: &str| {
        let bearer = format!("Bearer {token}");
        let fields =
            [("content-type", "application/grpc"), ("te", "trailers"), ("authorization", bearer.as_str())];
        let request = client.request("POST", "/echo.Echo/Many", &fields);
        client.open(request)
    };
    let mut hers = open(&mut client, &ada.access);
    let mut brief = open(&mut client, &short_lived(&gateway, 4));
    for word in ["one", "two"] {
        for stream in [&mut hers, &mut brief] {
            stream.send.send_data(Bytes::from(framed(word)), false).unwrap();
            assert_eq!(client.next(stream).unwrap().unwrap(), framed(word));
        }
    }
    assert_eq!(ada.log_out().status, 200);
    let (end, waited) = timed(|| client.next(&mut hers));
    assert!(end.is_err() && waited < Duration::from_secs(10), "{end:?} after {waited:?}");
    // Streams beside it on the same connection are not concerned, until their own time comes.
    let (end, waited) = timed(|| client.next(&mut brief));
    assert!(end.is_err() && waited < Duration::from_secs(10), "{end:?} after {waited:?}");
    assert_eq!(call(&mut client, "One", Some(&gateway.user().access)).trailer("grpc-status"), "0");
}
