//! `GET /api/auth/reports`: what happened in a period, in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{RawQuery, State};

use super::answer::Answer;
use super::caller::Administrator;
use super::openapi::refusals::refusals;
use super::page::Query;
use super::{Shared, schema};
use gateway_problem::{Code, Problem};
use gateway_store::Event;

/// The usual period: until now, from so long before.
const PERIOD: Duration = Duration::from_secs(86_400);

/// Counts of refusals are kept under their reason with this before it.
pub const REFUSED: &str = "refused:";

refusals!(Refusals: TOKEN; AdminRequired ValidationFailed);

/// Events and refusals are counted by whole hours: the hours in which the period begins and ends
/// count as a whole.
#[utoipa::path(
    get,
    path = "/api/auth/reports",
    tag = "administration",
    operation_id = "readReport",
    summary = "Get a report",
    description = "What happened in a period, in numbers. Of the last day, unless it is said otherwise.",
    params(
        ("since" = Option<String>, Query, nullable = false, format = DateTime, description = "The beginning."),
        ("until" = Option<String>, Query, nullable = false, format = DateTime, description = "The end."),
    ),
    security(("bearer" = [])),
    responses((status = 200, description = "The numbers.", body = schema::Report), Refusals),
)]
pub(super) async fn read(
    State(services): State<Shared>,
    admin: Administrator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let query = Query::parse(query.as_deref());
    let now = services.clock.now();
    let until = query.moment("until")?.unwrap_or(now);
    let since = query.moment("since")?.unwrap_or_else(|| until.minus(PERIOD));
    if since > until {
        return Err(Problem::new(Code::ValidationFailed).with_message("since must not be after until"));
    }
    let users = services.users.count(since, until).await?;
    let live = services.sessions.sessions.living(now).await?;
    let revoked = services.sessions.ledger.count(now).await?;
    let tallies = services.audit.tallies(since.seconds() / 3_600, until.seconds() / 3_600).await?;
    let mut refused = BTreeMap::new();
    let mut events = BTreeMap::new();
    for (word, count) in tallies {
        match word.strip_prefix(REFUSED) {
            Some(reason) => refused.insert(reason.to_owned(), count),
            None => events.insert(word, count),
        };
    }
    let count = |event: Event| events.get(event.as_str()).copied().unwrap_or(0);
    let logins =
        schema::LoginCounts { succeeded: count(Event::LoginSucceeded), failed: count(Event::LoginFailed) };
    let body = schema::Report {
        since: since.to_string(),
        until: until.to_string(),
        users: schema::UserCounts {
            total: users.total,
            active: users.active,
            admins: users.admins,
            new: users.new,
        },
        logins,
        sessions: schema::SessionCount { live },
        revocations: schema::SessionCount { live: revoked },
        refused,
        events,
    };
    Ok(Answer::ok(body).with_quota(admin.quota.as_ref()))
}
