//! Follows a guide: writes its files, runs its commands in one shell, and compares what it shows.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{blocks, project};
use crate::support::postgres::Postgres;
use crate::support::tools::with_own_folders;
use crate::support::{files_below, free_ports};

/// The ports that guides are written with.
const PORTS: [&str; 7] = ["8080", "9090", "8000", "3000", "3001", "8443", "8088"];

/// The database that guides are written with.
const WRITTEN_DATABASE: &str = "postgres://gateway:a%20password%20of%20your%20own@db.example.com/gateway";

/// The tree of guides and configurations, with the ports of this test.
fn place(folder: &Path, moved: &impl Fn(&str) -> String) {
    for below in ["docs/guides", "docs/proxies"] {
        for file in files_below(&project().join(below)) {
            let to = folder.join(file.strip_prefix(project()).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            let text = moved(&std::fs::read_to_string(file).unwrap());
            std::fs::write(to, with_own_folders(&text, folder)).unwrap();
        }
    }
}

/// The commands, with a wait behind each that goes on in the background: a person would have been
/// slower.
fn script(commands: &str, port: &impl Fn(&str) -> u16) -> String {
    let mut script = String::new();
    for line in commands.lines() {
        script.push_str(&format!("{line}\n"));
        let command = line.split(" # ").next().unwrap().trim_end();
        // `2>&1` ends with a digit.
        if let Some(command) = command.strip_suffix(" &") {
            let number = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
            let port = match () {
                () if command.contains("--listen") => {
                    let listen = command.split("--listen ").nth(1).unwrap().split(' ').next().unwrap();
                    listen.rsplit(':').next().unwrap().parse().unwrap()
                }
                () if command.contains("gateway serve") => port("8080"),
                () if command.contains("nginx") => port("8000"),
                () => number(command.split_whitespace().last().unwrap()).parse().unwrap(),
            };
            script.push_str(&format!(
                "for i in $(seq 200); do (: </dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.1; done\n"
            ));
        }
    }
    script
}

fn follow(guide: &str) {
    follow_with(guide, || None);
}

/// Where it speaks of a database, a new one for each try.
fn follow_with(guide: &str, database: impl Fn() -> Option<String>) {
    // Somebody else may take a port first: then it is followed again with others.
    let followed = (0..3).any(|_| try_to_follow(guide, database()));
    assert!(followed, "{guide}: each time a port was taken");
}

/// `false` when a port was taken meanwhile.
fn try_to_follow(guide: &str, database: Option<String>) -> bool {
    let now: [u16; PORTS.len()] = free_ports();
    let ports: Vec<(&str, u16)> = PORTS.into_iter().zip(now).collect();
    let port = |written: &str| ports.iter().find(|(port, _)| *port == written).unwrap().1;
    let moved = |text: &str| {
        // Numbers of their own first, so that a new port is not taken for a written one.
        let marked =
            PORTS.iter().fold(text.to_owned(), |text, port| text.replace(port, &format!("<<{port}>>")));
        ports.iter().fold(marked, |text, (port, now)| text.replace(&format!("<<{port}>>"), &now.to_string()))
    };
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &moved);
    let page = moved(&std::fs::read_to_string(project().join("docs/guides").join(guide)).unwrap());
    let (mut commands, mut shown) = (String::new(), Vec::new());
    for block in blocks(&page) {
        match block.words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["toml", "complete" | "followed", name] => {
                std::fs::write(folder.path().join(name), &block.text).unwrap()
            }
            ["console"] => commands.push_str(&block.text),
            ["text"] => shown.extend(block.text.lines().map(str::to_owned)),
            _ => {}
        }
    }
    let commands = database.iter().fold(commands, |commands, url| commands.replace(WRITTEN_DATABASE, url));
    let program = Path::new(env!("CARGO_BIN_EXE_gateway")).parent().unwrap();
    let tools = project().join("target/test-tools/venv/bin");
    let mut shell = Command::new("bash");
    shell
        .args(["-e", "-u", "-o", "pipefail", "-c", &script(&commands, &port)])
        .current_dir(folder.path())
        .env_clear()
        .env(
            "PATH",
            format!("{}:{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin", program.display(), tools.display()),
        )
        .env("GATEWAY__OPERATIONS__LISTEN", format!("127.0.0.1:{}", port("9090")))
        .stdin(Stdio::null())
        .process_group(0);
    let (out, said) = (folder.path().join("out"), folder.path().join("said"));
    shell.stdout(std::fs::File::create(&out).unwrap()).stderr(std::fs::File::create(&said).unwrap());
    let mut child = shell.spawn().unwrap();
    let status = child.wait().unwrap();
    // What it left in the background.
    if let Some(group) = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()) {
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
    }
    let out = std::fs::read_to_string(out).unwrap();
    let said = std::fs::read_to_string(said).unwrap();
    if ["port is taken", "EADDRINUSE", "in use"].iter().any(|taken| said.contains(taken)) {
        return false;
    }
    assert!(status.success(), "{guide}: {out}\n{said}");
    assert!(!shown.is_empty(), "{guide} shows nothing");
    let mut rest = out.as_str();
    for line in &shown {
        // In this order.
        let found = rest.find(line.as_str());
        let found = found.unwrap_or_else(|| panic!("{guide}: `{line}` was not shown: {out}\n{said}"));
        rest = &rest[found + line.len()..];
    }
    true
}

#[test]
fn one_service_is_protected_as_the_guide_says() {
    follow("one-service.md");
}

#[test]
fn https_is_spoken_and_renewed_as_the_guide_says() {
    follow("https.md");
}

#[test]
fn several_services_are_protected_by_host_as_the_guide_says() {
    follow("several-hosts.md");
}

#[test]
fn another_proxy_asks_as_the_guide_says() {
    follow("behind-a-proxy.md");
}

#[test]
fn one_gateway_becomes_two_as_the_guide_says() {
    let server = Postgres::shared();
    follow_with("two-gateways.md", || Some(server.database()));
}

#[test]
fn grafana_is_told_who_it_is_as_the_guide_says() {
    follow("grafana.md");
}

#[test]
fn a_flask_application_moves_with_its_accounts_as_the_guide_says() {
    follow("from-flask.md");
}
