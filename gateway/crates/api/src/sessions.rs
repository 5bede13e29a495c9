//! `/api/auth/sessions`: where one is logged in, and the end of that.

use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use super::answer::Answer;
use super::caller::{Administrator, Authenticated, Operator};
use super::held::Held;
use super::openapi::refusals::refusals;
use super::page::Query;
use super::{Client, Shared, schema};
use gateway_identity::{SessionId, UserId};
use gateway_problem::{Code, Problem};
use gateway_store::{Event, Session, SessionScope};

/// Of a longer list of sessions an account reads one at a time: there may be a thousand of them.
const FEW: usize = 100;

refusals!(ListRefusals: TOKEN; AccountRequired AnswerInProgress);

#[utoipa::path(
    get,
    path = "/api/auth/sessions",
    tag = "account",
    operation_id = "listSessions",
    summary = "List sessions",
    description = "Where the caller is logged in.",
    security(("bearer" = [])),
    responses((status = 200, description = "One's sessions.", body = schema::Sessions), ListRefusals),
)]
pub(super) async fn list(
    State(services): State<Shared>,
    client: Client,
    caller: Authenticated,
) -> Result<Answer, Problem> {
    let user = caller.user.id;
    let sessions = &services.sessions.sessions;
    // Before any of them is read: a refusal must cost nothing.
    let running = match sessions.are_more_than(FEW, user).await? {
        true => Some(services.long_answers.begin(user, client.address)?),
        false => None,
    };
    let body = {
        let _turn = if running.is_some() { services.long_answers.turn().await } else { None };
        let sessions = sessions.of_user(user, services.clock.now()).await?;
        let sessions = sessions.iter().map(|one| schema::OwnSession::new(one, caller.session)).collect();
        // Plain data, which has no way to fail.
        serde_json::to_string(&schema::Sessions { sessions }).unwrap_or_default()
    };
    let answer = match running {
        Some(running) => Answer::held(Held::new(body, running)),
        None => Answer::text(body),
    };
    Ok(answer.with_quota(&caller.quota))
}

refusals!(EndRefusals: TOKEN; AccountRequired SessionNotFound);

/// One of one's own; somebody else's is as if it were not there.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions/{sid}",
    tag = "account",
    operation_id = "endSession",
    summary = "End a session",
    description = "One of the caller's own: its tokens are refused from the next request on.",
    params(("sid" = String, Path, format = "uuid", description = "`id` of a session")),
    security(("bearer" = [])),
    responses((status = 200, description = "It is over.", body = schema::Message), EndRefusals),
)]
pub(super) async fn end(
    State(services): State<Shared>,
    client: Client,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let id = SessionId::parse(&id).ok_or(Problem::new(Code::SessionNotFound))?;
    let session = services.sessions.sessions.by_id(id).await?;
    let session = session.filter(|session| session.user == caller.user.id);
    session.ok_or(Problem::new(Code::SessionNotFound))?;
    let event = client.event(Event::SessionsEnded, &services).about(caller.user.id).by(caller.actor());
    services.sessions.close_session(id, event.in_session(id).with_detail("one")).await?;
    Ok(Answer::message("Session ended").with_quota(&caller.quota))
}

refusals!(EndAllRefusals: TOKEN; AccountRequired ValidationFailed);

/// All others; with `?all=true` this one, too.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions",
    tag = "account",
    operation_id = "endSessions",
    summary = "End all other sessions",
    description = "The caller's own, but the one that asks; with `all=true` that one, too.",
    params(("all" = Option<bool>, Query, nullable = false, description = "Whether this session ends, too.")),
    security(("bearer" = [])),
    responses((status = 200, description = "They are over.", body = schema::Message), EndAllRefusals),
)]
pub(super) async fn end_all(
    State(services): State<Shared>,
    client: Client,
    caller: Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let all = Query::parse(query.as_deref()).flag("all")?;
    let closing = if all { SessionScope::All } else { SessionScope::AllBut(caller.session) };
    let which = if all { "all" } else { "all others" };
    let event = client.event(Event::SessionsEnded, &services).about(caller.user.id).by(caller.actor());
    let event = event.in_session(caller.session).with_detail(which);
    services.sessions.close_of(caller.user.id, closing, event).await?;
    let message = if all { "All sessions ended" } else { "All other sessions ended" };
    Ok(Answer::message(message).with_quota(&caller.quota))
}

/// Those of any user, for who administers the accounts at the machine.
pub(super) async fn of_user(
    State(services): State<Shared>,
    _: Operator,
    admin: Administrator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let id: UserId = id.parse().map_err(|()| Problem::new(Code::UserNotFound))?;
    services.users.by_id(id).await?.ok_or(Problem::new(Code::UserNotFound))?;
    let sessions = services.sessions.sessions.of_user(id, services.clock.now()).await?;
    let sessions: Vec<_> = sessions.iter().map(describe).collect();
    Ok(Answer::ok(json!({ "sessions": sessions })).with_quota(admin.quota.as_ref()))
}

/// One of anybody's, for who administers the accounts at the machine.
pub(super) async fn end_any(
    State(services): State<Shared>,
    client: Client,
    operator: Operator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let id = SessionId::parse(&id).ok_or(Problem::new(Code::SessionNotFound))?;
    let session = services.sessions.sessions.by_id(id).await?;
    let session = session.ok_or(Problem::new(Code::SessionNotFound))?;
    let event = client.event(Event::SessionsEnded, &services).about(session.user).by(operator.actor);
    services.sessions.close_session(id, event.in_session(id).with_detail("one")).await?;
    Ok(Answer::message("Session ended"))
}

fn describe(session: &Session) -> Value {
    json!({
        "id": session.id,
        "created_at": session.created_at.to_string(),
        "last_used_at": session.last_used_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "address": session.address,
        "user_agent": session.user_agent,
    })
}
