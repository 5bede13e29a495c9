//! `/api/todos` as the contract has it: one test for each endpoint and status.

mod bodies;
mod lists;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tower::ServiceExt;

use super::*;

/// The service on a folder of its own, and somebody who speaks to it.
struct App {
    router: Router,
    _folder: TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn error(&self) -> (u16, &str, &str) {
        (self.status, self.body["code"].as_str().unwrap(), self.body["error"].as_str().unwrap_or_default())
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl App {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let router = router(Store::open(folder.path()).unwrap().into());
        Self { router, _folder: folder }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Ann is user 7, behind a sound gateway.
    async fn ann(&self, method: Method, path: &str, body: Value) -> Answer {
        self.send(from_user(7, method, path, body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ann(Method::GET, path, Value::Null).await
    }

    /// The id of a new todo of Ann's.
    async fn add(&self, title: &str) -> u64 {
        let answer = self.ann(Method::POST, "/api/todos", json!({ "title": title })).await;
        assert_eq!(answer.status, 201);
        answer.body["id"].as_u64().unwrap()
    }
}

fn from_user(user: u64, method: Method, path: &str, body: Value) -> Request<Body> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    Request::builder()
        .method(method)
        .uri(path)
        .header("x-user-id", user)
        .header("x-user-email", "ann@example.org")
        .header("x-user-role", "user")
        .header("x-request-id", "request-1")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(text))
        .unwrap()
}

fn every_endpoint() -> [(Method, &'static str); 5] {
    [
        (Method::GET, "/api/todos"),
        (Method::POST, "/api/todos"),
        (Method::GET, "/api/todos/1"),
        (Method::PUT, "/api/todos/1"),
        (Method::DELETE, "/api/todos/1"),
    ]
}

#[tokio::test]
async fn create_answers_201_with_the_new_todo() {
    let app = App::new();

    let todo = json!({ "title": " Milk ", "description": "two", "completed": true, "colour": 1 });
    let answer = app.ann(Method::POST, "/api/todos", todo).await;

    assert_eq!(answer.status, 201);
    assert_eq!(answer.body, json!({ "id": 1, "title": "Milk", "completed": false }));
    assert_eq!(answer.header("location"), "/api/todos/1");
}

#[tokio::test]
async fn show_answers_200_with_all_of_a_todo() {
    let app = App::new();
    app.ann(Method::POST, "/api/todos", json!({ "title": "Milk", "description": "two" })).await;
    app.add("Bread").await;

    let answer = app.get("/api/todos/1").await;

    let created_at = answer.body["created_at"].as_str().unwrap().to_owned();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({
            "id": 1, "title": "Milk", "description": "two", "completed": false,
            "created_at": created_at,
        })
    );
    assert!(created_at.ends_with('Z') && created_at.parse::<jiff::Timestamp>().is_ok());
    assert_eq!(app.get("/api/todos/2").await.body["description"], "", "as in the article");
}

#[tokio::test]
async fn update_answers_200_and_changes_what_was_named() {
    let app = App::new();
    app.ann(Method::POST, "/api/todos", json!({ "title": "Milk", "description": "two" })).await;

    let change = json!({ "title": "Oat milk", "description": null, "completed": true });
    let answer = app.ann(Method::PUT, "/api/todos/1", change).await;

    assert_eq!((answer.status, answer.body), (200, json!({ "message": "Todo updated" })));
    let todo = app.get("/api/todos/1").await.body;
    assert_eq!(todo["title"], "Oat milk");
    assert_eq!((&todo["description"], &todo["completed"]), (&Value::from(""), &Value::Bool(true)));
}

#[tokio::test]
async fn update_of_nothing_answers_200_and_changes_nothing() {
    let app = App::new();
    app.add("Milk").await;
    let before = app.get("/api/todos/1").await.body;

    for body in [Value::Null, json!({}), json!({ "colour": "red" })] {
        assert_eq!(app.ann(Method::PUT, "/api/todos/1", body).await.status, 200);
    }

    assert_eq!(app.get("/api/todos/1").await.body, before);
}

#[tokio::test]
async fn delete_answers_200_once() {
    let app = App::new();
    app.add("Milk").await;

    let answer = app.ann(Method::DELETE, "/api/todos/1", Value::Null).await;
    assert_eq!((answer.status, answer.body), (200, json!({ "message": "Todo deleted" })));

    let again = app.ann(Method::DELETE, "/api/todos/1", Value::Null).await;
    assert_eq!(again.error(), (404, "todo_not_found", "Todo not found"));
    assert_eq!(app.get("/api/todos/1").await.status, 404);
}

#[tokio::test]
async fn what_is_not_the_callers_is_404_for_every_verb() {
    let app = App::new();
    app.add("Ann's").await;

    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for body in [Value::Null, json!({ "title": "Mine now" }), json!({ "title": 1 })] {
            let answer = app.send(from_user(8, method.clone(), "/api/todos/1", body)).await;
            assert_eq!(answer.error(), (404, "todo_not_found", "Todo not found"), "{method}");
        }
    }

    assert_eq!(app.get("/api/todos/1").await.body["title"], "Ann's");
}

#[tokio::test]
async fn an_id_that_is_no_number_is_404() {
    let app = App::new();
    for id in ["abc", "0", "-1", "+1", "1.0", "99999999999999999999", "%FF", "%20", "1%2F2"] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = app.ann(method, &format!("/api/todos/{id}"), Value::Null).await;
            assert_eq!(answer.error(), (404, "todo_not_found", "Todo not found"), "{id}");
        }
    }
}

