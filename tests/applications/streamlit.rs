//! Streamlit in a browser: what it shows, what is pressed and what is uploaded goes through.

use std::path::Path;

use super::stage::{Go, HOST, Run, Stage, answers, beside};
use crate::support::application::Application;
use crate::support::gateway::ADMIN_EMAIL;
use crate::support::tools::application_python;

fn served() -> Application {
    let command = |folder: &Path, port: u16| {
        let mut command = application_python("streamlit", "streamlit");
        command
            .arg("run")
            .arg(beside("streamlit_app.py"))
            .args(["--server.baseUrlPath=streamlit", "--server.address=127.0.0.1", "--server.headless=true"])
            // Whose pages may open a WebSocket.
            .arg(format!("--browser.serverAddress={HOST}"))
            .arg("--browser.gatherUsageStats=false")
            .arg(format!("--server.port={port}"));
        command.env("HOME", folder).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder);
        command
    };
    let folder = tempfile::tempdir().unwrap();
    Application::start(folder, command, |address| answers(address, "/streamlit/_stcore/health"))
}

#[test]
fn streamlit_is_used_in_a_browser() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("streamlit", service.address);
    stage.refuses_strangers("/streamlit/_stcore/health");
    let presses = "until(() => [...document.querySelectorAll('button')].find((one) => one.innerText.includes('Count'))).then((button) => { button.click(); return shows('counted 1'); })";
    let uploads = "(() => { const files = new DataTransfer(); files.items.add(new File([new Uint8Array(12 << 20)], 'large.bin')); const input = document.querySelector('input[type=file]'); input.files = files.files; input.dispatchEvent(new Event('change', { bubbles: true })); return shows('received 12582912'); })()";
    let known = format!("shows('known as {ADMIN_EMAIL}')");
    let results = stage.browse(&[Go("/streamlit/"), Run(&known), Run(presses), Run(uploads)]);
    assert_eq!(results, [true, true, true], "{}", service.log());
}
