//! Prometheus below a path, looked at in a browser and read by another Prometheus.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::stage::{Go, Run, Stage, answers};
use crate::support::application::Application;
use crate::support::eventually;
use crate::support::http::Client;

fn served(config: &str, more: &[&str]) -> Application {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let command = |folder: &Path, port: u16| {
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(more);
        command
    };
    let ready = |address: SocketAddr| answers(address, "/prometheus/-/ready") || answers(address, "/-/ready");
    Application::start(folder, command, ready)
}

fn below_its_path() -> (Application, Stage) {
    let service = served("", &["--web.external-url=https://apps.example.com/prometheus/"]);
    let stage = Stage::before("prometheus", service.address);
    (service, stage)
}

#[test]
fn another_prometheus_reads_one_below_a_path_with_a_token() {
    let (_service, stage) = below_its_path();
    stage.refuses_strangers("/prometheus/federate");
    let ada = stage.gateway.user();
    let reader = json!({"scrape_configs": [{
        "job_name": "federate",
        "scrape_interval": "1s",
        "scheme": "https",
        "metrics_path": "/prometheus/metrics",
        "authorization": {"credentials": ada.access},
        "tls_config": {"ca_file": stage.authority_file()},
        "static_configs": [{"targets": [format!("127.0.0.1:{}", stage.port())]}],
    }]});
    let reader = served(&reader.to_string(), &[]);
    let up = || Client::new(reader.address).get("/api/v1/query?query=up").send().text();
    eventually("it was read", || up().contains("\"1\"]"));
}

#[test]
fn its_pages_work_below_a_path_in_a_browser() {
    let (_service, stage) = below_its_path();
    let asks = "fetch('api/v1/query?query=vector(6*7)').then((answer) => answer.json()).then((answer) => answer.data.result[0].value[1])";
    let results = stage.browse(&[Go("/prometheus/metrics"), Run("whole('./')"), Run(asks)]);
    let [page, asked] = results.as_slice() else { panic!("{results:?}") };
    assert!(page["title"].as_str().unwrap().starts_with("Prometheus"), "{page}");
    assert_eq!(page["broken"], json!([]));
    assert!(page["parts"].as_u64().unwrap() > 3, "{page}");
    assert_eq!(asked, "42");
}
