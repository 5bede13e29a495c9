//! Where a configuration comes from: a file, a pipe, standard input, or nowhere. What was written is
//! read once, and never taken for nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup, command, finish, run};
use crate::support::upstream::Upstream;

const BROKEN: &str = "[server]\nlistn = \"x\"\n";
const SOUND: &str = "[server]\nlisten = \"127.0.0.1:0\"\n";

/// A command of the binary whose `--config FILE` is what the shell makes of `from`, with this text
/// in `$TEXT`.
fn by_shell(arguments: &str, from: &str, text: &str) -> (i32, String) {
    let mut shell = Command::new("bash");
    shell.env_clear().env("GATEWAY", command().get_program()).env("TEXT", text);
    shell.arg("-c").arg(format!("\"$GATEWAY\" {arguments} --config {from}"));
    let (status, out, err) = finish(shell);
    (status, out + &err)
}

#[test]
fn a_configuration_from_a_pipe_is_read_like_a_file() {
    for from in [
        "<(printf %s \"$TEXT\")",
        "- <<< \"$TEXT\"",
        "/dev/stdin <<< \"$TEXT\"",
        "- < <(printf %s \"$TEXT\")",
    ] {
        let (status, said) = by_shell("check", from, BROKEN);
        assert_eq!(status, 78, "{from}: {said}");
        assert!(said.contains("`server.listn` is no setting; did you mean `listen`?"), "{from}: {said}");
        let (status, said) = by_shell("check", from, "[server\n");
        assert_eq!(status, 78, "{from}: {said}");
        assert!(said.contains(":1: no TOML"), "{from}: {said}");
        let (status, said) = by_shell("check", from, SOUND);
        assert_eq!(status, 0, "{from}: {said}");
        assert!(said.contains("can be started"), "{from}: {said}");
        for other in ["serve", "explain GET /", "keys list", "user list", "keys rotate"] {
            let (status, said) = by_shell(other, from, BROKEN);
            assert!(status != 0 && said.contains("`server.listn`"), "{other} {from}: {status} {said}");
        }
    }
    let (_, said) = by_shell("check", "- <<< \"$TEXT\"", BROKEN);
    assert!(said.contains("standard input:2: `server.listn`"), "{said}");
}

#[test]
fn a_file_that_says_nothing_is_not_taken_for_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let environment = [("GATEWAY__STORE__PATH", data.to_str().unwrap())];
    for text in ["", "\n\n", "# listen = \"127.0.0.1:8080\"\n", "\u{feff}# [server]\n"] {
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        for arguments in
            [&["check"][..], &["serve"], &["explain", "GET", "/"], &["keys", "list"], &["user", "list"]]
        {
            let all: Vec<_> = arguments.iter().copied().chain(["--config", file]).collect();
            let (status, _, said) = run(&all, &environment);
            assert_eq!(status, 78, "{arguments:?} {text:?}: {said}");
            assert!(said.contains(&format!("{file}: says nothing")), "{said}");
            assert!(said.contains("leave --config out"), "{said}");
        }
    }
    assert!(!data.exists());
    assert_eq!(run(&["check", "--config", "/dev/null"], &environment).0, 78);
}

#[test]
fn no_configuration_means_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let environment = [("GATEWAY__STORE__PATH", data.to_str().unwrap())];
    let (status, said, _) = run(&["check"], &environment);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("the defaults: can be started"), "{said}");
    let (status, _, said) = run(&["check"], &[("GATEWAY__SERVER__LISTEN", "x")]);
    assert_eq!(status, 78, "{said}");
    let gateway = Setup::unwritten().start();
    assert_eq!(gateway.client().get("/nowhere").send().status, 404);
    assert!(gateway.reload_again(), "{}", gateway.log());
}

/// One whose configuration came through standard input.
fn piped(upstream: &Upstream) -> Gateway {
    let setup = Setup::before(upstream.address).piped();
    let gateway = setup.start();
    assert_eq!(gateway.user().get("/api/todos").status, 200);
    gateway
}

#[test]
fn a_configuration_that_cannot_be_read_again_stays_and_a_reload_says_why() {
    let upstream = Upstream::start();
    let gateway = piped(&upstream);
    assert!(!gateway.reload_again());
    gateway.says("reload refused: the configuration came from standard input, which can be read once");
    assert_eq!(gateway.user().get("/api/todos").status, 200);
}

#[test]
fn another_binary_takes_over_only_where_the_configuration_can_be_read_again() {
    let upstream = Upstream::start();
    let gateway = piped(&upstream);
    gateway.signal(Signal::USR2);
    gateway.says("the configuration came from standard input, which can be read once");
    assert_eq!(gateway.user().get("/api/todos").status, 200);
    assert_eq!(gateway.log().matches("\"message\":\"listening\"").count(), 1);
}

/// A file that is a named pipe from now on: whoever opened it would wait for ever.
fn becomes_a_pipe(path: &std::path::Path) {
    std::fs::remove_file(path).unwrap();
    let made = Command::new("mkfifo").arg(path).stdin(Stdio::null()).status().unwrap();
    assert!(made.success());
}

#[test]
fn a_named_pipe_does_not_hang_a_reload() {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), Upstream::start());
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "CANARY-legacy-secret-8c1d7f3a5e0b9264-CANARY").unwrap();
    let file = ("LEGACY_JWT_SECRET_KEY_FILE", secret.to_str().unwrap());
    let gateway = Setup::before(upstream.address).env(file.0, file.1).start();
    let written = std::fs::read_to_string(gateway.config()).unwrap();
    becomes_a_pipe(gateway.config());
    assert!(!gateway.reload_again());
    gateway.says("gateway.toml is no plain file");
    std::fs::remove_file(gateway.config()).unwrap();
    std::fs::write(gateway.config(), written).unwrap();
    assert!(gateway.reload_again(), "{}", gateway.log());
    becomes_a_pipe(&secret);
    assert!(!gateway.reload_again());
    gateway.says("LEGACY_JWT_SECRET_KEY_FILE names");
    assert_eq!(gateway.user().get("/api/todos").status, 200);
    eventually("it goes on", || gateway.ready().status == 200);
}

#[test]
fn a_relative_store_lies_beside_the_configuration_that_names_it() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = place.path().join("gateway.toml");
    std::fs::write(&config, "[store]\npath = \"data\"\n").unwrap();
    let from = |verb: &[&str], folder: &Path| {
        let mut command = command();
        command.args(verb).arg("--config").arg(&config).current_dir(folder);
        finish(command)
    };
    let (_, _, said) = from(&["user", "list"], elsewhere.path());
    let beside = place.path().join("data");
    assert!(said.contains(&format!("{}: there is no store here", beside.display())), "{said}");
    // Where one lies as it was looked for before, nobody shall begin with an empty one.
    drop(Setup::new("").data(&elsewhere.path().join("data")).start());
    let (status, _, said) = from(&["check"], elsewhere.path());
    assert_eq!(status, 78, "{said}");
    let there = elsewhere.path().join("data");
    assert!(said.contains(&format!("write store.path = \"{}\"", there.display())), "{said}");
}

#[test]
fn a_start_says_which_store_it_has_and_since_when() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut gateway = Setup::new("").data(&data).start();
    gateway.says("a new store was made, without any account");
    gateway.terminate();
    let again = Setup::new("").data(&data).start();
    again.says("the store was opened");
    let log = again.log();
    let line = log.lines().find(|line| line.contains("the store was opened")).unwrap();
    assert!(line.contains(data.to_str().unwrap()) && line.contains("since"), "{line}");
}
