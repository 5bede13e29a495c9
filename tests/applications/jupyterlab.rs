//! JupyterLab, whose kernels are used by jupyter-kernel-client over their WebSocket.

use std::path::Path;

use super::stage::{Go, Run, Stage, answers};
use crate::support::application::Application;
use crate::support::tools::application_python;

const TOKEN: &str = "jupyters-own-token";

fn served() -> Application {
    let command = |folder: &Path, port: u16| {
        let mut command = application_python("jupyterlab", "jupyter");
        command
            .args(["lab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"])
            .arg(format!("--ServerApp.port={port}"))
            .arg("--ServerApp.base_url=/jupyter/")
            .arg(format!("--ServerApp.root_dir={}", folder.display()));
        command.env("HOME", folder).env("JUPYTER_TOKEN", TOKEN).env("JUPYTER_NO_CONFIG", "1");
        // The kernels are those of this environment.
        command.env("PATH", path_of("jupyterlab"));
        command
    };
    let folder = tempfile::tempdir().unwrap();
    Application::start(folder, command, |address| answers(address, "/jupyter/login"))
}

/// Its environment first.
fn path_of(application: &str) -> String {
    let python = application_python(application, "python");
    let programs = Path::new(python.get_program()).parent().unwrap();
    format!("{}:{}", programs.display(), std::env::var("PATH").unwrap())
}

#[test]
fn jupyterlab_runs_what_a_client_asks_for_over_a_web_socket() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("jupyterlab", service.address);
    stage.refuses_strangers("/jupyter/lab");
    let ada = stage.gateway.user();
    let mut python = application_python("jupyterlab", "python");
    python.env("JUPYTER_TOKEN", TOKEN);
    let found = stage.client(python, "jupyterlab_client.py", "/jupyter", &ada.access);
    assert_eq!(found["computed"], "42\n", "{}", service.log());
    assert_eq!(found["saved"], "noted [1].txt");
}

#[test]
fn jupyterlabs_page_is_shown_to_who_signed_in() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("jupyterlab", service.address);
    let launcher = "until(() => document.querySelector('.jp-LauncherCard')).then(() => document.title)";
    let kernel = "fetch('/jupyter/api/kernels', {method: 'POST', headers: {'X-XSRFToken': document.cookie.match(/_xsrf=([^;]*)/)[1]}}).then((answer) => answer.json()).then(({ id }) => new Promise((told) => { const socket = new WebSocket(`wss://${location.host}/jupyter/api/kernels/${id}/channels`); socket.onopen = () => told('open'); socket.onerror = () => told('refused'); }))";
    // Once with Jupyter's token, for which it gives a cookie of its own.
    let token = format!("/jupyter/api/status?token={TOKEN}");
    let results = stage.browse(&[Go(&token), Go("/jupyter/lab"), Run(launcher), Run(kernel)]);
    assert_eq!(results[1], "open", "{results:?}");
}
