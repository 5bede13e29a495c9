//! It starts and says so, or it does not start and says why.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::support::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD, Gateway, Setup, command, drain, run};
use crate::support::http::Client;
use crate::support::people::PASSWORD;
use crate::support::upstream::Upstream;
use crate::support::{eventually, files_below};

fn mode(path: impl AsRef<Path>) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Keys of its own instead of those of the tests.
fn own_keys(setup: Setup) -> Setup {
    setup.env("JWT_SECRET_KEY", "").env("JWT_REFRESH_SECRET_KEY", "")
}

/// No administrator from the environment.
fn nobody_named(setup: Setup) -> Setup {
    setup.env("GATEWAY_ADMIN_EMAIL", "").env("GATEWAY_ADMIN_PASSWORD", "")
}

fn log_in_status(gateway: &Gateway, email: &str, password: &str) -> u16 {
    let body = json!({"email": email, "password": password});
    gateway.client().post("/api/auth/login").json(&body).send().status
}

#[test]
fn one_line_on_standard_output_says_where_it_listens() {
    for setup in [Setup::new(""), Setup::demo()] {
        let mut gateway = setup.start();
        assert_eq!(gateway.client().get("/nowhere").send().status, 404);
        assert_eq!(gateway.ready().status, 200);
        assert_eq!(gateway.terminate().code(), Some(0));
        assert_eq!(drain(&mut gateway), "", "standard output has one line only");
    }
}

#[test]
fn a_taken_port_is_a_clear_error_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let free = "127.0.0.1:0";
    for (listen, ops) in [(address.as_str(), free), (free, address.as_str())] {
        let serve = ["serve", "--listen", listen, "--ops", ops];
        let demo = ["demo", "--data", data, "--listen", listen, "--ops", ops];
        for arguments in [&serve[..], &demo[..]] {
            let (status, out, said) = run(arguments, &[("GATEWAY__STORE__PATH", data)]);
            assert_eq!((status, out.as_str()), (1, ""), "{said}");
            assert!(said.contains(&format!("cannot listen on {address}: the port is taken")), "{said}");
            let all = said.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
            assert!(all, "what reads the log stumbles: {said}");
        }
    }
}

#[test]
fn two_listeners_on_one_port_are_refused() {
    let port = crate::support::free_port();
    let address = format!("127.0.0.1:{port}");
    let folder = tempfile::tempdir().unwrap();
    let (status, _, said) = run(
        &["serve", "--listen", &address, "--ops", &address],
        &[("GATEWAY__STORE__PATH", folder.path().to_str().unwrap())],
    );
    assert_eq!(status, 78, "{said}");
    assert!(said.contains(&format!("operations.listen = \"{address}\" is taken by server.listen")), "{said}");
}

#[test]
fn the_first_line_of_the_log_says_what_starts_and_by_which_configuration() {
    let gateway = Setup::new("").start();
    let log = gateway.log();
    let first = log.lines().next().unwrap();
    let file = gateway.config().to_str().unwrap();
    assert!(first.contains("the gateway is starting") && first.contains(file), "{first}");
    assert!(first.contains(env!("CARGO_PKG_VERSION")), "{first}");
}

#[test]
fn another_system_user_is_told_once_whose_the_store_is() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    own_keys(Setup::new("")).data(&data).start();
    // The way to it is open, and it is not.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    for closed in [data.as_path(), folder.path()] {
        std::fs::set_permissions(closed, PermissionsExt::from_mode(0o700)).unwrap();
        let failed = own_keys(Setup::new("")).data(&data).unprivileged().try_start().err().unwrap();
        let expected = format!("{} belongs to `root`, and this is `nobody`", closed.display());
        assert!(failed.stderr.contains(&expected), "{}", failed.stderr);
        assert!(failed.stderr.contains("sudo -u root") && failed.stderr.contains("1 fault found"));
    }
}

#[test]
fn another_password_for_an_administrator_who_is_there_is_said_to_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = "GATEWAY_ADMIN_EMAIL and GATEWAY_ADMIN_PASSWORD change nothing";
    let mut first = Setup::new("").data(&data).start();
    assert!(!first.log().contains(said), "{}", first.log());
    first.terminate();
    let other = "CANARY-Another-Password-2";
    let mut again = Setup::new("").data(&data).env("GATEWAY_ADMIN_PASSWORD", other).start();
    again.says(said);
    assert_eq!(log_in_status(&again, ADMIN_EMAIL, other), 401);
    assert_eq!(log_in_status(&again, ADMIN_EMAIL, ADMIN_PASSWORD), 200);
    again.terminate();
    let unnamed = nobody_named(Setup::new("")).data(&data).start();
    assert!(!unnamed.log().contains(said), "{}", unnamed.log());
}

