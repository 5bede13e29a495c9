//! The page: Swagger UI from the binary, in a real browser that asks nobody else.

use serde_json::{Value, json};

use super::{alone, document, operations};
use crate::support::tools::{Running, node};

/// What the browser saw at this page, and what each operation that it tried out came to.
fn browse(page: &str, tries: &Value) -> Value {
    let mut command = node();
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/openapi/page.js"))
        .env("PAGE", page)
        .env("TRIES", tries.to_string());
    let mut running = Running::start(command);
    let line = running.line();
    crate::support::eventually("the browser has ended", || running.has_ended());
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("nothing was seen: {line}"))
}

#[test]
fn a_browser_shows_all_endpoints_in_the_order_of_their_use_and_tries_them_out() {
    let gateway = alone().start();
    let origin = format!("http://{}", gateway.address);
    let who = json!({"email": "tried@example.com", "password": "CANARY-Tried-Out-1"});
    let seen = browse(
        &format!("{origin}/api/auth/docs"),
        &json!([
            {"operation": "register", "body": who},
            {"operation": "login", "body": {"email": "tried@example.com", "password": "CANARY-wrong-1"}},
            {"operation": "readProfile"},
        ]),
    );
    assert_eq!(seen["failure"], Value::Null, "{seen}");
    let mut shown: Vec<_> =
        seen["shown"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    // As a person comes by them.
    let first = ["register", "login", "refresh", "logout"].map(|name| format!("POST /api/auth/{name}"));
    assert_eq!(shown[..4], first);
    shown.sort_unstable();
    let mut wanted = operations(&document(&gateway));
    wanted.sort_unstable();
    assert_eq!(shown, wanted);
    let statuses: Vec<_> = seen["tried"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["201", "401", "401"]);
    assert!(seen["tried"][0]["body"].as_str().unwrap().contains("Registration successful"), "{seen}");
    assert!(seen["tried"][2]["body"].as_str().unwrap().contains("token_missing"), "{seen}");
    for url in seen["requested"].as_array().unwrap() {
        let url = url.as_str().unwrap();
        assert!(url.starts_with(&origin) || url.starts_with("data:"), "{url} was requested");
    }
    // A refusal that is shown is also told in the console, by the browser itself.
    let told = |one: &&Value| !one.as_str().unwrap().contains("the server responded with a status of 401");
    let complaints: Vec<_> = seen["complaints"].as_array().unwrap().iter().filter(told).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn the_page_runs_its_own_files_and_nothing_else() {
    let gateway = alone().start();
    let client = gateway.client();
    for (path, kind) in [
        ("docs", "text/html; charset=utf-8"),
        ("docs/", "text/html; charset=utf-8"),
        ("docs/start.js", "text/javascript; charset=utf-8"),
        ("docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("docs/swagger-ui.css", "text/css; charset=utf-8"),
    ] {
        let reply = client.get(&format!("/api/auth/{path}")).send();
        assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{path}");
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    }
    for path in ["docs/other.js", "docs/swagger-ui", "docs/x/swagger-ui.css"] {
        client.get(&format!("/api/auth/{path}")).send().is_refused(404, "Not found", "not_found");
    }
    let page = client.get("/api/auth/docs").send().text();
    assert!(!page.contains("<script>") && !page.contains("style=") && !page.contains("onload"), "{page}");
}

#[test]
fn the_files_of_swagger_ui_are_those_of_its_package() {
    let folder = crate::support::project().join("gateway/crates/api/assets/swagger-ui");
    let mut command = std::process::Command::new("sha256sum");
    let output = command.args(["--check", "--strict", "SHA256SUMS"]).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let version = std::fs::read_to_string(folder.join("VERSION")).unwrap();
    let script = std::fs::read_to_string(crate::support::project().join("dev")).unwrap();
    assert!(script.contains(&format!("\nswagger_ui={}\n", version.trim())), "{version}");
}
