//! Expectations beside the routes: a configuration that breaks one is not used.

use crate::support::gateway::{Setup, run};
use crate::support::upstream::Upstream;

const ROUTES: &str = r#"
[[upstreams]]
name = "app"
address = "unix:/run/app.sock"

[[routes]]
name = "reports"
path = "/reports"
upstream = "app"
roles = ["admin"]
claims = [{ name = "tenant", any_of = ["acme"] }]
[[routes.expect]]
path = "/reports/1"
then = "token_missing"
[[routes.expect]]
as = "user"
path = "/reports/1"
then = "insufficient_scope"
[[routes.expect]]
as = "admin"
claims = { tenant = "acme" }
method = "PUT"
path = "/reports/1"
then = "allow"
[[routes.expect]]
as = "admin"
path = "/reports/../secret"
then = "ambiguous_path"
"#;

fn check(text: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, text).unwrap();
    let (status, out, err) = run(&["check", "--config", path.to_str().unwrap()], &[]);
    (status, out + &err)
}

#[test]
fn a_check_passes_where_all_of_them_hold() {
    let (status, said) = check(ROUTES);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn a_check_ends_with_3_and_says_what_would_happen_where_one_does_not_hold() {
    let opened = ROUTES
        .replace("roles = [\"admin\"]", "roles = [\"admin\", \"user\"]")
        .replace("claims = [{ name = \"tenant\", any_of = [\"acme\"] }]", "");
    let (status, said) = check(&opened);
    assert_eq!(status, 3, "{said}");
    assert!(
        said.contains(
            "route `reports`: GET /reports/1 as user would be `allow`, and `insufficient_scope` is expected"
        ),
        "{said}"
    );
    assert!(!said.contains("can be started"), "{said}");
}

#[test]
fn what_lies_below_a_folder_that_is_removed_is_foreseen() {
    let text = |then: &str| {
        let wide = "[[routes]]\nname = \"files\"\npath = \"/\"\nupstream = \"app\"\n";
        let expect = "[[routes.expect]]\nas = \"user\"\nmethod = \"DELETE\"\npath = \"/\"\n";
        format!("{ROUTES}{wide}{expect}then = \"{then}\"\n")
    };
    assert_eq!(check(&text("insufficient_scope")).0, 0);
    assert_eq!(check(&text("allow")).0, 3);
}

#[test]
fn a_wrong_expectation_is_a_fault_of_the_file() {
    for (wrong, words) in [
        ("then = \"deny\"", "is no verdict"),
        ("then = \"alow\"", "did you mean `allow`?"),
        ("then = \"allow\"\npath = \"x\"", "begins with a slash"),
    ] {
        let path = if wrong.contains("path") { "" } else { "path = \"/x\"\n" };
        let text = format!("{ROUTES}[[routes.expect]]\n{path}{wrong}\n");
        let (status, said) = check(&text);
        assert_eq!(status, 78, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn nothing_starts_and_no_reload_is_taken_over_where_one_does_not_hold() {
    let upstream = Upstream::start();
    let with = |auth: &str| {
        let more =
            format!("auth = \"{auth}\"\n[[routes.expect]]\npath = \"/app/x\"\nthen = \"token_missing\"");
        Setup::new("").upstream("app", &upstream.address.to_string()).route("app", "/app", "app", &more)
    };
    let failed = with("public").try_start().err().expect("it must not start");
    assert_eq!(failed.status.code(), Some(78));
    assert!(failed.stderr.contains("`token_missing` is expected"), "{}", failed.stderr);

    let gateway = with("required").start();
    assert!(!gateway.reload(&with("public")));
    gateway.says("`token_missing` is expected");
    assert_eq!(gateway.client().get("/app/x").send().status, 401);
    assert!(upstream.arrived().is_empty());
}
