//! A refusal's form is chosen once, by the canonical path: gRPC has its own, but never below
//! `/api/auth`, where HTTP 200 could be taken for a yes.

use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

const GRPC: &str = "application/grpc";

fn gateway() -> Gateway {
    let upstream = Upstream::start();
    Setup::before(upstream.address)
        .route("service", "/api/authors.V1", "todo", "")
        .route("app", "/app", "todo", "")
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true\n")
        .start()
}

/// What the client sees: the status of HTTP, and that of gRPC.
fn over_http1(gateway: &Gateway, target: &str, media: &str, more: &str) -> (u16, Option<String>) {
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Type: {media}\r\n{more}\r\n");
    let reply = Raw::connect(gateway.address).send(head).reply().unwrap();
    (reply.status, reply.field("grpc-status"))
}

#[test]
fn a_service_whose_name_begins_like_ours_is_refused_as_grpc() {
    let gateway = gateway();
    let mut client = H2::plain(gateway.further[0]).unwrap();
    for path in ["/api/authors.V1/Get", "/api/authors.V2/Get", "/app/x"] {
        let status = if path.contains("V2") { "12" } else { "16" };
        for media in [GRPC, "application/grpc+proto", "Application/gRPC"] {
            let reply =
                client.send(client.request("POST", path, &[("content-type", media)]), b"", None).unwrap();
            assert_eq!((reply.status, reply.header("grpc-status")), (200, status), "{path} {media}");
            assert_eq!(
                over_http1(&gateway, path, media, ""),
                (200, Some(status.to_owned())),
                "{path} {media}"
            );
        }
        for media in ["application/grpc-web", "application/grpcx", "text/plain"] {
            let refused = if path.contains("V2") { 404 } else { 401 };
            assert_eq!(over_http1(&gateway, path, media, ""), (refused, None), "{path} {media}");
        }
    }
}

#[test]
fn however_an_endpoint_of_ours_is_spelled_its_refusals_are_no_http_200() {
    let gateway = gateway();
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let large = "Content-Length: 70000\r\n";
    for target in ["/api/auth/login", "/%61pi/auth/login", "/api/%61uth/login", "http://a/api/auth/login"] {
        assert_eq!(over_http1(&gateway, target, GRPC, large), (413, None), "{target}");
    }
    // Without a canonical path nobody knows for whom it is.
    assert_eq!(over_http1(&gateway, "/api/auth//login", GRPC, ""), (400, None));
    for path in ["/api/auth/verify", "/%61pi/auth/verify"] {
        let reply = client.send(client.request("POST", path, &[("content-type", GRPC)]), b"", None).unwrap();
        assert_eq!((reply.status, reply.header("grpc-status")), (403, ""), "{path}");
    }
}

#[test]
fn a_path_that_is_refused_below_one_route_alone_is_refused_in_that_routes_form() {
    let gateway = gateway();
    // A service behind a route is no endpoint of ours, however odd the path below it is.
    for path in ["/app//x", "/app/a%2Fb", "/app/a;b"] {
        assert_eq!(over_http1(&gateway, path, GRPC, ""), (200, Some("3".to_owned())), "{path}");
        assert_eq!(over_http1(&gateway, path, "text/plain", ""), (400, None), "{path}");
    }
    for path in ["/api/auth;a/login", "/api/x/..;/auth/login", "/elsewhere//x"] {
        assert_eq!(over_http1(&gateway, path, GRPC, ""), (400, None), "{path}");
    }
}
