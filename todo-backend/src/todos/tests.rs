//! What of `/api/todos` is not seen through the gateway: how it is there is in the specification.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use gateway_durable_sled::SledOptions;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;

/// The service on a folder of its own, with a todo of Ann's.
struct App {
    router: Router,
    folder: TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn error(&self) -> (u16, &str, &str) {
        let text = |name: &str| self.body[name].as_str().unwrap_or_default();
        (self.status, text("code"), text("error"))
    }
}

impl App {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let app = Self { router: router(Service { store, webhook: None }), folder };
        assert_eq!(app.send(ann("POST", "/api/todos", r#"{"title":"Milk"}"#)).await.status, 201);
        app
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// Ann is user 7, behind a sound gateway.
fn ann(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.header("x-user-id", 7).header("x-user-email", "ann@example.org");
    request.header("x-user-role", "user").header("x-request-id", "request-1").body(body.into()).unwrap()
}

#[tokio::test]
async fn what_is_not_the_callers_is_404_for_every_verb() {
    let app = App::new().await;
    for method in ["GET", "PUT", "DELETE"] {
        for body in ["", r#"{"title":"Mine now"}"#, r#"{"title":1}"#] {
            let mut request = ann(method, "/api/todos/1", body);
            request.headers_mut().insert("x-user-id", 8.into());
            let answer = app.send(request).await;
            assert_eq!(answer.error(), (404, "todo_not_found", "Todo not found"), "{method}");
        }
    }
    assert_eq!(app.send(ann("GET", "/api/todos/1", "")).await.body["title"], "Milk");
}

#[tokio::test]
async fn a_request_without_identity_is_401_everywhere() {
    let app = App::new().await;
    for (method, path) in [
        ("GET", "/api/todos"),
        ("POST", "/api/todos"),
        ("GET", "/api/todos/1"),
        ("PUT", "/api/todos/1"),
        ("DELETE", "/api/todos/1"),
    ] {
        for name in ["x-user-id", "x-user-email", "x-user-role"] {
            let mut request = ann(method, path, r#"{"title":"x"}"#);
            request.headers_mut().remove(name);
            let answer = app.send(request).await;
            assert_eq!(answer.error(), (401, "identity_missing", "Missing identity"), "{method} {path}");
        }
    }
    assert_eq!(app.send(ann("GET", "/api/todos", "")).await.body["pagination"]["total"], 1);
}

#[tokio::test]
async fn a_body_is_looked_at_in_the_order_of_the_contract() {
    let app = App::new().await;
    let fits = format!(r#"{{"title":"x"{:65523}}}"#, "");
    let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(10_001));
    for (kind, body, status) in [
        ("", " { } ", 200),
        ("text/plain", " \n", 200),
        ("Application/JSON; charset=utf-8", r#"{"completed":true}"#, 200),
        ("application/json", &*fits, 200),
        ("", &*format!("{fits} "), 413),
        ("text/plain", &*"x".repeat(3_000_000), 413),
        ("application/jsonp", r#"{"title":"x"}"#, 415),
        ("", "not json", 415),
        ("application/json", r#"{"title":"x"} x"#, 400),
        ("application/json", r#"{"title":"\ud800"}"#, 400),
        ("application/json", &*format!(r#"{{"title":{}"#, "[".repeat(10_000)), 400),
        ("application/json", r#"{"title":null}"#, 422),
        ("application/json", &*long, 422),
    ] {
        let mut request = ann("PUT", "/api/todos/1", body.to_owned());
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        assert_eq!(app.send(request).await.status, status, "{kind} {body:.40}");
    }
}

#[tokio::test]
async fn all_faults_come_at_once_and_in_the_form_of_rfc_9457_for_those_who_accept_it() {
    let app = App::new().await;
    let errors = ["title must be a string", "completed must be a boolean"];
    let faulty = || ann("PUT", "/api/todos/1", r#"{"title":null,"description":null,"completed":1}"#);
    let plain = app.send(faulty()).await.body;
    assert_eq!(plain, json!({"errors": errors, "code": "validation_failed", "request_id": "request-1"}));

    let mut request = faulty();
    let accepted = "text/html, application/problem+json;q=0.9".parse().unwrap();
    request.headers_mut().insert(header::ACCEPT, accepted);
    let answer = app.send(request).await;
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let told = json!({
        "type": "urn:todo:problem:validation_failed",
        "title": "Validation failed",
        "status": 422,
        "detail": errors.join("; "),
        "errors": errors.map(|detail| json!({ "detail": detail })),
        "code": "validation_failed",
        "request_id": "request-1",
    });
    assert_eq!(answer.body, told);
}

#[tokio::test]
async fn a_full_disk_is_503_for_writes_only() {
    let App { router: sound, folder } = App::new().await;
    drop(sound);
    let full = SledOptions { min_free_bytes: u64::MAX, ..SledOptions::default() };
    let store = Store::open_with(folder.path(), full).unwrap();
    let app = App { router: router(Service { store, webhook: None }), folder };
    for (method, path) in [(Method::POST, "/api/todos"), (Method::PUT, "/api/todos/1")] {
        let answer = app.send(ann(method.as_str(), path, r#"{"title":"After"}"#)).await;
        assert_eq!(answer.error(), (503, "storage_unavailable", "Storage unavailable"));
        assert_eq!(answer.headers["retry-after"], "5");
    }
    assert_eq!(app.send(ann("GET", "/api/todos/1", "")).await.body["title"], "Milk");
}
