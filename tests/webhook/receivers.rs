//! Real services that are told: the todo service, also after times in which nobody was there, and the
//! sample of the documentation, over TLS.

use std::path::Path;
use std::process::Command;

use super::{SECRET, add_todos, leave, remove, telling, todos, tries};
use crate::support::authority::Authority;
use crate::support::eventually;
use crate::support::gateway::Setup;
use crate::support::todo_backend::ToldTodoBackend;
use crate::support::tools::{Running, python};

/// A gateway before a todo service, which is also told; both speak by this socket.
fn before_todos(socket: &Path) -> Setup {
    let socket = socket.display();
    telling("http://todo/webhooks/gateway")
        .config(&format!("socket = \"{socket}\""))
        .upstream("todo", &format!("unix:{socket}"))
        .route("todos", "/api/todos", "todo", "")
}

#[test]
fn the_todos_of_an_account_go_with_it_whoever_deletes_it() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("todo.sock");
    let backend = ToldTodoBackend::start(&folder.path().join("todos"), &socket, SECRET);
    let gateway = before_todos(&socket).start();
    let (ada, eve, kept) = (gateway.user(), gateway.user(), gateway.user());
    for person in [&ada, &eve, &kept] {
        add_todos(person, 3);
    }

    leave(&ada);
    remove(&gateway, &eve);

    for person in [&ada, &eve] {
        eventually("the todos are gone", || todos(&backend.socket, person.id) == 0);
    }
    eventually("both messages were delivered", || tries(&gateway, "delivered") == 2.0);
    assert_eq!((todos(&backend.socket, kept.id), tries(&gateway, "failed")), (3, 0.0));
}

#[test]
fn a_service_that_was_away_is_told_when_it_is_back_even_by_a_gateway_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, kept) = (folder.path().join("todo.sock"), folder.path().join("todos"));
    let setup = before_todos(&socket).data(&folder.path().join("gateway"));
    let backend = ToldTodoBackend::start(&kept, &socket, SECRET);
    let mut gateway = setup.clone().start();
    let ada = gateway.user();
    add_todos(&ada, 3);
    drop(backend);

    leave(&ada);
    eventually("it was tried in vain", || tries(&gateway, "failed") >= 1.0);
    gateway.says("could not be delivered, and will be tried again");
    gateway.kill();

    let backend = ToldTodoBackend::start(&kept, &socket, SECRET);
    assert_eq!(todos(&backend.socket, ada.id), 3);
    let gateway = setup.start();
    eventually("the todos are gone", || todos(&backend.socket, ada.id) == 0);
    eventually("it was delivered", || tries(&gateway, "delivered") == 1.0);
}

#[test]
fn a_service_with_another_secret_believes_nothing_and_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, kept) = (folder.path().join("todo.sock"), folder.path().join("todos"));
    let other = ToldTodoBackend::start(&kept, &socket, "CANARY-which-is-another-secret");
    let gateway = before_todos(&socket).start();
    let ada = gateway.user();
    add_todos(&ada, 1);
    leave(&ada);
    gateway.says("it answered 401; is GATEWAY_WEBHOOK_SECRET the secret that it knows");
    assert_eq!(todos(&other.socket, ada.id), 1);
    drop(other);
    let mended = ToldTodoBackend::start(&kept, &socket, SECRET);
    eventually("the todos are gone", || todos(&mended.socket, ada.id) == 0);
}

#[test]
fn the_demo_forgets_the_todos_of_who_leaves() {
    let gateway = Setup::demo().start();
    let ada = gateway.user();
    add_todos(&ada, 3);
    let socket = gateway.data.join("todo.sock");
    assert_eq!(todos(&socket, ada.id), 3);
    leave(&ada);
    eventually("the todos are gone", || todos(&socket, ada.id) == 0);
    // No client comes there by the gateway.
    assert_eq!(gateway.client().post("/webhooks/gateway").body("{}").send().status, 404);
}

#[test]
fn the_page_about_webhooks_shows_the_sample_as_it_is() {
    let read = |path: &str| std::fs::read_to_string(crate::support::project().join(path)).unwrap();
    let (page, sample) = (read("docs/webhooks.md"), read("docs/samples/python/webhook.py"));
    let shown = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    for block in shown.split("\n\n\n") {
        assert!(sample.contains(block.trim_end()), "{block}");
    }
}

#[test]
fn the_documented_receiver_is_told_over_tls_by_a_private_authority() {
    let authority = Authority::new();
    let certified = authority.certify("receiver", &["127.0.0.1"]);
    let samples = crate::support::project().join("docs/samples/python");
    let start = |port: u16| -> Command {
        let mut command = python("python");
        command.args(["-m", "gunicorn", "--bind", &format!("127.0.0.1:{port}"), "--log-level", "error"]);
        command.arg("--certfile").arg(&certified.certificate_file).arg("--keyfile").arg(&certified.key_file);
        command.arg("--chdir").arg(&samples).arg("webhook:app").env("WEBHOOK_SECRET", SECRET);
        command
    };
    let (mut receiver, address) = Running::listening(start);
    let gateway = telling(&format!("https://{address}/webhooks/gateway"))
        .config(&format!("ca_file = \"{}\"", authority.file().display()))
        .start();
    let ada = gateway.user();
    leave(&ada);
    assert_eq!(receiver.line(), format!("everything of user {} is gone", ada.id));
    eventually("it was delivered", || tries(&gateway, "delivered") == 1.0);
    // Who is of no authority that was named learns nothing.
    let another = Authority::new();
    let stranger = telling(&format!("https://{address}/webhooks/gateway"))
        .config(&format!("ca_file = \"{}\"", another.file().display()))
        .start();
    leave(&stranger.user());
    stranger.says("invalid peer certificate");
    assert_eq!(tries(&stranger, "delivered"), 0.0);
}
