//! Patterns of other programs, where a path is meant: they would be taken literally, and protect
//! nothing.

use crate::support::gateway::{Setup, run};
use crate::support::upstream::Upstream;

/// `gateway check` on a route of this path, with these further lines: the status, and what is said.
fn check(path: &str, more: &str) -> (i32, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "[[upstreams]]\nname = \"app\"\naddress = \"unix:/run/app.sock\"\n[[routes]]\nname = \"admin\"\npath = '{path}'\nupstream = \"app\"\n{more}"
    );
    std::fs::write(file.path(), text).unwrap();
    let (status, out, err) = run(&["check", "--config", file.path().to_str().unwrap()], &[]);
    (status, out + &err)
}

/// Both are refused, and each of these words is said.
fn is_a_fault(path: &str, more: &str, words: &[&str]) {
    let (status, said) = check(path, more);
    assert_eq!(status, 78, "{path} {more}\n{said}");
    assert!(said.contains("1 fault found"), "{path} {more}\n{said}");
    for word in words {
        assert!(said.contains(word), "{path} {more} lacks {word}\n{said}");
    }
}

#[test]
fn a_path_as_other_programs_write_patterns_is_a_fault_that_says_how_it_is_written_here() {
    for (path, meant) in [
        ("/admin/*", "`/admin`"),
        ("/admin/**", "`/admin`"),
        ("/admin*", "`/admin`"),
        ("/admin/.*", "`/admin`"),
        ("/admin/(.*)", "`/admin`"),
        ("/admin/.+", "`/admin`"),
        ("/*", "`/`"),
        ("^/admin/", "`/admin/`"),
        ("^/admin$", "`/admin`"),
        ("~ ^/admin/", "`/admin/`"),
        ("/users/:id", "`/users/{id}`"),
        ("/users/:id/orders", "`/users/{id}/orders`"),
        ("/users/:id?", "`/users/{id}`"),
        ("/users/<id>", "`/users/{id}`"),
        ("/users/<int:id>/", "`/users/{id}/`"),
        ("/users/[id]", "`/users/{id}`"),
        ("/docs/[...slug]", "`/docs/{slug}`"),
        ("/users/{id:[0-9]+}", "`/users/{id}`"),
        ("/files/{path...}", "`/files/{path}`"),
        ("/files/{*path}", "`/files/{path}`"),
        ("PathPrefix(`/admin`)", "`/admin`"),
        ("admin/*", "`/admin`"),
    ] {
        is_a_fault(path, "", &["route `admin`", &format!("`{path}`"), &format!("did you mean {meant}?")]);
    }
    for path in ["/*.php", "/a/*/b", "/(admin|user)", r"/v\d+", "/v[0-9]+/x", "/a/(?i)b"] {
        is_a_fault(path, "", &["route `admin`", "a path covers all that lies below it", "`{name}`", "`%2A`"]);
    }
}

#[test]
fn the_star_of_another_program_opens_nothing() {
    let upstream = Upstream::start();
    let setup = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("site", "/", "app", "auth = \"public\"")
        .route("admin", "/admin/*", "app", "roles = [\"admin\"]");
    let failed = setup.try_start().err().expect("it must not start");
    assert_eq!(failed.status.code(), Some(78));
    assert!(failed.stderr.contains("did you mean `/admin`?"), "{}", failed.stderr);
}

#[test]
fn what_only_resembles_a_pattern_is_a_path() {
    for path in [
        "/items:batch",
        "/v1/{name}:cancel",
        "/c++",
        "/Users/$count",
        "/Foo_(bar)",
        "/a.b+c",
        "/~ada",
        "/@ada",
    ] {
        let (status, said) = check(path, "");
        let is_parameter = path.contains('{');
        assert_eq!(status, if is_parameter { 78 } else { 0 }, "{path}\n{said}");
    }
}

#[test]
fn a_literal_star_or_colon_is_written_as_an_escape_and_matches_in_either_spelling() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("site", "/", "app", "auth = \"public\"")
        .route("star", "/files/%2A", "app", "")
        .route("colon", "/%3Aid", "app", "")
        .route("at", "/users/@me", "app", "")
        .start();
    for path in ["/files/*", "/files/%2A", "/files/%2a/x", "/:id", "/%3Aid", "/users/@me", "/users/%40me"] {
        let reply = gateway.client().get(path).send();
        reply.is_refused(401, "Missing authorization token", "token_missing");
        upstream.forget();
        assert_eq!(gateway.user().get(path).status, 200, "{path}");
        // It is forwarded as it was sent.
        assert_eq!(upstream.only().target(), path.replace("%2a", "%2A"));
    }
    for path in ["/files/x", "/id", "/users/me"] {
        assert_eq!(gateway.client().get(path).send().status, 200, "{path}");
    }
}

#[test]
fn patterns_are_faults_wherever_one_value_is_meant() {
    for (more, words) in [
        ("replace_prefix = \"/v2/*\"", &["replace_prefix = \"/v2/*\"", "is no plain path"][..]),
        ("replace_prefix = \"/v2/$1\"", &["replace_prefix = \"/v2/$1\"", "is no plain path"]),
        ("replace_prefix = \"/v2/:id\"", &["replace_prefix = \"/v2/:id\"", "is no plain path"]),
        (
            "request_headers = { remove = [\"X-Internal-*\"] }",
            &["\"X-Internal-*\"", "one header by its name"],
        ),
        ("response_headers = { set = { \"X-*\" = \"a\" } }", &["\"X-*\"", "one header by its name"]),
        ("identity_names = { id = \"X-*\" }", &["\"X-*\" cannot carry an identity"]),
        (
            "cors = { origins = [\"https://*.example.com\"] }",
            &["\"https://*.example.com\"", "name each origin"],
        ),
        ("hosts = [\"*\"]", &["\"*\" is no host", "*.example.com"]),
        ("hosts = [\"app.*\"]", &["\"app.*\" is no host"]),
        ("hosts = [\"{tenant}.example.com\"]", &["is no host"]),
        ("methods = [\"*\"]", &["\"*\" is no method that is forwarded"]),
        ("methods = [\"ANY\"]", &["\"ANY\" is no method that is forwarded", "leave methods out"]),
    ] {
        is_a_fault("/admin", more, words);
    }
    for path in ["/admin/*", "/admin/:id", "/admin/{id}", "/admin/.*"] {
        let expect = format!("[[routes.expect]]\npath = \"{path}\"\nthen = \"token_missing\"");
        is_a_fault("/admin", &expect, &["an expectation is about one request", &format!("\"{path}\"")]);
    }
}
