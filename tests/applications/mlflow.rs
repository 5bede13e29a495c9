//! MLflow's tracking server, used by MLflow's own client.

use std::path::Path;

use super::stage::{HOST, Stage, answers};
use crate::support::application::Application;
use crate::support::tools::application_python;

fn served() -> Application {
    let command = |folder: &Path, port: u16| {
        let mut command = application_python("mlflow", "mlflow");
        command
            .args(["server", "--host", "127.0.0.1", "--workers", "1", "--static-prefix", "/mlflow"])
            // Else it takes any name for an attack by DNS rebinding.
            .args(["--allowed-hosts", &format!("{HOST}:*")])
            .args(["--port", &port.to_string()])
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", folder.join("mlflow.db").display()))
            .arg("--artifacts-destination")
            .arg(folder.join("artifacts"));
        let programs = Path::new(command.get_program()).parent().unwrap().to_owned();
        // It starts a server of that environment.
        command.env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()));
        command.env("HOME", folder).env("MLFLOW_DISABLE_TELEMETRY", "true").current_dir(folder);
        command
    };
    let folder = tempfile::tempdir().unwrap();
    Application::start(folder, command, |address| {
        answers(address, "/mlflow/health") || answers(address, "/health")
    })
}

#[test]
fn mlflow_records_runs_and_artifacts_whatever_their_names() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("mlflow", service.address);
    stage.refuses_strangers("/mlflow/api/2.0/mlflow/experiments/search");
    let ada = stage.gateway.user();
    let mut python = application_python("mlflow", "python");
    python.env("HOME", service.folder()).env("MLFLOW_TRACKING_TOKEN", &ada.access);
    let found = stage.client(python, "mlflow_client.py", "/mlflow", &ada.access);
    assert_eq!(found["metric"], 0.5, "{}", service.log());
    assert_eq!(found["artifact"], "what was measured");
}
