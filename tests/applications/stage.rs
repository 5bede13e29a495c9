//! An application behind the gateway that its example configures, and what its clients need to get there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD, Gateway, Setup};
use crate::support::http::Client;
use crate::support::project;

/// The name under which the applications are reached. It is nobody's: the clients take it for loopback.
pub(super) const HOST: &str = "apps.example.com";
/// The address that the examples are written with.
const SERVICE: &str = "127.0.0.1:3000";

/// `conf/examples/applications`.
pub(super) fn examples() -> PathBuf {
    project().join("conf/examples/applications")
}

/// A file beside the tests of this chapter.
pub(super) fn beside(name: &str) -> PathBuf {
    project().join("tests/applications").join(name)
}

/// A gateway before an application.
pub(super) struct Stage {
    pub(super) gateway: Gateway,
    authority: Authority,
}

impl Stage {
    /// As the application's example has it, with a listener for HTTPS.
    pub(super) fn before(application: &str, service: SocketAddr) -> Self {
        Self::changed(application, service, |example| example)
    }

    pub(super) fn changed(
        application: &str,
        service: SocketAddr,
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let example = std::fs::read_to_string(examples().join(format!("{application}.toml"))).unwrap();
        assert!(example.contains(SERVICE), "{example}");
        let example = change(example.replace(SERVICE, &service.to_string()));
        let authority = Authority::new();
        let certified = authority.certify("applications", &[HOST, "127.0.0.1"]);
        let listener = crate::listening::https(&[&certified], "");
        let gateway = Setup::new(&example).config(&listener).start();
        Self { gateway, authority }
    }

    pub(super) fn port(&self) -> u16 {
        self.gateway.further[0].port()
    }

    /// `apps.example.com:12345`.
    pub(super) fn place(&self) -> String {
        format!("{HOST}:{}", self.port())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.place())
    }

    pub(super) fn authority_file(&self) -> PathBuf {
        self.authority.file()
    }

    /// A program of Python or Node that finds the gateway, and believes its certificate.
    pub(super) fn finds_it(&self, mut command: Command) -> Command {
        let authority = self.authority_file();
        command
            .env("PYTHONPATH", beside("finds_it"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SSL_CERT_FILE", &authority)
            .env("REQUESTS_CA_BUNDLE", &authority)
            .env("NODE_OPTIONS", format!("--require={}", beside("finds_it/loopback.js").display()))
            .env("NODE_EXTRA_CA_CERTS", &authority);
        command
    }

    /// A client in Python, with the URL of the application and a user's token: what it found out, the
    /// last line that it prints.
    pub(super) fn client(&self, python: Command, script: &str, path: &str, token: &str) -> Value {
        let mut command = self.finds_it(python);
        command.arg(beside(script)).env("URL", self.url(path)).env("TOKEN", token);
        let said = succeeded(command.output().unwrap());
        let line = said.lines().last().unwrap_or_else(|| panic!("{script} says nothing"));
        serde_json::from_str(line).unwrap_or_else(|_| panic!("{script}: {said}"))
    }

    /// The administrator in a browser, signed in by cookie: what the scripts came to.
    pub(super) fn browse(&self, steps: &[Step<'_>]) -> Vec<Value> {
        let who = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}).to_string();
        let login = format!(
            "fetch('/api/auth/login?mode=cookie', {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: JSON.stringify({who})}}).then((answer) => answer.status)"
        );
        let mut all = vec![json!({"go": self.url("/api/auth/profile")}), json!({"run": login})];
        all.extend(steps.iter().map(|step| match step {
            Go(path) => json!({"go": self.url(path)}),
            Run(script) => json!({"run": format!("{VERBS}\n{script}")}),
        }));
        let mut results = crate::cookies::browser::browse(&all);
        assert_eq!(results.remove(0), 200, "signed in");
        results
    }

    /// Nobody gets in, and the application is not asked.
    #[track_caller]
    pub(super) fn refuses_strangers(&self, path: &str) {
        let reply = self.gateway.client().get(path).send();
        assert_eq!((reply.status, reply.code().as_str()), (401, "token_missing"));
    }
}

/// Of somebody in a browser: to a page, or a script in it.
pub(super) enum Step<'a> {
    Go(&'a str),
    Run(&'a str),
}
pub(super) use Step::{Go, Run};

/// For scripts in a page: waits for what the page is to come to; and fetches all that a page refers to.
const VERBS: &str = "
var until = (asked) => new Promise((told, failed) => {
  const deadline = Date.now() + 100000;
  const look = () => {
    const found = asked();
    if (found) told(found);
    else if (Date.now() > deadline) failed(new Error(document.body.innerText));
    else setTimeout(look, 50);
  };
  look();
});
var shows = (words) => until(() => document.body.innerText.includes(words));
var whole = async (address) => {
  const page = await fetch(address);
  const read = new DOMParser().parseFromString(await page.text(), 'text/html');
  const parts = [...read.querySelectorAll('script[src], link[href]:not([rel=manifest])')];
  const addresses = parts.map((part) => new URL(part.getAttribute('src') ?? part.getAttribute('href'), page.url).href);
  const broken = [];
  for (const one of addresses) if (!(await fetch(one)).ok) broken.push(one);
  return { title: read.title, parts: addresses.length, broken };
};";

/// What a program said that ended well.
#[track_caller]
pub(super) fn succeeded(output: Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{said}", output.status);
    out
}

/// What a program said that did not.
#[track_caller]
pub(super) fn failed(output: Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(!output.status.success(), "{}", text(&output.stdout));
    text(&output.stdout) + &text(&output.stderr)
}

/// Whether a service answers at all, whatever it is.
pub(super) fn answers(address: SocketAddr, path: &str) -> bool {
    Client::new(address).get(path).try_send().is_ok_and(|reply| reply.status < 500)
}
