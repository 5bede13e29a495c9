//! What a service and its clients call each other: `Host`, redirects, cookies and destinations.

use crate::support::command::check;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::nginx::Nginx;
use crate::support::upstream::Upstream;

/// A public route to this server, behind a proxy that has TLS where a request says so.
fn public(address: &str, path: &str, upstream: &str, route: &str) -> Setup {
    Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")
        .upstream("app", address)
        .config(upstream)
        .route("app", path, "app", &format!("auth = \"public\"\n{route}"))
}

/// Asks over TLS, as the proxy in front says.
fn ask(gateway: &Gateway, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let request = gateway.client().request(method, path).header("x-forwarded-proto", "https");
    fields.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

/// What the client gets where the service answers with these fields.
fn told(gateway: &Gateway, upstream: &Upstream, path: &str, fields: &[&str]) -> Reply {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    upstream.answer_from_now(&format!(
        "HTTP/1.1 302 Found\r\n{fields}Connection: close\r\nContent-Length: 0\r\n\r\n"
    ));
    ask(gateway, "GET", path, &[])
}

#[test]
fn a_redirect_of_a_service_that_knows_of_no_tls_leads_to_https() {
    let upstream = Upstream::start();
    let gateway = public(&upstream.address.to_string(), "/", "", "").start();
    let own = gateway.address;
    let location = |to: &str| {
        let reply = told(&gateway, &upstream, "/dir", &[&format!("Location: {to}")]);
        reply.header("location").to_owned()
    };
    assert_eq!(location(&format!("http://{own}/dir/?a=b")), format!("https://{own}/dir/?a=b"));
    // By the port on which it listens itself.
    assert_eq!(location(&format!("http://{}/dir/", upstream.address)), format!("https://{own}/dir/"));
    for other in ["/dir/", "dir/", "http://elsewhere.test/dir/", "//elsewhere.test/", "https://127.0.0.1/x"] {
        assert_eq!(location(other), other);
    }
    let fields = [&format!("Content-Location: http://{own}/a"), &format!("Refresh: 0; url=http://{own}/b")];
    let reply = told(&gateway, &upstream, "/dir", &fields.map(String::as_str));
    assert_eq!(reply.header("content-location"), format!("https://{own}/a"));
    assert_eq!(reply.header("refresh"), format!("0; url=https://{own}/b"));
    let plain = gateway.client().get("/dir").send();
    assert_eq!(plain.header("content-location"), format!("http://{own}/a"), "over http it is right as it is");
}

#[test]
fn over_http_nobody_is_led_past_the_gateway_to_the_services_own_port() {
    let upstream = Upstream::start();
    let to = format!("http://{}/dir/", upstream.address);
    upstream.answer_from_now(&format!(
        "HTTP/1.1 301 Moved\r\nLocation: {to}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    ));
    let gateway = public(&upstream.address.to_string(), "/", "", "").start();
    let reply = gateway.client().get("/dir").send();
    assert_eq!(reply.header("location"), format!("http://{}/dir/", gateway.address));
}

#[test]
fn a_prefix_that_was_taken_away_is_put_back_into_redirects_and_cookies() {
    let upstream = Upstream::start();
    let gateway = public(&upstream.address.to_string(), "/app", "", "strip_prefix = true").start();
    let cookies =
        ["Set-Cookie: a=1; Path=/; HttpOnly", "Set-Cookie: b=2; Path=/x", "Set-Cookie: __Host-c=3; Path=/"];
    let reply = told(
        &gateway,
        &upstream,
        "/app/x",
        &["Location: /login?next=%2Fx", cookies[0], cookies[1], cookies[2]],
    );
    assert_eq!(reply.header("location"), "/app/login?next=%2Fx");
    let set: Vec<_> = reply.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap()).collect();
    assert_eq!(set, ["a=1; Path=/app; HttpOnly", "b=2; Path=/app/x", "__Host-c=3; Path=/"]);
    for known in ["/app/login", "https://elsewhere.test/", "/app"] {
        let reply = told(&gateway, &upstream, "/app", &[&format!("Location: {known}")]);
        assert_eq!(reply.header("location"), known);
    }
}

#[test]
fn a_service_makes_no_address_of_ours_into_one_of_somebody_else() {
    let upstream = Upstream::start();
    let gateway = public(&upstream.address.to_string(), "/", "", "replace_prefix = \"/base\"").start();
    for odd in ["/base//evil.test/", "/base/\\evil.test/", "/base/\t/evil.test/"] {
        let reply = told(&gateway, &upstream, "/x", &[&format!("Location: {odd}")]);
        assert_eq!(reply.header("location"), odd);
    }
    let reply = told(&gateway, &upstream, "/x", &["Location: /base/y"]);
    assert_eq!(reply.header("location"), "/y");
}

#[test]
fn a_route_can_leave_all_of_it_as_it_is() {
    let upstream = Upstream::start();
    let plain = "strip_prefix = true\nrewrite_urls = false";
    let gateway = public(&upstream.address.to_string(), "/app", "", plain).start();
    let own = format!("http://{}/x", gateway.address);
    let reply = told(&gateway, &upstream, "/app", &[&format!("Location: {own}"), "Set-Cookie: a=1; Path=/"]);
    assert_eq!((reply.header("location"), reply.header("set-cookie")), (own.as_str(), "a=1; Path=/"));
    ask(&gateway, "MOVE", "/app/a", &[("destination", "/app/b")]);
    assert_eq!(upstream.arrived()[1].one("destination"), "/app/b");
}

#[test]
fn what_the_operator_says_of_an_answer_is_left_as_it_was_said() {
    let upstream = Upstream::start();
    let rules = "strip_prefix = true\nresponse_headers = { set = { Location = \"/elsewhere\" } }";
    let gateway = public(&upstream.address.to_string(), "/app", "", rules).start();
    let reply = told(&gateway, &upstream, "/app", &["Location: /x"]);
    assert_eq!(reply.header("location"), "/elsewhere");
}

#[test]
fn a_service_can_have_a_host_of_its_own_and_is_told_the_clients() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let gateway = public(&upstream.address.to_string(), "/", "host = \"localhost:8888\"", "").start();
    let own = gateway.address;
    let page = format!("https://{own}");
    let sent =
        [("origin", page.as_str()), ("referer", &format!("{page}/tree?x")), ("x-forwarded-host", "evil")];
    ask(&gateway, "POST", "/x", &sent[..2]);
    let arrived = upstream.only();
    assert_eq!(
        (arrived.one("host"), arrived.one("x-forwarded-host")),
        ("localhost:8888", own.to_string().as_str())
    );
    assert_eq!(arrived.one("origin"), "http://localhost:8888");
    assert_eq!(arrived.one("referer"), "http://localhost:8888/tree?x");
    upstream.forget();
    ask(&gateway, "POST", "/x", &[("origin", "https://evil.test"), ("referer", "https://evil.test/")]);
    let arrived = upstream.only();
    assert_eq!((arrived.one("origin"), arrived.one("referer")), ("https://evil.test", "https://evil.test/"));
    let fields = ["Location: http://localhost:8888/tree", "Set-Cookie: a=1; Domain=localhost; Path=/"];
    let reply = told(&gateway, &upstream, "/", &fields);
    assert_eq!(reply.header("location"), format!("{page}/tree"));
    assert_eq!(reply.header("set-cookie"), "a=1; Path=/", "browsers do not take one for another host");
}

#[test]
fn its_address_can_be_its_host_and_a_health_check_asks_by_that_host_too() {
    let upstream = Upstream::start();
    let gateway = public(&upstream.address.to_string(), "/", "host = \"upstream\"", "").start();
    ask(&gateway, "GET", "/", &[]);
    assert_eq!(upstream.only().one("host"), upstream.address.to_string());
    let checked = Upstream::start();
    let health = "host = \"app.internal\"\nhealth = { path = \"/healthz\" }";
    let _gateway = public(&checked.address.to_string(), "/", health, "").start();
    crate::support::eventually("it is asked", || !checked.arrived().is_empty());
    assert_eq!(checked.arrived()[0].one("host"), "app.internal");
}

#[test]
fn over_http_2_the_host_is_the_authority() {
    let nginx = Nginx::start("listen $listen http2;\nlocation / { return 200 \"$server_protocol $host\"; }");
    let own = "protocol = \"http2\"\nhost = \"app.internal:99\"";
    let gateway = public(&nginx.address.to_string(), "/", own, "").start();
    assert_eq!(ask(&gateway, "GET", "/", &[]).text(), "HTTP/2.0 app.internal");
}

#[test]
fn webdav_copies_and_moves_over_https_and_below_a_prefix() {
    let nginx = Nginx::start(
        "listen $listen;\nlocation / { root files; dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path on; }",
    );
    let gateway = public(&nginx.address.to_string(), "/dav", "", "strip_prefix = true").start();
    let own = gateway.address;
    let put =
        gateway.client().put("/dav/folder/a.txt").header("x-forwarded-proto", "https").body("text").send();
    assert_eq!(put.status, 201, "{}", put.text());
    let to = |name: &str| format!("https://{own}/dav/folder/{name}");
    assert_eq!(ask(&gateway, "COPY", "/dav/folder/a.txt", &[("destination", &to("b.txt"))]).status, 204);
    assert_eq!(
        ask(&gateway, "MOVE", "/dav/folder/b.txt", &[("destination", "/dav/folder/c.txt")]).status,
        204
    );
    assert_eq!(ask(&gateway, "GET", "/dav/folder/c.txt", &[]).text(), "text");
    assert_eq!(ask(&gateway, "GET", "/dav/folder/b.txt", &[]).status, 404);
    // nginx names the port on which it listens itself.
    let folder = ask(&gateway, "GET", "/dav/folder", &[]);
    assert_eq!((folder.status, folder.header("location")), (301, to("").as_str()));
}

#[test]
fn what_webdav_names_elsewhere_stays_as_it_is() {
    let upstream = Upstream::start();
    let gateway = public(&upstream.address.to_string(), "/dav", "", "strip_prefix = true").start();
    let own = format!("https://{}", gateway.address);
    for elsewhere in
        [format!("{own}/other/x"), "https://elsewhere.test/dav/x".to_owned(), "/other".to_owned()]
    {
        upstream.forget();
        ask(&gateway, "MOVE", "/dav/a", &[("destination", &elsewhere)]);
        assert_eq!(upstream.only().one("destination"), elsewhere);
    }
    upstream.forget();
    let locked = format!("<{own}/dav/a> (<opaquelocktoken:1>)");
    ask(&gateway, "MOVE", "/dav/a", &[("destination", &format!("{own}/dav/b")), ("if", &locked)]);
    let arrived = upstream.only();
    let inner = format!("http://{}", gateway.address);
    assert_eq!(arrived.one("destination"), format!("{inner}/b"));
    assert_eq!(arrived.one("if"), format!("<{inner}/a> (<opaquelocktoken:1>)"));
}

#[test]
fn a_host_that_is_none_is_a_fault_and_one_that_hides_foreign_ones_is_warned_of() {
    let text = |more: &str, route: &str| {
        let upstream = format!("[[upstreams]]\nname = \"a\"\n{more}\n");
        format!("{upstream}[[routes]]\nname = \"r\"\npath = \"/\"\nupstream = \"a\"\n{route}\n")
    };
    let one = "address = \"127.0.0.1:1\"";
    let two = "servers = [{ address = \"a:1\" }, { address = \"b:1\" }]";
    for (servers, host, needle) in [
        (one, "a b", "is no host"),
        (one, "", "is no host"),
        (one, "http://a", "is no host"),
        (two, "upstream", "needs one server"),
        ("address = \"unix:/run/a.sock\"", "upstream", "with a network address"),
    ] {
        let (status, said) = check(&text(&format!("{servers}\nhost = \"{host}\""), ""));
        assert_eq!(status, 78, "{host}\n{said}");
        assert!(said.contains("upstream `a`: host = ") && said.contains(needle), "{said}");
    }
    let named = format!("{one}\nhost = \"a.internal\"");
    let warned = |route: &str| {
        let (status, said) = check(&text(&named, route));
        assert_eq!(status, 0, "{said}");
        said.contains("it cannot refuse foreign ones")
    };
    assert!(warned("auth = \"public\""));
    assert!(!warned("auth = \"public\"\nhosts = [\"a.test\"]") && !warned(""));
}