#[test]
fn a_data_folder_is_locked_against_a_second_gateway() {
    let first = Setup::new("").start();
    let Err(failed) = Setup::new("").data(&first.data).try_start() else { panic!("two on one folder") };
    assert_eq!(failed.status.code(), Some(1));
    let expected = format!("the store in {} is in use by another process", first.data.display());
    assert!(failed.stderr.contains(&expected), "{}", failed.stderr);
    let (status, _, said) = run(&["store", "export", "--data", first.data.to_str().unwrap()], &[]);
    assert_eq!(status, 1);
    assert!(said.contains("is in use by another process"), "{said}");
    assert_eq!(first.client().get("/nowhere").send().status, 404, "the first one goes on");
}

#[test]
fn keys_are_made_once_private_and_reused() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let setup = || own_keys(Setup::before(upstream.address)).data(&data);
    let mut first = setup().start();
    let ada = first.user();
    assert_eq!(mode(&data), 0o700);
    for key in ["access.key", "refresh.key"] {
        assert_eq!(mode(data.join(key)), 0o600);
        assert!(std::fs::read(data.join(key)).unwrap().len() >= 32);
    }
    first.terminate();
    let second = setup().start();
    let known = second.client().get("/api/todos").bearer(&ada.access).send();
    assert_eq!(known.status, 200, "{}", known.text());
    let renewed = json!({"refresh_token": ada.refresh});
    assert_eq!(second.client().post("/api/auth/refresh").json(&renewed).send().status, 200);
}

#[test]
fn the_folders_are_private_and_so_is_each_file_with_an_account() {
    let gateway = own_keys(Setup::demo()).start();
    gateway.user().request("POST", "/api/todos").json(&json!({"title": "t"})).send();
    for folder in [gateway.data.clone(), gateway.data.join("gateway"), gateway.data.join("todos")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for file in files_below(&gateway.data.join("gateway")) {
        assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    own_keys(Setup::new("")).data(&data).start();
    for (key, bits) in [("access.key", 0o640), ("refresh.key", 0o604)] {
        let key = data.join(key);
        std::fs::set_permissions(&key, PermissionsExt::from_mode(bits)).unwrap();
        let Err(failed) = own_keys(Setup::new("")).data(&data).try_start() else { panic!("it started") };
        assert_eq!(failed.status.code(), Some(78));
        assert!(failed.stderr.contains(&format!("chmod 600 {}", key.display())), "{}", failed.stderr);
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    }
    own_keys(Setup::new("")).data(&data).start();
}

#[test]
fn the_first_administrator_comes_from_the_environment_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Setup::new("").data(folder.path()).start();
    assert_eq!(first.admin().get("/api/auth/users").status, 200);
    first.terminate();
    let other = Setup::new("")
        .data(folder.path())
        .env("GATEWAY_ADMIN_EMAIL", "second@example.com")
        .env("GATEWAY_ADMIN_PASSWORD", "CANARY-Second-1");
    let second = other.start();
    assert_eq!(log_in_status(&second, "second@example.com", "CANARY-Second-1"), 401);
    assert_eq!(log_in_status(&second, ADMIN_EMAIL, ADMIN_PASSWORD), 200, "the first one stays");
}

#[test]
fn an_existing_user_is_never_promoted() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = nobody_named(Setup::new("").data(folder.path())).start();
    let body = json!({"email": ADMIN_EMAIL, "password": PASSWORD});
    assert_eq!(before.client().post("/api/auth/register").json(&body).send().status, 201);
    before.terminate();
    let Err(failed) = Setup::new("").data(folder.path()).try_start() else { panic!("it started") };
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("It is not promoted"), "{}", failed.stderr);
    assert!(failed.stderr.contains("GATEWAY_ADMIN_EMAIL"), "{}", failed.stderr);
    let after = nobody_named(Setup::new("").data(folder.path())).start();
    assert_eq!(after.log_in(ADMIN_EMAIL, PASSWORD).get("/api/auth/users").status, 403);
}

#[test]
fn one_half_of_the_first_administrator_is_a_fault() {
    for name in ["GATEWAY_ADMIN_EMAIL", "GATEWAY_ADMIN_PASSWORD"] {
        let Err(failed) = Setup::new("").env(name, "").try_start() else { panic!("it started") };
        assert_eq!(failed.status.code(), Some(78));
        assert!(failed.stderr.contains("belong together"), "{}", failed.stderr);
    }
}

