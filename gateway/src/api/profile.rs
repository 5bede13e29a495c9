//! `GET` and `PUT /api/auth/profile`: one's own account.

use axum::extract::State;
use serde_json::json;

use super::Shared;
use super::answer::Answer;
use super::body::{Fields, names};
use super::caller::Authenticated;
use crate::problem::{Code, Problem};

pub(super) async fn read(caller: Authenticated) -> Answer {
    let user = &caller.user;
    let body = json!({ "user": {
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role,
    }});
    Answer::ok(body).with_quota(&caller.quota)
}

/// Only the names can be changed here: any other member of the body is ignored.
pub(super) async fn write(
    State(services): State<Shared>,
    caller: Authenticated,
    fields: Fields,
) -> Result<Answer, Problem> {
    let amendment = names(&fields)?;
    let until = services.sessions.access_tokens_end(services.clock.now());
    let changed = services.users.amend(caller.user.id, amendment, until).await?;
    changed.ok_or(Problem::new(Code::TokenInvalid))?;
    Ok(Answer::message("Profile updated").with_quota(&caller.quota))
}
