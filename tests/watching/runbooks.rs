//! The commands of the runbooks find what they are for: they are run as one pastes them, over what
//! gateways wrote to which just that happened.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::farm::Instance;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Client;
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;
use crate::support::{eventually, files_below, in_parallel, project};

/// What happens to no gateway here, and the words that must then be the program's own.
const NOT_PLAYED: [(&str, &str); 1] = [("takes no more writes", "gateway/crates/durable-sled/src/writer.rs")];

const FAILED: &str = "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno";

/// One page, and what it says.
struct Page {
    name: String,
    text: String,
}

impl Page {
    fn all() -> Vec<Self> {
        let files = files_below(&project().join("docs/runbooks")).into_iter();
        let page = |path: std::path::PathBuf| Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            text: std::fs::read_to_string(path).unwrap(),
        };
        files.map(page).collect()
    }

    /// The lines that one pastes.
    fn pasted(&self) -> impl Iterator<Item = &str> {
        let blocks = self.text.split("```console\n").skip(1);
        blocks.flat_map(|block| block.split("```").next().unwrap().lines())
    }

    /// What stands between backticks in its sentences.
    fn quoted(&self) -> Vec<String> {
        let sentences = self.text.split("```").step_by(2);
        let quoted = sentences.flat_map(|text| text.split('`').skip(1).step_by(2));
        quoted.map(str::to_owned).collect()
    }

    /// What a shell must know before the others: functions and variables.
    fn definitions(&self) -> String {
        let is = |line: &&str| line.contains("() {") || line.starts_with(|c: char| c.is_ascii_uppercase());
        self.pasted().filter(is).collect::<Vec<_>>().join("\n")
    }

    /// What can be asked of a gateway here.
    fn commands(&self) -> Vec<String> {
        let asks = |line: &str| {
            let ours = line.starts_with("gateway ") && line.contains("$CONFIG");
            line.starts_with("lines |") || ours || (line.starts_with("curl ") && line.contains("$OPS"))
        };
        let quoted = self.quoted().into_iter().filter(|text| text.starts_with("lines |"));
        let all = self.pasted().filter(|line| asks(line)).map(str::to_owned).chain(quoted);
        // The account that somebody looks into: any.
        all.map(|command| command.replace("== ID", "!= null")).collect()
    }
}

/// A shell on the gateway's machine, with what the pages take for granted in it.
struct Shell<'a> {
    gateway: &'a Gateway,
    granted: String,
}

impl<'a> Shell<'a> {
    fn new(gateway: &'a Gateway, log: &Path, granted: &Page) -> Self {
        let changes = [
            ("http://127.0.0.1:9090", format!("http://{}", gateway.operations)),
            ("/etc/gateway/gateway.toml", gateway.config().display().to_string()),
            ("journalctl -u gateway -o cat --since '15 min ago'", format!("cat {}", log.display())),
        ];
        let definitions = granted.definitions();
        let granted = changes.into_iter().fold(definitions, |text, (before, after)| {
            assert!(text.contains(before), "{before} is not in {text}");
            text.replace(before, &after)
        });
        Self { gateway, granted }
    }

    /// What is wrong with the answer to this command, if anything is.
    fn complaint(&self, page: &Page, command: &str) -> Option<String> {
        let ours = self.gateway.command(&[]);
        let environment = ours.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let script = format!(
            "set -o pipefail\ngateway() {{ \"$BINARY\" \"$@\"; }}\n{}\n{}\n{command}",
            self.granted,
            page.definitions()
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .env_clear()
            .envs(environment)
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("BINARY", ours.get_program())
            .output()
            .unwrap();
        let [said, complained] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).trim().to_owned());
        let found = !["", "0", "null", "{}"].contains(&said.as_str()) || !command.contains('|');
        let sound = output.status.success() && found && (complained.is_empty() || !command.contains("lines"));
        (!sound).then(|| format!("{}: {command}\n  {}: {said}\n  {complained}", page.name, output.status))
    }
}

