//! `/api/todos`: the demo service, through the gateway, as the contract has it.

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::Person;
use crate::support::stores::on_both_stores;
use crate::support::todo_backend::TodoBackend;

on_both_stores!(
    a_todo_is_created_read_changed_and_deleted,
    a_list_comes_in_pages_and_by_what_is_done,
    a_todo_made_without_a_description_has_an_empty_one,
    an_unusable_value_of_the_query_is_named,
    each_refusal_of_a_todo_is_as_written,
    a_change_touches_what_it_names_and_nothing_else,
    somebody_elses_todo_is_not_there,
    a_client_cannot_choose_the_owner_or_the_id,
    without_a_good_token_nothing_is_read_or_written,
    a_wrong_method_or_path_is_told_so,
    unreadable_input_is_refused_in_the_order_of_the_contract,
);

fn a_todo_is_created_read_changed_and_deleted(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    let created = write(&ada, "POST", "/api/todos", &json!({"title": " Buy milk ", "description": "2 l"}));
    let id = created.json()["id"].as_u64().unwrap();
    assert_eq!(
        (created.status, created.json()),
        (201, json!({"id": id, "title": "Buy milk", "completed": false}))
    );
    let path = format!("/api/todos/{id}");
    let mut read = ada.get(&path).json();
    let made = read["created_at"].take();
    assert!(
        made.as_str().unwrap().parse::<jiff::Timestamp>().is_ok() && made.as_str().unwrap().ends_with('Z')
    );
    let expected =
        json!({"id": id, "title": "Buy milk", "description": "2 l", "completed": false, "created_at": null});
    assert_eq!(read, expected);
    let changed = write(&ada, "PUT", &path, &json!({"completed": true, "title": "Buy 李 milk"}));
    assert_eq!((changed.status, changed.json()), (200, json!({"message": "Todo updated"})));
    assert_eq!(
        (&ada.get(&path).json()["title"], &ada.get(&path).json()["completed"]),
        (&json!("Buy 李 milk"), &json!(true))
    );
    let deleted = ada.request("DELETE", &path).send();
    assert_eq!((deleted.status, deleted.json()), (200, json!({"message": "Todo deleted"})));
    for method in ["GET", "PUT", "DELETE"] {
        ada.request(method, &path).send().is_refused_by_the_upstream(404, "Todo not found", "todo_not_found");
    }
}

fn a_list_comes_in_pages_and_by_what_is_done(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    let ids: Vec<u64> = (0..25).map(|number| add(&ada, &format!("todo {number}"))).collect();
    for id in &ids[20..] {
        assert_eq!(write(&ada, "PUT", &format!("/api/todos/{id}"), &json!({"completed": true})).status, 200);
    }
    for (query, seen, page, per_page, total, pages) in [
        ("", &ids[..20], 1, 20, 25, 2),
        ("?page=2", &ids[20..], 2, 20, 25, 2),
        ("?page=3", &[], 3, 20, 25, 2),
        ("?page=999999999999", &[], 999_999_999_999_u64, 20, 25, 2),
        ("?per_page=10&page=3", &ids[20..], 3, 10, 25, 3),
        ("?per_page=100", &ids[..], 1, 100, 25, 1),
        ("?per_page=101", &ids[..], 1, 100, 25, 1),
        ("?per_page=99999999999999999999", &ids[..], 1, 100, 25, 1),
        ("?completed=true", &ids[20..], 1, 20, 5, 1),
        ("?completed=false&per_page=15&page=2", &ids[15..20], 2, 15, 20, 2),
        ("?completed=true&x=y", &ids[20..], 1, 20, 5, 1),
    ] {
        let told = ada.get(&format!("/api/todos{query}")).json();
        let found: Vec<u64> =
            told["todos"].as_array().unwrap().iter().map(|todo| todo["id"].as_u64().unwrap()).collect();
        assert_eq!(found, seen, "{query}");
        let pagination = json!({"page": page, "per_page": per_page, "total": total, "pages": pages});
        assert_eq!(told["pagination"], pagination, "{query}");
    }
    assert_eq!(names(&ada.get("/api/todos").json()["todos"][0]), "completed created_at description id title");
}

fn a_todo_made_without_a_description_has_an_empty_one(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    let path = format!("/api/todos/{}", add(&ada, "plain"));
    assert_eq!(ada.get(&path).json()["description"], "", "and never null, as in the article");
    assert_eq!(ada.get("/api/todos").json()["todos"][0]["description"], "");
}