#[tokio::test]
async fn a_request_without_identity_is_401_everywhere() {
    let app = App::new();
    app.add("Ann's").await;
    for (method, path) in every_endpoint() {
        for name in ["x-user-id", "x-user-email", "x-user-role"] {
            let mut missing = from_user(7, method.clone(), path, json!({ "title": "x" }));
            missing.headers_mut().remove(name);
            let mut doubled = from_user(7, method.clone(), path, json!({ "title": "x" }));
            doubled.headers_mut().append(name, "7".parse().unwrap());
            for request in [missing, doubled] {
                let answer = app.send(request).await;
                let expected = (401, "identity_missing", "Missing identity");
                assert_eq!(answer.error(), expected, "{method} {path} {name}");
            }
        }
    }
    assert_eq!(app.get("/api/todos").await.body["pagination"]["total"], 1);
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let app = App::new();
    for path in ["/", "/api", "/api/todos/", "/api/todos/1/x", "/API/todos"] {
        assert_eq!(app.get(path).await.error(), (404, "not_found", "Not found"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_method_is_405_and_names_those_allowed() {
    let app = App::new();
    for (method, path, allow) in [
        (Method::PATCH, "/api/todos", "GET,HEAD,POST"),
        (Method::OPTIONS, "/api/todos", "GET,HEAD,POST"),
        (Method::POST, "/api/todos/1", "GET,HEAD,PUT,DELETE"),
    ] {
        let answer = app.ann(method, path, Value::Null).await;
        assert_eq!(answer.error(), (405, "method_not_allowed", "Method not allowed"));
        assert_eq!(answer.header("allow"), allow);
    }
}

#[tokio::test]
async fn no_answer_may_be_cached_or_sniffed() {
    let app = App::new();
    for (method, path) in every_endpoint().into_iter().chain([(Method::GET, "/nowhere")]) {
        let answer = app.ann(method, path, Value::Null).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn an_error_repeats_the_request_id_if_it_is_one() {
    let app = App::new();
    assert_eq!(app.get("/nowhere").await.body["request_id"], "request-1");

    for unfit in ["", "a b", "<script>", &"x".repeat(129)] {
        let mut request = from_user(7, Method::GET, "/nowhere", Value::Null);
        request.headers_mut().insert("x-request-id", unfit.parse().unwrap());
        let body = app.send(request).await.body;
        assert_eq!(body, json!({ "error": "Not found", "code": "not_found" }));
    }
}

#[tokio::test]
async fn an_error_has_the_form_of_rfc_9457_for_those_who_accept_it() {
    let app = App::new();
    let mut request = from_user(7, Method::GET, "/api/todos?page=0&per_page=x", Value::Null);
    let accept = "application/problem+json;q=0.9, application/json".parse().unwrap();
    request.headers_mut().insert(header::ACCEPT, accept);

    let answer = app.send(request).await;

    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(
        answer.body,
        json!({
            "type": "urn:todo:problem:validation_failed",
            "title": "Validation failed",
            "status": 422,
            "detail": "page must be a positive integer; per_page must be a positive integer",
            "errors": [
                { "detail": "page must be a positive integer" },
                { "detail": "per_page must be a positive integer" },
            ],
            "code": "validation_failed",
            "request_id": "request-1",
        })
    );
}

#[tokio::test]
async fn a_full_disk_is_503_for_writes_only() {
    let folder = TempDir::new().unwrap();
    let sound = router(Store::open(folder.path()).unwrap().into());
    let app = App { router: sound, _folder: TempDir::new().unwrap() };
    app.add("Before").await;
    drop(app);
    let full = Store::open_on_full_disk(folder.path()).unwrap();
    let app = App { router: router(full.into()), _folder: folder };

    for (method, path) in
        [(Method::POST, "/api/todos"), (Method::PUT, "/api/todos/1"), (Method::DELETE, "/api/todos/1")]
    {
        let answer = app.ann(method, path, json!({ "title": "After" })).await;
        assert_eq!(answer.error(), (503, "storage_unavailable", "Storage unavailable"));
        assert_eq!(answer.header("retry-after"), "5");
    }
    assert_eq!(app.get("/api/todos/1").await.body["title"], "Before");
    assert_eq!(app.get("/api/todos").await.status, 200);
}
