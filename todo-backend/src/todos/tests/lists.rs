//! `GET /api/todos`: pages and filters.

use super::*;

fn ids(answer: &Answer) -> Vec<u64> {
    let todos = answer.body["todos"].as_array().unwrap();
    todos.iter().map(|todo| todo["id"].as_u64().unwrap()).collect()
}

/// Ann has 25 todos, the even ones completed.
async fn with_25() -> App {
    let app = App::new();
    for number in 1..=25 {
        let id = app.add(&format!("Todo {number}")).await;
        if number % 2 == 0 {
            let done = json!({ "completed": true });
            app.ann(Method::PUT, &format!("/api/todos/{id}"), done).await;
        }
    }
    app
}

#[tokio::test]
async fn an_empty_list_has_no_pages() {
    let answer = App::new().get("/api/todos").await;

    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({
            "todos": [],
            "pagination": { "page": 1, "per_page": 20, "total": 0, "pages": 0 },
        })
    );
}

#[tokio::test]
async fn a_list_shows_each_todo_as_show_does() {
    let app = App::new();
    app.add("Milk").await;

    let listed = app.get("/api/todos").await.body["todos"][0].take();

    assert_eq!(listed, app.get("/api/todos/1").await.body);
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let app = with_25().await;

    let first = app.get("/api/todos").await;
    assert_eq!(ids(&first), (1..=20).collect::<Vec<_>>());
    let expected = json!({ "page": 1, "per_page": 20, "total": 25, "pages": 2 });
    assert_eq!(first.body["pagination"], expected);

    assert_eq!(ids(&app.get("/api/todos?page=2").await), (21..=25).collect::<Vec<_>>());
    assert_eq!(ids(&app.get("/api/todos?page=3&per_page=4").await), [9, 10, 11, 12]);
}

#[tokio::test]
async fn a_page_past_the_end_is_empty() {
    let app = with_25().await;
    for page in ["3", "18446744073709551615", "99999999999999999999999999"] {
        let answer = app.get(&format!("/api/todos?page={page}")).await;
        assert_eq!((answer.status, ids(&answer)), (200, vec![]), "{page}");
        assert_eq!(answer.body["pagination"]["total"], 25);
    }
}

#[tokio::test]
async fn more_than_a_hundred_on_a_page_are_a_hundred() {
    let answer = App::new().get("/api/todos?per_page=5000").await;

    assert_eq!(answer.body["pagination"]["per_page"], 100);
}

#[tokio::test]
async fn a_list_may_be_of_completed_or_open_todos() {
    let app = with_25().await;

    let done = app.get("/api/todos?completed=true&page=2&per_page=5").await;
    assert_eq!(ids(&done), [12, 14, 16, 18, 20]);
    let expected = json!({ "page": 2, "per_page": 5, "total": 12, "pages": 3 });
    assert_eq!(done.body["pagination"], expected);

    let open = app.get("/api/todos?completed=false&page=3&per_page=5").await;
    assert_eq!((ids(&open), &open.body["pagination"]["total"]), (vec![21, 23, 25], &json!(13)));
}

#[tokio::test]
async fn a_list_is_the_callers_own() {
    let app = with_25().await;

    let answer = app.send(from_user(8, Method::GET, "/api/todos", Value::Null)).await;

    assert_eq!((ids(&answer), &answer.body["pagination"]["total"]), (vec![], &json!(0)));
}

#[tokio::test]
async fn an_unusable_value_is_422_and_named() {
    let app = App::new();
    for (query, message) in [
        ("page=0", "page must be a positive integer"),
        ("page=-1", "page must be a positive integer"),
        ("page=", "page must be a positive integer"),
        ("page=1&page=2", "page must be given only once"),
        ("per_page=ten", "per_page must be a positive integer"),
        ("per_page=1.5", "per_page must be a positive integer"),
        ("completed=yes", "completed must be true or false"),
        ("completed=%FF", "completed must be true or false"),
    ] {
        let answer = app.get(&format!("/api/todos?{query}")).await;
        assert_eq!(answer.error(), (422, "validation_failed", message), "{query}");
    }
    assert_eq!(app.get("/api/todos?colour=red&x").await.status, 200);
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let answer = App::new().ann(Method::HEAD, "/api/todos", Value::Null).await;

    assert_eq!((answer.status, answer.body), (200, Value::Null));
}
