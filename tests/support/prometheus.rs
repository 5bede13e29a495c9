//! Debian's Prometheus on a free port, with our rules; gone when dropped.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::http::Client;
use super::{eventually, project};

/// Seconds between two scrapes, and what one may take: more than a busy machine needs, since a scrape
/// that came too late looks like a gateway that is down.
pub const SCRAPE_SECONDS: u32 = 2;

/// A server that scrapes gateways.
pub struct Prometheus {
    process: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

/// One series of an answer, with its last value.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: serde_json::Map<String, Value>,
    pub value: f64,
}

/// An alert that is pending or firing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alert {
    pub job: String,
    pub name: String,
    pub severity: String,
    pub state: String,
}

/// The rules of the project: all but the tests of them and the configurations.
pub fn rule_files() -> Vec<PathBuf> {
    let folder = project().join("prometheus");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut rules: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "yml"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("\ngroups:"))
        .collect();
    rules.sort();
    assert!(rules.len() >= 2, "{rules:?}");
    rules
}

impl Prometheus {
    /// Scrapes these operations listeners, each as a job of its own.
    pub fn scraping(jobs: &[(&str, SocketAddr)]) -> Self {
        let folder = tempfile::Builder::new().prefix("prometheus").tempdir().unwrap();
        let configuration = folder.path().join("prometheus.yml");
        std::fs::write(&configuration, configured(jobs)).unwrap();
        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--log.format=json"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus is installed");
        let (address, log) = listening(&mut process);
        // Whoever does not read on stops it in the end.
        std::thread::spawn(move || log.lines().for_each(drop));
        let this = Self { process, address, _folder: folder };
        eventually("Prometheus is ready", || this.client().get("/-/ready").send().status == 200);
        this
    }

    fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Asks for the present. An error of the expression ends the test.
    #[track_caller]
    pub fn query(&self, expression: &str) -> Vec<Series> {
        let reply = self.client().get(&format!("/api/v1/query?query={}", escaped(expression))).send();
        assert_eq!(reply.status, 200, "{expression}: {}", reply.text());
        let data = &reply.json()["data"];
        let value = |sample: &Value| sample[1].as_str().unwrap().parse().unwrap();
        match data["resultType"].as_str().unwrap() {
            "scalar" => vec![Series { labels: serde_json::Map::new(), value: value(&data["result"]) }],
            _ => data["result"]
                .as_array()
                .unwrap()
                .iter()
                .map(|series| Series {
                    labels: series["metric"].as_object().unwrap().clone(),
                    value: value(&series["value"]),
                })
                .collect(),
        }
    }

    /// The one value of an expression; `None` where there is nothing.
    #[track_caller]
    pub fn value(&self, expression: &str) -> Option<f64> {
        let series = self.query(expression);
        assert!(series.len() <= 1, "{expression}: {series:?}");
        series.first().map(|series| series.value)
    }

    /// Waits until each job was scraped so often.
    pub fn has_scraped(&self, times: usize) {
        let seen = format!("min(count_over_time(up[10m]) and up == 1) >= {times}");
        eventually("all was scraped", || !self.query(&seen).is_empty());
    }

    /// Each rule, as it was read.
    pub fn rules(&self) -> Vec<Value> {
        let reply = self.client().get("/api/v1/rules").send().json();
        let groups = reply["data"]["groups"].as_array().unwrap().iter();
        groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }

    /// What is pending or firing.
    pub fn alerts(&self) -> Vec<Alert> {
        let reply = self.client().get("/api/v1/alerts").send().json();
        let mut alerts: Vec<_> = reply["data"]["alerts"].as_array().unwrap().iter().map(alert).collect();
        alerts.sort();
        alerts.dedup();
        alerts
    }
}

fn alert(alert: &Value) -> Alert {
    let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
    Alert {
        job: label("job"),
        name: label("alertname"),
        severity: label("severity"),
        state: alert["state"].as_str().unwrap().to_owned(),
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn configured(jobs: &[(&str, SocketAddr)]) -> String {
    let mut text = format!(
        "global: {{ scrape_interval: {SCRAPE_SECONDS}s, scrape_timeout: {SCRAPE_SECONDS}s, evaluation_interval: 1s }}\nrule_files:\n"
    );
    for file in rule_files() {
        text.push_str(&format!("  - {}\n", quoted(&file)));
    }
    text.push_str("scrape_configs:\n");
    for (job, address) in jobs {
        text.push_str(&format!(
            "  - job_name: {job}\n    static_configs: [{{ targets: [\"{address}\"] }}]\n"
        ));
    }
    text
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// It says itself which port it got.
fn listening(process: &mut Child) -> (SocketAddr, BufReader<std::process::ChildStderr>) {
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "prometheus ended: {said}");
        let parsed: Value = serde_json::from_str(&line).unwrap_or_default();
        if parsed["msg"] == "Listening on" {
            return (parsed["address"].as_str().unwrap().parse().unwrap(), log);
        }
        said.push_str(&line);
    }
}

/// As a query string has it (RFC 3986 §2.1).
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each = text
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    each.collect()
}