fn an_unusable_value_of_the_query_is_named(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    for (query, words) in [
        ("page=0", "page must be a positive integer"),
        ("page=-1", "page must be a positive integer"),
        ("page=", "page must be a positive integer"),
        ("page=x", "page must be a positive integer"),
        ("page=1.5", "page must be a positive integer"),
        ("per_page=0", "per_page must be a positive integer"),
        ("per_page=ten", "per_page must be a positive integer"),
        ("completed=yes", "completed must be true or false"),
        ("completed=1", "completed must be true or false"),
        ("completed=True", "completed must be true or false"),
        ("completed=", "completed must be true or false"),
        ("page=0&completed=maybe", "[page must be a positive integer; completed must be true or false]"),
    ] {
        let reply = ada.get(&format!("/api/todos?{query}"));
        reply.is_refused_by_the_upstream(422, words, "validation_failed");
    }
}

fn each_refusal_of_a_todo_is_as_written(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    let path = format!("/api/todos/{}", add(&ada, "kept"));
    let (longest, too_long) = ("ü".repeat(255), "ü".repeat(256));
    const REQUIRED: &str = "Title is required";
    const TOO_LONG: &str = "Title must be at most 255 characters";
    for (method, path, body, words) in [
        ("POST", "/api/todos", json!({}), REQUIRED),
        ("POST", "/api/todos", json!({"description": "x"}), REQUIRED),
        ("POST", "/api/todos", json!({"title": ""}), REQUIRED),
        ("POST", "/api/todos", json!({"title": " \t\n"}), REQUIRED),
        ("POST", "/api/todos", json!({"title": null}), REQUIRED),
        ("POST", "/api/todos", json!({"title": too_long}), TOO_LONG),
        ("POST", "/api/todos", json!({"title": 1}), "title must be a string"),
        ("POST", "/api/todos", json!({"title": "x", "description": []}), "description must be a string"),
        ("PUT", &path, json!({"title": ""}), REQUIRED),
        ("PUT", &path, json!({"title": too_long}), TOO_LONG),
        ("PUT", &path, json!({"title": {}}), "title must be a string"),
        ("PUT", &path, json!({"description": 1}), "description must be a string"),
        ("PUT", &path, json!({"completed": "true"}), "completed must be a boolean"),
        ("PUT", &path, json!({"completed": 1}), "completed must be a boolean"),
    ] {
        write(&ada, method, path, &body).is_refused_by_the_upstream(422, words, "validation_failed");
    }
    assert_eq!(write(&ada, "POST", "/api/todos", &json!({"title": longest})).status, 201);
    assert_eq!(ada.get(&path).json()["title"], "kept");
}

fn a_change_touches_what_it_names_and_nothing_else(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    let (path, other) =
        (format!("/api/todos/{}", add(&ada, "first")), format!("/api/todos/{}", add(&ada, "other")));
    let untouched = ada.get(&other).json();
    let mut expected = ada.get(&path).json();
    for change in [
        json!({}),
        json!({"x": 1}),
        json!({"title": "second"}),
        json!({"description": "why"}),
        json!({"completed": true}),
        json!({"completed": false, "title": "third", "description": ""}),
    ] {
        assert_eq!(write(&ada, "PUT", &path, &change).status, 200, "{change}");
        for (name, value) in change.as_object().unwrap().iter().filter(|(name, _)| *name != "x") {
            expected[name] = value.clone();
        }
        assert_eq!(ada.get(&path).json(), expected, "{change}");
    }
    assert_eq!(ada.request("PUT", &path).send().json(), json!({"message": "Todo updated"}));
    assert_eq!((ada.get(&path).json(), ada.get(&other).json()), (expected, untouched));
}

fn somebody_elses_todo_is_not_there(setup: Setup) {
    let demo = Demo::start(setup);
    let (ada, eve, admin) = (demo.gateway.user(), demo.gateway.user(), demo.gateway.admin());
    let path = format!("/api/todos/{}", add(&ada, "private"));
    for other in [&eve, &admin] {
        for method in ["GET", "PUT", "DELETE"] {
            let reply = other.request(method, &path).json(&json!({"title": "mine"})).send();
            reply.is_refused_by_the_upstream(404, "Todo not found", "todo_not_found");
        }
        assert_eq!(other.get("/api/todos").json()["pagination"]["total"], 0);
    }
    assert_eq!(ada.get(&path).json()["title"], "private");
    for id in ["0", "-1", "x", "1.0", "+1", "99999999999999999999", "%31x"] {
        let reply = ada.get(&format!("/api/todos/{id}"));
        reply.is_refused_by_the_upstream(404, "Todo not found", "todo_not_found");
    }
}

