//! What a body may be, and in which order its faults are told.

use super::*;

/// Sends raw bytes to an endpoint that takes a body, as a media type or as none.
async fn raw(app: &App, method: Method, media_type: Option<&str>, body: impl Into<Body>) -> Answer {
    let path = if method == Method::POST { "/api/todos" } else { "/api/todos/1" };
    let mut request = from_user(7, method, path, Value::Null);
    request.headers_mut().remove(header::CONTENT_TYPE);
    if let Some(media_type) = media_type {
        request.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().unwrap());
    }
    *request.body_mut() = body.into();
    app.send(request).await
}

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn an_empty_body_is_an_empty_object_whatever_its_type() {
    let app = App::new();
    app.add("Milk").await;
    for media_type in [None, Some("text/plain"), JSON] {
        for body in ["", " \n", "{}", " { } "] {
            let created = raw(&app, Method::POST, media_type, body).await;
            assert_eq!(created.error(), (422, "validation_failed", "Title is required"));
            assert_eq!(raw(&app, Method::PUT, media_type, body).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_415() {
    let app = App::new();
    app.add("Milk").await;
    let message = "Content-Type must be application/json";
    for method in [Method::POST, Method::PUT] {
        for media_type in [None, Some("text/plain"), Some("application/jsonp"), Some("")] {
            for body in [r#"{"title":"x"}"#, "not json"] {
                let answer = raw(&app, method.clone(), media_type, body).await;
                assert_eq!(answer.error(), (415, "unsupported_media_type", message));
            }
        }
    }
    for media_type in ["Application/JSON", "application/json; charset=utf-8"] {
        let answer = raw(&app, Method::POST, Some(media_type), r#"{"title":"x"}"#).await;
        assert_eq!(answer.status, 201, "{media_type}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_400() {
    let app = App::new();
    app.add("Milk").await;
    let deep = "[".repeat(10_000);
    let nested = format!(r#"{{"title":{deep}"#);
    let bodies: [&[u8]; 9] = [
        b"{",
        b"[]",
        b"null",
        b"\"title\"",
        b"{\"title\":\"x\"} x",
        b"{\"title\":\"\xff\"}",
        b"{\"title\":\"\\ud800\"}",
        b"\xef\xbb\xbf{\"title\":\"x\"}",
        nested.as_bytes(),
    ];
    for method in [Method::POST, Method::PUT] {
        for body in bodies {
            let answer = raw(&app, method.clone(), JSON, body.to_vec()).await;
            let shown = String::from_utf8_lossy(body);
            assert_eq!(answer.error(), (400, "malformed_json", "Malformed JSON"), "{shown:.40}");
        }
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_413_whatever_it_is() {
    let app = App::new();
    app.add("Milk").await;
    let fits = format!(r#"{{"title":"x"{:65523}}}"#, "");
    assert_eq!(raw(&app, Method::POST, JSON, fits.clone()).await.status, 201);
    assert_eq!(raw(&app, Method::PUT, JSON, fits.clone()).await.status, 200);

    for method in [Method::POST, Method::PUT] {
        for body in [format!("{fits} "), "x".repeat(70_000), "x".repeat(3_000_000)] {
            let answer = raw(&app, method.clone(), None, body).await;
            assert_eq!(answer.error(), (413, "body_too_large", "Request body too large"));
        }
    }
}

#[tokio::test]
async fn a_title_is_required_and_limited() {
    let app = App::new();
    let long = "ü".repeat(256);
    for (title, message) in [
        (json!(null), "Title is required"),
        (json!(""), "Title is required"),
        (json!(" \t\n"), "Title is required"),
        (json!(long), "Title must be at most 255 characters"),
        (json!(5), "title must be a string"),
        (json!(["x"]), "title must be a string"),
    ] {
        let answer = app.ann(Method::POST, "/api/todos", json!({ "title": title })).await;
        assert_eq!(answer.error(), (422, "validation_failed", message), "{title}");
    }
    let longest = json!({ "title": "ü".repeat(255), "description": "ü".repeat(10_000) });
    assert_eq!(app.ann(Method::POST, "/api/todos", longest).await.status, 201);
    assert_eq!(app.get("/api/todos").await.body["pagination"]["total"], 1);
}

#[tokio::test]
async fn all_faults_of_a_new_todo_come_at_once() {
    let faulty = json!({ "description": "x".repeat(10_001) });

    let answer = App::new().ann(Method::POST, "/api/todos", faulty).await;

    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.body,
        json!({
            "errors": ["Title is required", "Description must be at most 10000 characters"],
            "code": "validation_failed",
            "request_id": "request-1",
        })
    );
}

#[tokio::test]
async fn a_faulty_change_is_422_and_changes_nothing() {
    let app = App::new();
    app.add("Milk").await;
    let before = app.get("/api/todos/1").await.body;
    for (field, value, message) in [
        ("title", json!(""), "Title is required"),
        ("title", json!(null), "title must be a string"),
        ("title", json!("x".repeat(256)), "Title must be at most 255 characters"),
        ("description", json!(1), "description must be a string"),
        ("completed", json!("true"), "completed must be a boolean"),
        ("completed", json!(1), "completed must be a boolean"),
        ("completed", json!(null), "completed must be a boolean"),
    ] {
        let answer = app.ann(Method::PUT, "/api/todos/1", json!({ field: value })).await;
        assert_eq!(answer.error(), (422, "validation_failed", message), "{field} {value}");
    }

    let half_right = json!({ "title": "New", "description": false, "completed": 0 });
    let answer = app.ann(Method::PUT, "/api/todos/1", half_right).await;
    assert_eq!(answer.body["errors"], json!(["description must be a string", "completed must be a boolean"]));
    assert_eq!(app.get("/api/todos/1").await.body, before);
}
