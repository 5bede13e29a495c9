//! What runs: two services, Redis, the gateway before them, and Prometheus.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gateway_clock::{Clock as _, SystemClock};

use crate::support::authority::Authority;
use crate::support::farm::Instance;
use crate::support::gateway::{Gateway, Setup};
use crate::support::project;
use crate::support::prometheus::{Prometheus, SCRAPE_SECONDS};
use crate::support::redis::Redis;
use crate::support::todo_backend::TodoBackend;
use crate::support::upstream::Upstream;

/// The programs, in the order in which they are ended.
pub(crate) struct World {
    pub(crate) prometheus: Prometheus,
    pub(crate) gateway: Gateway,
    /// Where the gateway's log is kept.
    pub(crate) log: PathBuf,
    pub(crate) authority: Authority,
    /// One of the two servers of the reports; it can be made ill.
    pub(crate) reports: [Instance; 2],
    _slow: Upstream,
    _todos: TodoBackend,
    _redis: Redis,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("watch").tempdir().expect("a folder can be made");
        let (redis, todos) = (Redis::start(), TodoBackend::start(&folder.path().join("todos")));
        let reports = ["one", "two"].map(Instance::start);
        let slow = Upstream::that_takes(Duration::from_millis(80));
        let authority = Authority::new();
        // The bound of the alert is fourteen days.
        let certified = authority.certify_for_days("front", &["localhost"], 60);
        let [one, two] = reports.each_ref().map(|server| server.address);
        let gateway = Setup::new("")
            .redis(&redis.url())
            .upstream("todos", &todos.address.to_string())
            .upstream("exports", &slow.address.to_string())
            .config(&format!(
                "[[upstreams]]\nname = \"reports\"\nservers = [{{ address = \"{one}\" }}, {{ address = \"{two}\" }}]\nhealth = {{ path = \"/healthz\", interval_ms = 1000 }}\n"
            ))
            .route("todos", "/api/todos", "todos", "")
            .route("reports", "/reports", "reports", "")
            .route("exports", "/exports", "exports", "user_limit = { requests = 60, window_seconds = 60 }")
            .config(&format!(
                "[[listeners]]\naddress = \"127.0.0.1:0\"\n[listeners.tls]\ncertificates = [{}]\n",
                certified.entry()
            ))
            .env("GATEWAY__REFRESH__GRACE_SECONDS", "0")
            .env("GATEWAY__LIMITS__LOGIN_ADDRESS", "{requests=3000,window_seconds=60}")
            .env("GATEWAY__LIMITS__REGISTER_ADDRESS", "unlimited")
            .start();
        let prometheus = Prometheus::scraping(&[("gateway", gateway.operations)]);
        let log = folder.path().join("gateway.log");
        Self {
            prometheus,
            gateway,
            log,
            authority,
            reports,
            _slow: slow,
            _todos: todos,
            _redis: redis,
            _folder: folder,
        }
    }

    /// Lets people read along.
    pub(crate) fn keep_log(&self) {
        // It is for reading: that it cannot be written is no reason to end.
        std::fs::write(&self.log, self.gateway.log()).ok();
    }

    /// Draws each dashboard as it was over this time, all of them over the same; whether all could be
    /// drawn.
    pub(crate) fn draw(&self, folder: &Path, time: Duration) -> bool {
        let dashboards =
            std::fs::read_dir(project().join("grafana/dashboards")).expect("there are dashboards");
        let to = SystemClock.now();
        let from = to.minus(time);
        let mut all = true;
        for dashboard in dashboards.flatten() {
            let drawn = Command::new("node")
                .current_dir(project())
                .arg(project().join("grafana/pictures/render.mjs"))
                .arg("--prometheus")
                .arg(format!("http://{}", self.prometheus.address))
                .arg("--scrape-interval")
                .arg(format!("{SCRAPE_SECONDS}s"))
                .arg("--dashboard")
                .arg(dashboard.path())
                .args(["--from", &from.to_string(), "--to", &to.to_string()])
                .args(["--theme", "dark", "--width", "1600", "--scale", "0.75", "--out"])
                .arg(folder)
                .status();
            all &= drawn.is_ok_and(|status| status.success());
        }
        all
    }
}
