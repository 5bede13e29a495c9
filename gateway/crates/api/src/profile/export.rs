//! `GET /api/auth/profile/export`: everything that is kept of a person, read from the store a piece at a
//! time, as fast as the client takes it.

use std::sync::Arc;

use axum::extract::State;
use http::Method;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::caller::Authenticated;
use crate::held::Held;
use crate::openapi::refusals::refusals;
use crate::pieces::{Maker, pieces};
use crate::{Client, Shared, schema};
use gateway_identity::SessionId;
use gateway_problem::Problem;
use gateway_store::{AuditQuery, Event, StoreError, UnitOfWork, User};
use gateway_telemetry::RequestId;

/// Newest events of the audit trail that an export holds.
const EVENTS_MAX: usize = 10_000;
/// Those that are read at a time.
const PIECE_EVENTS: usize = 64;

refusals!(ExportRefusals: TOKEN; AccountRequired AnswerInProgress);

/// Everything that is kept of a person (GDPR, articles 15 and 20); password hashes stay here.
#[utoipa::path(
    get,
    path = "/api/auth/profile/export",
    tag = "account",
    operation_id = "exportProfile",
    summary = "Export the account",
    description = "Everything that is kept of the caller (GDPR, articles 15 and 20).",
    security(("bearer" = [])),
    responses((status = 200, description = "A file for a browser to keep. A long one comes without its length.", body = schema::Export, headers(("Content-Disposition" = String))), ExportRefusals),
)]
pub(crate) async fn export(
    State(services): State<Shared>,
    method: Method,
    client: Client,
    caller: Authenticated,
) -> Result<Answer, Problem> {
    let user = &caller.user;
    let running = services.long_answers.begin(user.id, client.address)?;
    let now = services.clock.now();
    let turn = services.long_answers.turn().await;
    let sessions = services.sessions.sessions.of_user(user.id, now).await?;
    let sessions: Vec<_> = sessions.iter().map(|one| schema::OwnSession::new(one, caller.session)).collect();
    let familiar = services.sessions.sessions.familiar_to(user.id).await?;
    let familiar: Vec<_> = familiar.iter().map(schema::FamiliarNetwork::from).collect();
    drop(turn);
    let request_id = client.request_id.clone();
    let mut events = Events::new(&services, &caller, request_id);
    // Before the export is an event itself.
    let first = events.next().await?;
    let exported = client.event(Event::AccountExported, &services).about(user.id).by(caller.actor());
    services.record(UnitOfWork::because(exported)).await?;
    let facts = json!({
        "exported_at": now.to_string(),
        "account": schema::Account::from(user),
        "sessions": sessions,
        "familiar_networks": familiar,
    });
    let mut begun = facts.to_string();
    // Before the brace that ends it.
    begun.truncate(begun.len() - 1);
    begun.push_str(&format!(",\"events\":[{first}"));
    let answer = if events.are_over() {
        Answer::held(Held::new(begun + END, running))
    } else {
        let (maker, rest) = pieces(Some(running));
        // Of a `HEAD` nobody reads it.
        if method != Method::HEAD {
            tokio::spawn(events.send(begun, maker));
        }
        Answer::pieces(rest)
    };
    Ok(answer.named("account.json").with_quota(&caller.quota))
}

const END: &str = "]}";

/// What is still to be told of a person's events, the newest first.
struct Events {
    services: Shared,
    user: Arc<User>,
    session: SessionId,
    request_id: RequestId,
    /// How many there may be.
    left: usize,
    /// Only those before this one; `None` at the beginning.
    before: Option<u64>,
    told: bool,
}

impl Events {
    fn new(services: &Shared, caller: &Authenticated, request_id: RequestId) -> Self {
        let (services, user) = (Arc::clone(services), Arc::new(caller.user.clone()));
        let session = caller.session;
        Self { services, user, session, request_id, left: EVENTS_MAX, before: None, told: false }
    }

    fn are_over(&self) -> bool {
        self.left == 0 || self.told && self.before.is_none()
    }

    /// The next of them, with a comma before each but the first of all.
    async fn next(&mut self) -> Result<String, StoreError> {
        let _turn = self.services.long_answers.turn().await;
        let limit = PIECE_EVENTS.min(self.left);
        let query =
            AuditQuery { user: Some(self.user.id), before: self.before, limit, ..AuditQuery::default() };
        let page = self.services.audit.find(query).await?;
        self.before = page.next;
        self.left = if page.next.is_none() { 0 } else { self.left.saturating_sub(page.lines.len()) };
        let (user, follows) = (Arc::clone(&self.user), std::mem::replace(&mut self.told, true));
        let write = move || {
            let mut text = String::new();
            for line in &page.lines {
                if follows || !text.is_empty() {
                    text.push(',');
                }
                text.push_str(&own(line, &user)?);
            }
            Ok(text)
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(|ended| StoreError::Unavailable(ended.to_string()))?
    }

    /// Until the end, or until nobody reads any more.
    async fn send(mut self, mut piece: String, maker: Maker) {
        while !self.are_over() {
            if maker.send(piece).await.is_err() {
                return;
            }
            // A slow reader may have logged out meanwhile, or be gone altogether.
            match self.services.sessions.sessions.by_id(self.session).await {
                Ok(Some(_)) => {}
                ended => {
                    let fault = ended.err().map(|fault| fault.to_string());
                    return tracing::info!(request_id = %self.request_id, error = fault, "an export broke off, as its session ended");
                }
            }
            piece = match self.next().await {
                Ok(piece) => piece,
                Err(fault) => {
                    return tracing::error!(request_id = %self.request_id, error = %fault, "an export broke off");
                }
            };
        }
        if maker.send(piece + END).await.is_ok() {
            // A client that left by now has all of it.
            maker.end().await.ok();
        }
    }
}

/// An event as the person whom it concerns may have it: from where somebody else acted, and the address
/// of whom it was about, is theirs (GDPR, article 15 (4)). The seal goes with that.
fn own(line: &str, user: &User) -> Result<String, StoreError> {
    let damaged = |_| StoreError::Corrupt("an entry of the audit trail".to_owned());
    let mut event: Map<String, Value> = serde_json::from_str(line).map_err(damaged)?;
    let actor = event.get("actor").map(|actor| &actor["user_id"]);
    let by_others = actor.is_some_and(|actor| *actor != json!(user.id));
    let about_others = event.get("email").is_some_and(|email| *email != json!(user.email));
    let withheld = [
        (true, &["prev", "hash"][..]),
        (by_others, &["address", "user_agent", "request_id"]),
        (about_others, &["email"]),
    ];
    for (_, members) in withheld.iter().filter(|(withheld, _)| *withheld) {
        members.iter().for_each(|member| drop(event.remove(*member)));
    }
    Ok(Value::Object(event).to_string())
}
