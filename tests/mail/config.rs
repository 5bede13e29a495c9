//! What is checked of `[mail]` before anything is sent.

use std::path::Path;

use gateway_config::{Flags, KeyPolicy, MailSettings, Secrets, load};
use gateway_limits::Limiters;
use gateway_mail::{Delivery, Security};

use crate::support::authority::Authority;
use crate::support::canary;
use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY, run};

/// `gateway check` of this configuration: its status, and all that it says.
fn check(lines: &str, password: Option<&str>) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, format!("[server]\n{lines}")).unwrap();
    let data = folder.path().join("data");
    let mut variables = vec![
        ("JWT_SECRET_KEY", ACCESS_KEY),
        ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY),
        ("GATEWAY__STORE__PATH", data.to_str().unwrap()),
    ];
    variables.extend(password.map(|password| ("GATEWAY_SMTP_PASSWORD", password)));
    let (status, out, said) = run(&["check", "--config", file.to_str().unwrap()], &variables);
    let all = format!("{out}{said}");
    canary(&all);
    (status, all)
}

fn refused(lines: &str, password: Option<&str>, words: &[&str]) {
    let (status, said) = check(lines, password);
    assert_eq!(status, 78, "{lines}\n{said}");
    for word in words {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
}

#[test]
fn a_wrong_setting_of_mail_is_refused_with_its_mend() {
    for (lines, words) in [
        ("[mail]\nfrom = \"Gateway\"", &["mail.from", "\"Example <accounts@example.com>\""][..]),
        ("[mail]\nfrom = \"a@b.org\\r\\nBcc: c@d.org\"", &["mail.from"]),
        ("[mail]\nreply_to = \"nobody\"", &["mail.reply_to"]),
        ("[mail]\nproduct_name = \"\"", &["mail.product_name"]),
        ("[mail]\nproduct_name = \"a\\nb\"", &["mail.product_name"]),
        ("[mail]\nreset_link = \"http://app.example.com/reset\"", &["mail.reset_link", "https://"]),
        ("[mail]\nverify_link = \"/verify\"", &["mail.verify_link", "is no address of a page"]),
        ("[mail]\ninvitation_link = \"https://a:CANARY@b.example/\"", &["mail.invitation_link"]),
        ("[mail]\noutbox_files_max = 0", &["mail.outbox_files_max"]),
        ("[mail]\ntemplates_path = \"/no/such/folder\"", &["mail.templates_path", "/no/such/folder"]),
        ("[mail.smtp]\nsecurity = \"startls\"", &["did you mean `starttls`?"]),
        ("[mail.smtp]\nhots = \"a\"", &["`mail.smtp.hots`", "did you mean `host`?"]),
        ("[mail.smtp]\nhost = \"smtp.example.com:587\"", &["mail.smtp.host", "mail.smtp.port"]),
        (
            "[mail.smtp]\nhost = \"localhost\"\ntimeout_seconds = 0",
            &["mail.smtp.timeout_seconds", "1 to 300"],
        ),
        ("[mail.smtp]\nhost = \"localhost\"\nusername = \"a\"", &["GATEWAY_SMTP_PASSWORD"]),
        (
            "[mail.smtp]\nhost = \"localhost\"\nca_file = \"/no/such.pem\"",
            &["mail.smtp.ca_file", "/no/such.pem"],
        ),
        ("[mail.smtp]\nhost = \"localhost\"\nca_file = \"/etc/hostname\"", &["mail.smtp.ca_file"]),
        (
            "[mail.smtp]\nhost = \"localhost\"\nsecurity = \"none\"\nca_file = \"/etc/hostname\"",
            &["only of use with TLS"],
        ),
        ("[mail.smtp]\nusername = \"a\"", &["no host"]),
    ] {
        refused(lines, None, words);
    }
    refused("[mail.smtp]\nhost = \"localhost\"", Some("CANARY"), &["mail.smtp.username"]);
}

#[test]
fn a_password_goes_to_another_machine_over_tls_only() {
    let clear = "[mail]\nfrom = \"a@example.com\"\n[mail.smtp]\nsecurity = \"none\"\n";
    let login = "username = \"a\"\n";
    let remote = format!("{clear}host = \"smtp.example.com\"\n");
    refused(&format!("{remote}{login}"), Some("CANARY"), &["in the clear", "\"starttls\" or \"tls\""]);
    let (status, said) = check(&remote, None);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("go in the clear"), "{said}");
    for host in ["localhost", "127.0.0.1", "::1"] {
        let (status, said) = check(&format!("{clear}host = \"{host}\"\n{login}"), Some("CANARY"));
        assert_eq!(status, 0, "{said}");
        assert!(!said.contains("in the clear"), "{said}");
    }
    let authority = Authority::new();
    let tls = format!(
        "[mail.smtp]\nhost = \"smtp.example.com\"\n{login}ca_file = \"{}\"\n",
        authority.file().display()
    );
    let (status, said) = check(&tls, Some("CANARY"));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("mail.from"), "the default sender is not warned of: {said}");
}