fn a_client_cannot_choose_the_owner_or_the_id(setup: Setup) {
    let demo = Demo::start(setup);
    let (ada, eve) = (demo.gateway.user(), demo.gateway.user());
    let body = json!({"title": "planted", "user_id": ada.id, "owner": ada.id, "id": 777, "completed": true});
    let request = eve.request("POST", "/api/todos").header("x-user-id", &ada.id.to_string());
    let created = request.header("X_User_Id", &ada.id.to_string()).json(&body).send();
    assert_eq!((created.status, &created.json()["completed"]), (201, &json!(false)));
    assert_ne!(created.json()["id"], 777);
    assert_eq!(ada.get("/api/todos").json()["pagination"]["total"], 0);
    assert_eq!(eve.get("/api/todos").json()["pagination"]["total"], 1);
}

fn without_a_good_token_nothing_is_read_or_written(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    let path = format!("/api/todos/{}", add(&ada, "kept"));
    for (method, path) in
        [("GET", "/api/todos"), ("POST", "/api/todos"), ("GET", &path), ("PUT", &path), ("DELETE", &path)]
    {
        let request = || demo.gateway.client().request(method, path).header("x-user-id", &ada.id.to_string());
        let none = request().json(&json!({"title": "changed"})).send();
        none.is_refused(401, "Missing authorization token", "token_missing");
        for bad in ["x", &ada.refresh] {
            let reply = request().bearer(bad).json(&json!({"title": "changed"})).send();
            reply.is_refused(401, "Invalid or expired token", "token_invalid");
        }
    }
    assert_eq!(ada.get(&path).json()["title"], "kept");
    assert_eq!(ada.get("/api/todos").json()["pagination"]["total"], 1);
}

fn a_wrong_method_or_path_is_told_so(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    for (method, path, allow) in [
        ("PUT", "/api/todos", "GET,HEAD,POST"),
        ("DELETE", "/api/todos", "GET,HEAD,POST"),
        ("POST", "/api/todos/1", "GET,HEAD,PUT,DELETE"),
        ("PATCH", "/api/todos/1", "GET,HEAD,PUT,DELETE"),
    ] {
        let reply = ada.request(method, path).json(&json!({"title": "x"})).send();
        reply.is_refused_by_the_upstream(405, "Method not allowed", "method_not_allowed");
        assert_eq!(reply.header("allow"), allow);
    }
    for path in ["/api/todos/", "/api/todos/1/", "/api/todos/1/x"] {
        ada.get(path).is_refused_by_the_upstream(404, "Not found", "not_found");
    }
    ada.get("/api/todosx").is_refused(404, "Not found", "not_found");
}

fn unreadable_input_is_refused_in_the_order_of_the_contract(setup: Setup) {
    let demo = Demo::start(setup);
    let ada = demo.gateway.user();
    for (content_type, body, status, words, code) in [
        ("text/plain", "x".repeat(65_537), 413, "Request body too large", "body_too_large"),
        ("text/plain", String::new(), 422, "Title is required", "validation_failed"),
        ("text/plain", "{}".to_owned(), 422, "Title is required", "validation_failed"),
        (
            "text/plain",
            "{".to_owned(),
            415,
            "Content-Type must be application/json",
            "unsupported_media_type",
        ),
        ("application/json", "{".to_owned(), 400, "Malformed JSON", "malformed_json"),
        ("application/json", "[]".to_owned(), 400, "Malformed JSON", "malformed_json"),
    ] {
        let reply = ada.request("POST", "/api/todos").header("content-type", content_type).body(body).send();
        reply.is_refused_by_the_upstream(status, words, code);
    }
    assert_eq!(ada.get("/api/todos").json()["pagination"]["total"], 0);
}

/// A gateway before the real todo service.
struct Demo {
    gateway: Gateway,
    _backend: TodoBackend,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = TodoBackend::start(folder.path());
        let address = backend.address.to_string();
        let gateway = setup.upstream("todo", &address).route("todos", "/api/todos", "todo", "").start();
        Self { gateway, _backend: backend, _folder: folder }
    }
}

fn write(person: &Person, method: &str, path: &str, body: &Value) -> Reply {
    person.request(method, path).json(body).send()
}

fn add(person: &Person, title: &str) -> u64 {
    write(person, "POST", "/api/todos", &json!({"title": title})).json()["id"].as_u64().unwrap()
}

fn names(object: &Value) -> String {
    object.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}
