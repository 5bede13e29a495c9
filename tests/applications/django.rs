//! Django's own administration in a browser, whose users are the gateway's.

use std::path::Path;

use super::stage::{Go, Run, Stage, answers, beside, succeeded};
use crate::support::application::Application;
use crate::support::gateway::ADMIN_EMAIL;
use crate::support::tools::python;

fn served() -> Application {
    let folder = tempfile::tempdir().unwrap();
    let site = |program: &str, folder: &Path| {
        let mut command = python(program);
        command.env("PYTHONPATH", beside("")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("DJANGO_SETTINGS_MODULE", "django_settings").env("FOLDER", folder).env("HOME", folder);
        command.env("SCRIPT_NAME", "/django");
        command
    };
    let mut migrate = site("python", folder.path());
    succeeded(migrate.args(["-m", "django", "migrate", "--verbosity=0"]).output().unwrap());
    let command = |folder: &Path, port: u16| {
        let mut command = site("gunicorn", folder);
        command.args(["--bind", &format!("127.0.0.1:{port}"), "django.core.wsgi:get_wsgi_application()"]);
        command
    };
    Application::start(folder, command, |address| answers(address, "/django/"))
}

#[test]
fn djangos_administration_is_used_by_who_signed_in_at_the_gateway() {
    let service = served();
    let stage = Stage::before("django", service.address);
    stage.refuses_strangers("/django/admin/");
    // With Django's own protection against pages of others.
    let add = "(() => { const form = document.querySelector('#group_form'); form.elements.name.value = 'Editors'; return fetch('', {method: 'POST', body: new FormData(form)}).then((answer) => answer.url + ' ' + answer.status); })()";
    let results = stage.browse(&[
        Go("/django/admin/auth/group/add/"),
        Run("document.querySelector('#user-tools').innerText"),
        Run(add),
        Run("fetch('../').then((answer) => answer.text())"),
    ]);
    let [tools, added, listed] = results.as_slice() else { panic!("{results:?}") };
    assert!(tools.as_str().unwrap().to_lowercase().contains(ADMIN_EMAIL), "{tools}");
    assert_eq!(added, &format!("{} 200", stage.url("/django/admin/auth/group/")));
    assert!(listed.as_str().unwrap().contains("Editors"), "{listed}");
}

#[test]
fn django_lets_no_user_administer_whom_the_gateway_does_not_call_an_administrator() {
    let service = served();
    let stage = Stage::before("django", service.address);
    let reply = stage.gateway.user().get("/django/admin/auth/group/add/");
    // Its own log-in page, which knows nobody.
    assert_eq!(reply.status, 302);
    assert!(reply.header("location").starts_with("/django/admin/login/"), "{}", reply.header("location"));
}
