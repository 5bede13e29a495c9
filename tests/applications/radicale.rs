//! Radicale, used by the CalDAV client of Python.

use std::path::Path;

use super::stage::{Stage, answers};
use crate::support::application::Application;
use crate::support::tools::application_python;

fn served() -> Application {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[auth]\ntype = http_x_remote_user\n[storage]\nfilesystem_folder = {}\n",
        folder.path().join("collections").display()
    );
    std::fs::write(folder.path().join("config"), config).unwrap();
    let command = |folder: &Path, port: u16| {
        let mut command = application_python("radicale", "radicale");
        command.arg("--config").arg(folder.join("config")).arg(format!("--server-hosts=127.0.0.1:{port}"));
        command
    };
    Application::start(folder, command, |address| answers(address, "/.web/"))
}

#[test]
fn radicale_keeps_a_calendar_for_each_user() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("radicale", service.address);
    stage.refuses_strangers("/radicale/");
    let [ada, grace] = [(); 2].map(|()| stage.gateway.user());
    for (person, title) in [(&ada, "Ada's"), (&grace, "Grace's")] {
        let mut python = application_python("radicale", "python");
        python.env("TITLE", title);
        let found = stage.client(python, "radicale_client.py", "/radicale/", &person.access);
        assert_eq!(found["whose"], format!("/radicale/{}/", person.email), "{}", service.log());
        assert_eq!(found["events"], serde_json::json!([title]), "{}", service.log());
    }
}