/// Everything that the pages look for but a Redis that is away: on one gateway.
fn troubled(redis: &Redis, around: &(Upstream, Upstream, Upstream, Instance)) -> Gateway {
    let (good, bad, slow, ill) = around;
    ill.ill(true);
    let issuer = "[[issuers]]\nname = \"gone\"\nissuer = \"http://127.0.0.1:1\"\naudience = [\"x\"]\njwks_url = \"http://127.0.0.1:1/keys\"\ndanger_allow_http = true\n";
    let mail = "[mail.smtp]\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\n";
    let upstream = format!(
        "[[upstreams]]\nname = \"ill\"\nservers = [{{ address = \"{}\" }}]\nhealth = {{ path = \"/healthz\", interval_ms = 50, unhealthy_after = 1 }}\n",
        ill.address
    );
    let setup = Setup::before(good.address)
        .upstream("bad", &bad.address.to_string())
        .upstream("slow", &slow.address.to_string())
        .config(&upstream)
        .route("bad", "/bad", "bad", "auth = \"public\"")
        .route("slow", "/slow", "slow", "auth = \"public\"")
        .route("ill", "/ill", "ill", "auth = \"public\"")
        .route("few", "/few", "todo", "user_limit = { requests = 1, window_seconds = 600 }")
        .config(issuer)
        .config(mail)
        .redis(&redis.url())
        .env("GATEWAY__REFRESH__GRACE_SECONDS", "0")
        .env("GATEWAY__PASSWORD__THREADS", "1")
        .env("GATEWAY__PASSWORD__QUEUE", "2");
    let gateway = setup.clone().start();
    suffer(&gateway);
    assert!(!gateway.reload(&setup.clone().config("[nonsense]")));
    assert!(gateway.reload(&setup));
    gateway
}

fn suffer(gateway: &Gateway) {
    let (client, ada) = (gateway.client(), gateway.user());
    for path in ["/bad", "/slow"] {
        client.get(path).send();
    }
    for _ in 0..2 {
        ada.get("/few");
    }
    client.get("/api/todos").bearer("forged").send();
    assert_eq!(ada.refresh(&ada.refresh, true).status, 200);
    eventually("the old one is a replay", || ada.refresh(&ada.refresh, true).status == 401);
    assert_eq!(gateway.forgets(&ada.email).status, 202);
    // One guess would do, had the page not been made for many.
    let guess = |client: &Client| {
        let wrong = json!({"email": fresh_email(), "password": "CANARY-Guess-1"});
        client.post("/api/auth/login").json(&wrong).send().status
    };
    let guesses = (0..21).map(|_| guess(&client)).filter(|status| *status == 401);
    assert_eq!(guesses.count(), 21);
    let right = json!({"email": ada.email, "password": PASSWORD});
    assert_eq!(client.post("/api/auth/login").json(&right).send().status, 200);
    eventually("some are shed", || in_parallel(8, |_| guess(&client)).contains(&503));
    for words in
        ["could not be delivered", "the keys of an issuer cannot be fetched", "fails its health checks"]
    {
        gateway.line(words);
    }
}

/// Requests pass while Redis is away, as configured.
fn open(mut redis: Redis, upstream: &Upstream) -> Gateway {
    let setup = Setup::before(upstream.address).redis(&redis.url()).env("GATEWAY__REDIS__FAIL", "open");
    let gateway = setup.start();
    let ada = gateway.user();
    redis.kill();
    eventually("it passes unchecked", || {
        ada.get("/api/todos").status == 200 && gateway.log().contains("pass without a check")
    });
    gateway
}

#[test]
fn each_command_of_a_runbook_finds_what_it_is_for() {
    let slow = Upstream::that_takes(Duration::from_millis(600));
    let around = (Upstream::start(), Upstream::answering(FAILED), slow, Instance::start("a"));
    let mut redis = Redis::start();
    let gateway = troubled(&redis, &around);
    let passing = open(Redis::start(), &around.0);
    redis.kill();
    gateway.line("revocations cannot be checked");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::write(&log, gateway.log() + &passing.log()).unwrap();

    let pages = Page::all();
    let granted = pages.iter().find(|page| page.name == "README").unwrap();
    let shell = Shell::new(&gateway, &log, granted);
    let commands =
        pages.iter().flat_map(|page| page.commands().into_iter().map(move |command| (page, command)));
    let played: Vec<_> = commands
        .filter(|(_, command)| !NOT_PLAYED.iter().any(|(words, _)| command.contains(words)))
        .collect();
    assert!(played.len() > 25, "{}", played.len());
    let complaints: Vec<_> =
        played.iter().filter_map(|(page, command)| shell.complaint(page, command)).collect();
    assert!(complaints.is_empty(), "{} find nothing:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn what_is_not_played_here_is_said_by_the_program_in_these_words() {
    for (words, file) in NOT_PLAYED {
        assert!(std::fs::read_to_string(project().join(file)).unwrap().contains(words), "{file}: {words}");
    }
}

#[test]
fn each_command_of_ours_says_whose_store_it_is_about() {
    for page in Page::all() {
        let quoted = page.quoted();
        let commands = page.pasted().chain(quoted.iter().map(String::as_str));
        for command in commands.filter(|text| text.starts_with("gateway ") && text.contains(" --")) {
            assert!(command.contains("--config ") || command.contains("--data "), "{}: {command}", page.name);
        }
    }
}
