//! `GET /api/auth/audit`: who did what, the newest first.

use std::net::IpAddr;

use axum::extract::{RawQuery, State};

use super::answer::Answer;
use super::caller::Administrator;
use super::openapi::refusals::refusals;
use super::page::Query;
use super::{Shared, schema};
use gateway_identity::{Email, UserId};
use gateway_problem::{Code, Problem};
use gateway_store::Event;
use gateway_store::{AuditPage, AuditQuery};

/// Usual and largest number of events in an answer.
const LIMIT: (u64, u64) = (100, 500);

refusals!(Refusals: TOKEN; AdminRequired ValidationFailed);

#[utoipa::path(
    get,
    path = "/api/auth/audit",
    tag = "administration",
    operation_id = "listAudit",
    summary = "List the audit trail",
    description = "Who did what, the newest first.",
    params(
        ("user_id" = Option<schema::AccountId>, Query, description = "Who did it, or whom it is about."),
        ("event" = Option<schema::EventWord>, Query),
        ("email" = Option<String>, Query, nullable = false, description = "The e-mail address that was given, with an account or without."),
        ("address" = Option<String>, Query, nullable = false, description = "The client's IP address."),
        ("since" = Option<String>, Query, nullable = false, format = DateTime, description = "Not before."),
        ("until" = Option<String>, Query, nullable = false, format = DateTime, description = "Not after."),
        ("cursor" = Option<schema::Counting>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<schema::Counting>, Query, description = "100, unless it is said; 500 at most, and more is as 500."),
    ),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of the trail.", body = schema::AuditAnswer), Refusals),
)]
pub(super) async fn list(
    State(services): State<Shared>,
    admin: Administrator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let query = read(&Query::parse(query.as_deref()))?;
    let page = services.audit.find(query).await?;
    Ok(Answer::text(body(&page)).with_quota(admin.quota.as_ref()))
}

/// The events of the trail. That a stranger calls `/verify` is in the log only: it may be a flood.
pub(crate) fn recorded() -> impl Iterator<Item = &'static str> {
    let logged = Event::ALL.into_iter().filter(|event| *event != Event::UntrustedProxy);
    logged.map(Event::as_str).chain(["audit_expired"])
}

fn read(query: &Query) -> Result<AuditQuery, Problem> {
    let wrong = |message: String| Problem::new(Code::ValidationFailed).with_message(message);
    let user = query.text("user_id").map(|text| {
        text.parse::<UserId>().map_err(|()| wrong("user_id must be a positive integer".to_owned()))
    });
    let event = query.text("event").map(|word| {
        let known = recorded().any(|known| known == word);
        if known {
            Ok(word.to_owned())
        } else {
            let words: Vec<_> = recorded().collect();
            Err(wrong(format!("event must be one of {}", words.join(", "))))
        }
    });
    let email = query
        .text("email")
        .map(|text| Email::parse(text).map_err(|_| wrong("email must be an e-mail address".to_owned())));
    let address = query
        .text("address")
        .map(|text| text.parse::<IpAddr>().map_err(|_| wrong("address must be an IP address".to_owned())));
    let limit = query.number("limit")?.unwrap_or(LIMIT.0).min(LIMIT.1);
    Ok(AuditQuery {
        user: user.transpose()?,
        event: event.transpose()?,
        email: email.transpose()?.map(|email| email.as_str().to_owned()),
        // As it stands in entries.
        address: address.transpose()?.map(|address| address.to_canonical().to_string()),
        since: query.moment("since")?,
        until: query.moment("until")?,
        before: query.number("cursor")?,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    })
}

/// The lines as they are: their hashes are of this very text.
fn body(page: &AuditPage) -> String {
    let next = page.next.map_or("null".to_owned(), |seq| format!("\"{seq}\""));
    format!("{{\"events\":[{}],\"next_cursor\":{next}}}", page.lines.join(","))
}