#[test]
fn templates_are_tried_out_before_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let lines = format!("[mail]\ntemplates_path = \"{}\"", folder.path().display());
    let write = |name: &str, source: &str| std::fs::write(folder.path().join(name), source).unwrap();
    // What has none of our endings is none of our business.
    write("README.md", "{{");
    write("password_reset.txt", "Subject: x\n\n{{ token }}");
    let (status, said) = check(&lines, None);
    assert_eq!(status, 0, "{said}");
    write("password_reset.txt", "Subject: x\n\n{{ tokn }}");
    refused(&lines, None, &["password_reset.txt, line 3", "`tokn`", "token"]);
    write("password_reset.txt", "Subject: x\n\n{{ token }}");
    write("pasword_changed.txt", "Subject: x\n\n");
    refused(&lines, None, &["pasword_changed.txt", "did you mean `password_changed.txt`?"]);
}

/// What the gateway would start with.
fn settings(lines: &str) -> MailSettings {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, format!("[server]\n{lines}")).unwrap();
    let flags = Flags { store_path: Some("/srv/data".into()), ..Flags::default() };
    let environment = |name: &str| match name {
        "JWT_SECRET_KEY" => Some(ACCESS_KEY.to_owned()),
        "JWT_REFRESH_SECRET_KEY" => Some(REFRESH_KEY.to_owned()),
        _ => None,
    };
    let loaded = load(Some(file.path()), &flags);
    let checked =
        gateway_config::check(loaded, Secrets::read(&environment), KeyPolicy::LookOnly, &Limiters::default());
    checked.unwrap_or_else(|faults| panic!("{faults:#?}")).mail
}

#[test]
fn without_a_mail_server_mails_go_to_a_folder_of_the_store() {
    let Delivery::Outbox(outbox) = settings("").delivery else { panic!("there is a server") };
    assert_eq!((outbox.folder.as_path(), outbox.files_max), (Path::new("/srv/data/outbox"), 1_000));
    let other = settings("[mail]\noutbox_path = \"/srv/mails\"\noutbox_files_max = 5");
    let Delivery::Outbox(outbox) = other.delivery else { panic!("there is a server") };
    assert_eq!((outbox.folder.as_path(), outbox.files_max), (Path::new("/srv/mails"), 5));
}

#[test]
fn a_mail_server_is_spoken_to_at_the_port_of_its_kind_and_by_starttls_unless_asked_otherwise() {
    let authority = Authority::new();
    let tls = format!("ca_file = \"{}\"", authority.file().display());
    for (lines, security, port) in [
        (tls.clone(), Security::Starttls, 587),
        (format!("{tls}\nsecurity = \"tls\""), Security::Tls, 465),
        ("security = \"none\"".to_owned(), Security::None, 25),
        ("security = \"none\"\nport = 1025".to_owned(), Security::None, 1_025),
    ] {
        let mail = settings(&format!("[mail.smtp]\nhost = \"localhost\"\n{lines}"));
        let Delivery::Smtp(smtp) = mail.delivery else { panic!("there is no server") };
        assert_eq!((smtp.security, smtp.port), (security, port), "{lines}");
    }
}
