//! What is checked of `[webhook]` before anybody is told anything.

use crate::support::authority::Authority;
use crate::support::canary;
use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY, Setup, run};

const SECRET: &str = "CANARY-secret-of-some-length";

/// `gateway check` of this configuration: its status, and all that it says.
fn check(lines: &str, secret: Option<&str>) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, format!("[server]\n{lines}")).unwrap();
    let data = folder.path().join("data");
    let mut variables = vec![
        ("JWT_SECRET_KEY", ACCESS_KEY),
        ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY),
        ("GATEWAY__STORE__PATH", data.to_str().unwrap()),
    ];
    variables.extend(secret.map(|secret| ("GATEWAY_WEBHOOK_SECRET", secret)));
    let (status, out, said) = run(&["check", "--config", file.to_str().unwrap()], &variables);
    let all = format!("{out}{said}");
    canary(&all);
    (status, all)
}

#[test]
fn a_wrong_setting_of_the_webhook_is_refused_with_its_mend() {
    let long = format!("/run/{}.sock", "x".repeat(107));
    let here = "url = \"https://app.example.com/hook\"";
    for (lines, secret, words) in [
        (
            "url = \"app.example.com/hook\"".to_owned(),
            SECRET,
            &["webhook.url", "https://app.example.com"][..],
        ),
        ("url = \"ftp://app.example.com/\"".to_owned(), SECRET, &["webhook.url is no URL"]),
        ("url = \"https:///hook\"".to_owned(), SECRET, &["webhook.url is no URL"]),
        ("url = \"https://a:CANARY@b.example/\"".to_owned(), SECRET, &["has a login in it"]),
        ("url = \"http://app.example.com/CANARY\"".to_owned(), SECRET, &["http:// to another machine"]),
        ("url = \"http://localhost.example.com/\"".to_owned(), SECRET, &["http:// to another machine"]),
        ("url = 7".to_owned(), SECRET, &["`webhook.url`: must be a text"]),
        ("urll = \"\"".to_owned(), SECRET, &["`webhook.urll`", "did you mean `url`?"]),
        (format!("{here}\ntimeout_seconds = 0"), SECRET, &["webhook.timeout_seconds = 0", "1 to 300"]),
        (format!("{here}\nsocket = \"app.sock\""), SECRET, &["webhook.socket", "no absolute path"]),
        (format!("{here}\nsocket = \"{long}\""), SECRET, &["webhook.socket", "too long"]),
        (format!("{here}\nca_file = \"/no/such.pem\""), SECRET, &["webhook: ca_file", "/no/such.pem"]),
        (format!("{here}\nca_file = \"/etc/hostname\""), SECRET, &["webhook: ca_file"]),
        (
            "url = \"http://localhost/\"\nca_file = \"/etc/hostname\"".to_owned(),
            SECRET,
            &["only of use with TLS"],
        ),
        (here.to_owned(), "", &["GATEWAY_WEBHOOK_SECRET", "whsec_$(openssl rand -base64 32)"]),
        (here.to_owned(), "CANARY-which-is-short", &["GATEWAY_WEBHOOK_SECRET: 24 bytes or more"]),
        (here.to_owned(), "whsec_CANARYCANARY", &["GATEWAY_WEBHOOK_SECRET: 24 bytes or more"]),
        (here.to_owned(), "whsec_CANARY is no Base64 at all", &["goes on in Base64"]),
        ("socket = \"/run/app.sock\"".to_owned(), "", &["no URL"]),
    ] {
        let (status, said) = check(&format!("[webhook]\n{lines}"), Some(secret));
        assert_eq!(status, 78, "{lines}\n{said}");
        for word in words {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
    }
}

#[test]
fn a_webhook_leads_over_tls_or_to_this_machine() {
    let authority = Authority::new();
    for lines in [
        format!("url = \"https://app.example.com/\"\nca_file = \"{}\"", authority.file().display()),
        "url = \"https://app.example.com/hook?x=1\"".to_owned(),
        "url = \"http://localhost:8081/hook\"".to_owned(),
        "url = \"http://127.0.0.1/\"".to_owned(),
        "url = \"http://[::1]:8081/\"".to_owned(),
        "url = \"http://todo/webhooks/gateway\"\nsocket = \"/run/todo.sock\"".to_owned(),
    ] {
        let (status, said) = check(&format!("[webhook]\n{lines}"), Some(SECRET));
        assert_eq!(status, 0, "{lines}\n{said}");
        assert!(!said.contains("webhook"), "{said}");
    }
    let (status, said) = check("", Some(SECRET));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("no service is told of deleted accounts"), "{said}");
}

#[test]
fn another_webhook_needs_a_restart() {
    let gateway = Setup::new("").start();
    assert!(!gateway.reload(&Setup::new("[webhook]\ntimeout_seconds = 20")));
    gateway.says("a change of webhook.timeout_seconds needs a restart");
}
