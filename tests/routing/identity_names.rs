//! Identity headers under the names that a service understands, and nobody else's.

use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

fn behind(upstream: &Upstream, more: &str) -> Setup {
    Setup::new("").upstream("app", &upstream.address.to_string()).route("app", "/app", "app", more)
}

#[test]
fn each_preset_has_the_names_that_its_services_know() {
    let presets: [(&str, &[(&str, &str)]); 5] = [
        ("x-user", &[("x-user-id", "1"), ("x-user-email", "admin@example.com"), ("x-user-role", "admin")]),
        (
            "x-auth-request",
            &[
                ("x-auth-request-user", "1"),
                ("x-auth-request-email", "admin@example.com"),
                ("x-auth-request-preferred-username", "admin@example.com"),
                ("x-auth-request-groups", "admin"),
            ],
        ),
        (
            "remote",
            &[
                ("remote-user", "admin@example.com"),
                ("remote-email", "admin@example.com"),
                ("remote-groups", "admin"),
            ],
        ),
        (
            "x-forwarded",
            &[
                ("x-forwarded-user", "1"),
                ("x-forwarded-email", "admin@example.com"),
                ("x-forwarded-preferred-username", "admin@example.com"),
                ("x-forwarded-groups", "admin"),
            ],
        ),
        (
            "x-webauth",
            &[
                ("x-webauth-user", "admin@example.com"),
                ("x-webauth-email", "admin@example.com"),
                ("x-webauth-role", "Admin"),
            ],
        ),
    ];
    let all = presets.iter().flat_map(|(_, headers)| headers.iter().map(|(name, _)| *name));
    for (preset, headers) in &presets {
        let upstream = Upstream::start();
        let gateway = behind(&upstream, &format!("identity_headers = [\"{preset}\"]")).start();
        let request = gateway.admin().request("GET", "/app");
        let spoofed = all.clone().fold(request, |request, name| request.header(name, "spoofed"));
        assert_eq!(spoofed.send().status, 200);
        let arrived = upstream.only();
        for name in all.clone() {
            let expected = headers.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
            assert_eq!(arrived.folded(name), expected.into_iter().collect::<Vec<_>>(), "{preset}: {name}");
        }
    }
}

#[test]
fn names_of_the_operators_own_cannot_be_sent_by_a_client_on_any_route() {
    let upstream = Upstream::start();
    let names = "identity_names = { id = \"X-Account\", email = \"X-Account-Mail\" }";
    let gateway = behind(&upstream, names).route("open", "/open", "app", "auth = \"public\"").start();
    let ada = gateway.user();
    for name in ["X-Account", "x_account", "X.Account", "x-account-mail", "X_ACCOUNT_MAIL"] {
        upstream.forget();
        assert_eq!(ada.request("GET", "/app").header(name, "spoofed").send().status, 200);
        let arrived = upstream.only();
        assert_eq!(arrived.folded("x-account"), [ada.id.to_string()], "{name}");
        assert_eq!(arrived.folded("x-account-mail"), [ada.email.as_str()], "{name}");
        // Only the names that were asked for.
        assert!(arrived.folded("x-user-id").is_empty());
        upstream.forget();
        assert_eq!(gateway.client().get("/open").header(name, "spoofed").send().status, 200);
        assert!(upstream.only().folded(name).is_empty(), "{name}");
    }
}

#[test]
fn an_upstreams_answer_cannot_carry_identity_headers_back() {
    let upstream =
        Upstream::answering("HTTP/1.1 200 OK\r\nX-Account: 7\r\nRemote-User: x\r\nContent-Length: 0\r\n\r\n");
    let gateway = behind(&upstream, "identity_names = { id = \"X-Account\" }").start();
    let reply = gateway.user().get("/app");
    assert_eq!((reply.header("x-account"), reply.header("remote-user")), ("", ""));
}
