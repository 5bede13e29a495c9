//! The same with a real browser: what it keeps, what it hides, and what it sends of itself.

use serde_json::{Value, json};

use super::{CSRF, before};
use crate::support::authority::Authority;
use crate::support::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD};
use crate::support::streaming::Streaming;
use crate::support::tools::{Running, node};
use crate::support::upstream::Upstream;

/// Goes through the steps, and answers what each script came to.
pub(crate) fn browse(steps: &[Value]) -> Vec<Value> {
    let mut command = node();
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cookies/browser.js"))
        .env("STEPS", json!(steps).to_string());
    let mut running = Running::start(command);
    let line = running.line();
    crate::support::eventually("the browser has ended", || running.has_ended());
    let results: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no results: {line}"));
    results.as_array().unwrap_or_else(|| panic!("{results}")).clone()
}

#[test]
fn a_page_logs_in_cannot_read_a_token_and_is_the_only_one_that_acts() {
    let (page, todos, services) = (
        Upstream::answering(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<title>page</title>\n",
        ),
        Upstream::start(),
        Streaming::start(),
    );
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost", "127.0.0.1"]);
    let listener = crate::listening::https(&[&certified], "");
    let gateway = before(todos.address)
        .upstream("page", &page.address.to_string())
        .route("page", "/page", "page", "auth = \"public\"")
        .upstream("live", &services.http)
        .route("live", "/live", "live", "websocket = true")
        .config(&listener)
        .config(&listener)
        .start();
    let [port, other_port] = [0, 1].map(|number: usize| gateway.further[number].port());
    let home = format!("https://localhost:{port}");
    let who = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}).to_string();
    let posts = |to: &str, path: &str| json!({"run": format!("fetch('{to}{path}', {{method: 'POST', credentials: 'include', mode: 'no-cors', body: 'x'}}).then((answer) => answer.status)")});
    let socket = json!({"run": format!(
        "new Promise((told) => {{ const socket = new WebSocket('wss://localhost:{port}/live'); socket.onopen = () => told('open'); socket.onerror = () => told('refused'); }})"
    )});
    let cookies = json!({"run": "document.cookie"});
    let results = browse(&[
        json!({"go": format!("{home}/page")}),
        json!({"run": format!(
            "fetch('/api/auth/login?mode=cookie', {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: JSON.stringify({who})}}).then((answer) => answer.json())"
        )}),
        cookies.clone(),
        posts("", "/api/todos/own"),
        socket.clone(),
        // Its access token is gone, as if it had been closed for long.
        json!({"forget": {"name": super::ACCESS, "url": home}}),
        posts("", "/api/todos/renewed"),
        // Another site, whose pages the browser gives no cookies to; and another origin of this site.
        json!({"go": format!("https://127.0.0.1:{port}/page")}),
        posts(&home, "/api/todos/other-site"),
        socket.clone(),
        json!({"go": format!("https://localhost:{other_port}/page")}),
        cookies.clone(),
        posts(&home, "/api/todos/same-site"),
        socket,
        // A link from elsewhere finds somebody who is logged in.
        json!({"go": format!("{home}/api/todos/followed")}),
        json!({"go": format!("{home}/page")}),
        json!({"run": "fetch('/api/auth/logout', {method: 'POST'}).then((answer) => answer.status)"}),
        cookies,
        posts("", "/api/todos/after"),
    ]);
    let [told, seen, own, opened, renewed, _, other_opened, also_seen, _, same_opened, left, nothing, after] =
        results.as_slice()
    else {
        panic!("{results:?}")
    };
    assert_eq!(told["user"]["email"], ADMIN_EMAIL);
    assert!(told.get("access_token").is_none(), "{told}");
    let csrf = format!("{CSRF}={}", told["csrf_token"].as_str().unwrap());
    assert_eq!((seen, also_seen), (&json!(csrf), &json!(csrf)), "the one that lets nobody in");
    assert_eq!((own, opened, renewed), (&json!(200), &json!("open"), &json!(200)));
    assert_eq!((other_opened, same_opened), (&json!("refused"), &json!("refused")));
    assert_eq!((left, nothing, after), (&json!(200), &json!(""), &json!(401)));
    let arrived: Vec<_> = todos.arrived().iter().map(|arrived| arrived.target().to_owned()).collect();
    assert_eq!(arrived, ["/api/todos/own", "/api/todos/renewed", "/api/todos/followed"]);
    assert!(todos.arrived().iter().all(|arrived| !arrived.has("cookie")));
    assert_eq!(gateway.metric("gateway_refreshes_total{result=\"rotated\"}"), 1.0);
    // What came of this site and another origin had the cookies, and was refused for the page alone.
    assert_eq!(gateway.decided("csrf_refused"), 2.0);
}

/// A page that names a web app manifest in this way.
fn page(link: &str) -> Upstream {
    let html =
        format!("<title>app</title><link rel=\"manifest\" href=\"/api/todos/app.webmanifest\" {link}>");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    Upstream::answering(&format!("{head}Content-Length: {}\r\n\r\n{html}", html.len()))
}

#[test]
fn an_application_has_tokens_of_its_own_and_a_page_says_how_its_manifest_is_fetched() {
    let (plain, with) = (page(""), page("crossorigin=\"use-credentials\""));
    let manifest = "HTTP/1.1 200 OK\r\nContent-Type: application/manifest+json\r\nContent-Length: 14\r\n\r\n{\"name\":\"app\"}";
    let (app, todos) = (Upstream::start(), Upstream::answering(manifest));
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let gateway = before(todos.address)
        .upstream("plain", &plain.address.to_string())
        .route("plain", "/plain", "plain", "auth = \"public\"")
        .upstream("with", &with.address.to_string())
        .route("with", "/with", "with", "auth = \"public\"")
        .upstream("app", &app.address.to_string())
        .route("app", "/app", "app", "credentials = [\"cookie\"]")
        .config(&crate::listening::https(&[&certified], ""))
        .start();
    let (secure, port) = (gateway.further[0].port(), gateway.address.port());
    let who = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}).to_string();
    let log_in = json!({"run": format!(
        "fetch('/api/auth/login?mode=cookie', {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: JSON.stringify({who})}}).then((answer) => answer.json()).then((told) => told.code ?? 'in')"
    )});
    let own = json!({"run": "fetch('/app/x', {headers: {Authorization: 'Bearer the.services.own'}}).then((answer) => answer.status)"});
    let manifest = json!({"manifest": true});
    let go = |to: String| json!({"go": to});
    let results = browse(&[
        go(format!("http://nas.test:{port}/plain")),
        log_in.clone(),
        own.clone(),
        go(format!("http://app.localhost:{port}/plain")),
        log_in.clone(),
        own.clone(),
        go(format!("https://localhost:{secure}/plain")),
        log_in,
        own,
        manifest.clone(),
        go(format!("https://localhost:{secure}/with")),
        manifest,
    ]);
    let expected = json!(["cookies_need_https", 401, "in", 200, "in", 200, null, "{\"name\":\"app\"}"]);
    assert_eq!(json!(results), expected);
    let arrived = app.arrived();
    assert!(arrived.iter().all(|one| one.one("authorization") == "Bearer the.services.own"), "{arrived:?}");
    assert_eq!(todos.only().one("x-user-email"), ADMIN_EMAIL, "the manifest came once, with the cookies");
}
