//! calibre-web in a browser: somebody whom the gateway names uploads a book.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::stage::{Go, Run, Stage, answers, beside, succeeded};
use crate::support::application::Application;
use crate::support::gateway::ADMIN_EMAIL;
use crate::support::tools::application_python;

/// With a library, and the administrator under the name that the gateway gives.
fn served() -> Application {
    let run = |program: &str, folder: &Path, port: u16| -> Command {
        let mut command = application_python("calibre-web", program);
        command.env("HOME", folder).env("FOLDER", folder).env("PORT", port.to_string());
        command.env("EMAIL", ADMIN_EMAIL).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder);
        command
    };
    let command = |folder: &Path, port: u16| {
        let mut makes = run("cps", folder, port);
        succeeded(makes.args(["-p", "app.db", "-s", "admin:Not-used-1"]).output().unwrap());
        let mut fills = run("python", folder, port);
        succeeded(fills.arg(beside("calibre_web_library.py")).output().unwrap());
        let mut command = run("cps", folder, port);
        command.args(["-p", "app.db", "-i", "127.0.0.1"]);
        command
    };
    Application::start(tempfile::tempdir().unwrap(), command, |address| answers(address, "/login"))
}

#[test]
fn calibre_web_takes_a_book_from_who_signed_in_at_the_gateway() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("calibre-web", service.address);
    stage.refuses_strangers("/calibre-web/");
    let uploads = "(() => { const form = document.querySelector('#form-upload'); const body = new FormData(form); body.set('btn-upload', new File(['words of a book'], 'my book é;1.txt')); return fetch(form.action, {method: 'POST', body}).then((answer) => answer.json()).then((answer) => answer.location); })()";
    let results = stage.browse(&[
        Go("/calibre-web/"),
        Run("whole('./')"),
        Run("document.querySelector('#top_user').textContent.trim()"),
        Run(uploads),
        Run("fetch('/calibre-web/download/1/txt').then((answer) => answer.text())"),
    ]);
    let [page, user, uploaded, book] = results.as_slice() else { panic!("{results:?}") };
    assert_eq!(page["broken"], json!([]), "{}", service.log());
    assert_eq!(user, ADMIN_EMAIL);
    assert!(uploaded.as_str().unwrap().starts_with("/calibre-web/"), "{uploaded}");
    assert_eq!(book, "words of a book", "{}", service.log());
}
