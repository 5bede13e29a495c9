//! The endpoints of `/api/todos`: each reads its input, asks the store, and says what came of it.

use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::body::{BODY_BYTES_READ, Received};
use crate::caller::Caller;
use crate::page::Wanted;
use crate::refusal::{Refusal, finish};
use crate::store::Store;
use crate::todo::{Change, Todo};
use crate::webhook::{self, Secret};

/// What the service works with.
#[derive(Clone)]
pub struct Service {
    /// The todos.
    pub store: Store,
    /// By which the gateway's messages prove themselves. None: there is no place for messages.
    pub webhook: Option<Secret>,
}

/// The whole service: `/api/todos`, `/webhooks/gateway`, and a JSON refusal for everything else.
pub fn router(service: Service) -> Router {
    let Service { store, webhook } = service;
    let told = webhook.map_or_else(Router::new, |secret| webhook::routes(secret, store.clone()));
    Router::new()
        .route("/api/todos", get(list).post(create))
        .route("/api/todos/{id}", get(show).put(update).delete(remove))
        .with_state(store)
        .merge(told)
        .fallback(async || Refusal::NOT_FOUND)
        .method_not_allowed_fallback(async || Refusal::METHOD_NOT_ALLOWED)
        .layer(DefaultBodyLimit::max(BODY_BYTES_READ))
        .layer(middleware::from_fn(finish))
}

async fn list(
    caller: Caller,
    RawQuery(query): RawQuery,
    State(store): State<Store>,
) -> Result<Json<Value>, Refusal> {
    let wanted = Wanted::parse(&query.unwrap_or_default())?;

    let (todos, total) = store.list(caller.user(), wanted).await?;

    let todos: Vec<_> = todos.iter().map(|(id, todo)| shown(*id, todo)).collect();
    Ok(Json(json!({ "todos": todos, "pagination": wanted.describe(total) })))
}

async fn create(
    caller: Caller,
    State(store): State<Store>,
    body: Received,
) -> Result<impl IntoResponse, Refusal> {
    let todo = Todo::new(&body.fields()?, Timestamp::now())?;
    let title = todo.title.clone();

    let id = store.create(caller.user(), todo).await?;

    let created = Json(json!({ "id": id, "title": title, "completed": false }));
    Ok((StatusCode::CREATED, [(LOCATION, format!("/api/todos/{id}"))], created))
}

async fn show(
    caller: Caller,
    TodoId(id): TodoId,
    State(store): State<Store>,
) -> Result<Json<Value>, Refusal> {
    let todo = store.get(caller.user(), id)?.ok_or(Refusal::TODO_NOT_FOUND)?;
    Ok(Json(shown(id, &todo)))
}

/// A todo that is not there is a 404 even when the fields are wrong as well: which fields would
/// be right is of no use for it.
async fn update(
    caller: Caller,
    TodoId(id): TodoId,
    State(store): State<Store>,
    body: Received,
) -> Result<Json<Value>, Refusal> {
    store.get(caller.user(), id)?.ok_or(Refusal::TODO_NOT_FOUND)?;
    let change = Change::parse(&body.fields()?)?;

    let was_there = store.update(caller.user(), id, change).await?;

    if was_there { Ok(Json(json!({ "message": "Todo updated" }))) } else { Err(Refusal::TODO_NOT_FOUND) }
}

async fn remove(
    caller: Caller,
    TodoId(id): TodoId,
    State(store): State<Store>,
) -> Result<Json<Value>, Refusal> {
    let was_there = store.delete(caller.user(), id).await?;
    if was_there { Ok(Json(json!({ "message": "Todo deleted" }))) } else { Err(Refusal::TODO_NOT_FOUND) }
}

/// The number in a path. What is none is no todo: the same answer, so that a client needs one branch only.
struct TodoId(u64);

impl<S: Send + Sync> FromRequestParts<S> for TodoId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Refusal::TODO_NOT_FOUND)?;
        // A sign would be read, too.
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).map(Self).ok_or(Refusal::TODO_NOT_FOUND)
    }
}

fn shown(id: u64, todo: &Todo) -> Value {
    let Todo { title, description, completed, created_ms } = todo;
    let description = description.as_deref().unwrap_or_default();
    let created_at = Timestamp::from_millisecond(*created_ms).unwrap_or_default().to_string();
    json!({
        "id": id,
        "title": title,
        "description": description,
        "completed": completed,
        "created_at": created_at,
    })
}

#[cfg(test)]
mod tests;
