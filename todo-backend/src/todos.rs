//! The endpoints of `/api/todos`: each reads its input, asks the store, and says what came of it.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde::Serialize;
use serde_json::{Value, json};

use crate::body::Received;
use crate::caller::Caller;
use crate::page::{Pagination, Wanted};
use crate::refusal::{Code, Refusal};
use crate::store::{Store, StoreError};
use crate::todo::{Todo, TodoId};
use crate::webhook::Secret;
use crate::{answer, clock, input, webhook};

/// What the service works with.
#[derive(Clone)]
pub struct Service {
    /// The todos.
    pub store: Store,
    /// By which the gateway's messages prove themselves. None: there is no place for messages.
    pub webhook: Option<Secret>,
}

impl From<Store> for Service {
    /// Without a place for messages.
    fn from(store: Store) -> Self {
        Self { store, webhook: None }
    }
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
        .fallback(async || Refusal::from(Code::NotFound))
        .method_not_allowed_fallback(async || Refusal::from(Code::MethodNotAllowed))
        // `body` has the limit; axum's own would answer in plain text.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(answer::finish))
}

type QueryPairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

async fn list(caller: Caller, query: QueryPairs, State(store): State<Store>) -> Result<Json<List>, Refusal> {
    let Query(pairs) = query.map_err(|_| Refusal::invalid(vec!["The query is not readable".into()]))?;
    let wanted = Wanted::parse(&pairs)?;

    let slice = store.list(caller.user(), wanted.selection(), wanted.offset(), wanted.limit())?;

    Ok(Json(List {
        todos: slice.todos.iter().map(Shown::from).collect(),
        pagination: wanted.describe(slice.total),
    }))
}

async fn create(
    caller: Caller,
    State(store): State<Store>,
    body: Received,
) -> Result<impl IntoResponse, Refusal> {
    let new = input::new_todo(&body.fields()?)?;

    let Todo { id, title, completed, .. } = store.create(caller.user(), new, clock::now()).await?;

    let created = json!({ "id": id.get(), "title": title.as_str(), "completed": completed });
    let location = [(LOCATION, format!("/api/todos/{}", id.get()))];
    Ok((StatusCode::CREATED, location, Json(created)))
}

async fn show(
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    State(store): State<Store>,
) -> Result<Json<Shown>, Refusal> {
    let todo = store.get(caller.user(), todo_id(id)?)?.ok_or(Code::TodoNotFound)?;
    Ok(Json(Shown::from(&todo)))
}

/// A todo that is not there is a 404 even when the fields are wrong as well: which fields would
/// be right is of no use for it.
async fn update(
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    State(store): State<Store>,
    body: Received,
) -> Result<Json<Value>, Refusal> {
    let id = todo_id(id)?;
    store.get(caller.user(), id)?.ok_or(Code::TodoNotFound)?;
    let change = input::change(&body.fields()?)?;

    if !change.is_nothing() {
        store.update(caller.user(), id, change).await?.ok_or(Code::TodoNotFound)?;
    }

    Ok(Json(json!({ "message": "Todo updated" })))
}

async fn remove(
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    State(store): State<Store>,
) -> Result<Json<Value>, Refusal> {
    store.delete(caller.user(), todo_id(id)?).await?.ok_or(Code::TodoNotFound)?;
    Ok(Json(json!({ "message": "Todo deleted" })))
}

/// What is no number is no todo: the same answer, so that a client needs one branch only.
fn todo_id(path: Result<Path<String>, PathRejection>) -> Result<TodoId, Refusal> {
    let text = path.map(|Path(text)| text).unwrap_or_default();
    TodoId::parse(&text).ok_or(Code::TodoNotFound.into())
}

/// The cause is logged once, here; the client learns only that it may try again. A full disk was
/// logged when it filled up: clients must not choose how often that is said.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if !matches!(error, StoreError::NoSpace(_)) {
            tracing::error!(%error, "the store failed a request");
        }
        Code::StorageUnavailable.into()
    }
}

#[derive(Serialize)]
struct List {
    todos: Vec<Shown>,
    pagination: Pagination,
}

/// A todo on the wire.
#[derive(Serialize)]
struct Shown {
    id: u64,
    title: String,
    description: String,
    completed: bool,
    created_at: String,
}

impl From<&Todo> for Shown {
    fn from(todo: &Todo) -> Self {
        Self {
            id: todo.id.get(),
            title: todo.title.as_str().to_owned(),
            description: todo.description.as_str().to_owned(),
            completed: todo.completed,
            created_at: todo.created_at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