/// The administrator's line of the demo: address and password.
fn shown(gateway: &Gateway) -> Option<(String, String)> {
    // What is said after the introduction: our reader of the log may be behind.
    eventually("it introduced itself", || gateway.log().contains("\"listening\""));
    let log = gateway.log();
    let line = log.lines().find(|line| line.trim_start().starts_with("Administrator"))?;
    let mut words = line.split_ascii_whitespace().skip(1);
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

#[test]
fn the_demo_shows_a_random_administrator_once_and_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = nobody_named(Setup::demo().data(folder.path())).start();
    let (email, password) = shown(&first).expect("a password is shown");
    assert_eq!(first.log_in(&email, &password).get("/api/auth/users").status, 200);
    for (about, said) in [("no TLS", true), ("built without optimisation", cfg!(debug_assertions))] {
        assert_eq!(first.log().contains(about), said, "{about}: {}", first.log());
    }
    first.terminate();
    let second = nobody_named(Setup::demo().data(folder.path())).start();
    assert!(shown(&second).is_none() && !second.log().contains(&password), "{}", second.log());
    assert_eq!(log_in_status(&second, &email, &password), 200);
    let elsewhere = nobody_named(Setup::demo()).start();
    assert_ne!(shown(&elsewhere).unwrap().1, password, "it is random");
}

#[test]
fn a_demo_that_could_not_start_shows_its_administrator_later() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (listen, data) = (taken.local_addr().unwrap().to_string(), folder.path().to_str().unwrap());
    let (status, _, said) = run(&["demo", "--listen", &listen, "--ops", "127.0.0.1:0", "--data", data], &[]);
    assert_eq!(status, 1, "{said}");
    let gateway = nobody_named(Setup::demo().data(folder.path())).start();
    let (email, password) = shown(&gateway).expect("a password is shown");
    assert_eq!(log_in_status(&gateway, &email, &password), 200);
}

#[test]
fn the_demo_says_what_to_try_and_the_lines_work_as_printed() {
    let mut gateway = nobody_named(Setup::demo()).start();
    shown(&gateway).expect("the administrator is shown");
    let log = gateway.log();
    let lines: Vec<_> =
        log.lines().filter(|line| line.starts_with("curl ") || line.starts_with("TOKEN=")).collect();
    assert!(lines.len() >= 5, "{log}");
    let output = std::process::Command::new("bash")
        .args(["-c", &lines.join("\n")])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let statuses: Vec<_> = said.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["401", "201", "201", "200", "200", "401"], "{said}");
    assert_eq!(gateway.terminate().code(), Some(0));
}

#[test]
fn the_help_of_each_command_names_its_options() {
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--help"], &["demo", "serve", "check", "store", "Usage:", "Try it: gateway demo"]),
        (&["demo", "--help"], &["--listen", "--ops", "--data", "[default: demo-data]"]),
        (&["serve", "--help"], &["--config", "--listen", "--ops"]),
        (&["check", "--help"], &["--config"]),
        (&["store", "--help"], &["export", "import"]),
        (&["store", "export", "--help"], &["--data"]),
        (&["store", "import", "--help"], &["--data", "<FILE>"]),
    ];
    for (arguments, needles) in cases {
        let (status, help, said) = run(arguments, &[]);
        assert_eq!((status, said.as_str()), (0, ""), "{arguments:?}");
        for needle in needles {
            assert!(help.contains(needle), "{arguments:?} lacks {needle}: {help}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{arguments:?}: {help}");
    }
    let (status, version, _) = run(&["--version"], &[]);
    assert_eq!((status, version.trim()), (0, concat!("gateway ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn wrong_usage_ends_with_two_and_says_what_is_missing() {
    let cases: [(&[&str], &str); 5] = [
        (&[], "Usage:"),
        (&["keys", "list"], "--config <FILE>"),
        (&["bogus"], "unrecognized subcommand 'bogus'"),
        (&["serve", "--confg", "x"], "--config"),
        (&["store", "import", "--data", "x"], "<FILE>"),
    ];
    for (arguments, expected) in cases {
        let (status, out, said) = run(arguments, &[]);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?} {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

/// A failed wait leaves nothing running either.
struct KilledOnDrop(std::process::Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn readers_that_closed_its_output_do_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let address = format!("127.0.0.1:{}", crate::support::free_port());
    let more = ["--ops", "127.0.0.1:0", "--listen", &address];
    for start in [&["serve"][..], &["demo", "--data", data]] {
        let child = command()
            .args(start.iter().copied().chain(more))
            .env("GATEWAY__STORE__PATH", folder.path().join("gateway"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = KilledOnDrop(child.unwrap());
        drop((child.0.stdout.take(), child.0.stderr.take()));
        eventually("it listens", || {
            assert!(child.0.try_wait().unwrap().is_none(), "it ended by itself");
            let client = Client::new(address.parse().unwrap());
            client.get("/nowhere").try_send().is_ok_and(|reply| reply.status == 404)
        });
    }
}
