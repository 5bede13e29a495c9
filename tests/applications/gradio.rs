//! Gradio, used by gradio_client: its queue over server-sent events, and an upload.

use std::path::Path;

use super::stage::{Stage, answers, beside};
use crate::support::application::Application;
use crate::support::tools::application_python;

fn served() -> Application {
    let command = |folder: &Path, port: u16| {
        let mut command = application_python("gradio", "python");
        command.arg(beside("gradio_app.py")).env("PORT", port.to_string());
        command.env("HOME", folder).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder);
        command.env("GRADIO_ANALYTICS_ENABLED", "False").env("HF_HUB_OFFLINE", "1");
        command.env("GRADIO_TEMP_DIR", folder.join("uploads"));
        command
    };
    let folder = tempfile::tempdir().unwrap();
    Application::start(folder, command, |address| answers(address, "/config"))
}

#[test]
fn gradio_answers_its_client_by_events_and_takes_a_file() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("gradio", service.address);
    stage.refuses_strangers("/gradio/config");
    let ada = stage.gateway.user();
    let mut python = application_python("gradio", "python");
    python.env("HOME", service.folder()).env("HF_HUB_OFFLINE", "1");
    let found = stage.client(python, "gradio_client_of.py", "/gradio/", &ada.access);
    assert_eq!(found["greeted"], format!("Hello Ada, known as {}", ada.email), "{}", service.log());
    assert_eq!(found["measured"], "12582912");
}
