//! The audit trail, whose lines are JSON already: these types only describe it.
#![expect(dead_code, reason = "the lines are answered as they stand in the trail")]

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::audit::recorded;

/// A page of the audit trail, the newest first.
#[derive(ToSchema)]
pub(crate) struct AuditAnswer {
    events: Vec<AuditEvent>,
    /// To be sent as `cursor` for the events before these; null when there are none.
    #[schema(required, example = "17")]
    next_cursor: Option<String>,
}

/// What happened. What does not apply is left out.
#[derive(ToSchema)]
pub(crate) struct AuditEvent {
    /// From 1 on, without a gap.
    #[schema(minimum = 1, example = 42)]
    seq: u64,
    /// RFC 3339 in UTC, with milliseconds.
    #[schema(format = DateTime, example = "2026-01-31T09:00:00.000Z")]
    time: String,
    #[schema(example = "login_succeeded")]
    event: String,
    #[schema(nullable = false)]
    actor: Option<Actor>,
    /// The account that it is about.
    #[schema(nullable = false, minimum = 1, example = 2)]
    user_id: Option<u64>,
    /// The address that was given, whether there is an account or not.
    #[schema(nullable = false, example = "ada@example.com")]
    email: Option<String>,
    /// The subject that another issuer vouches for.
    #[schema(nullable = false)]
    subject: Option<String>,
    /// The other issuer.
    #[schema(nullable = false)]
    issuer: Option<String>,
    #[schema(nullable = false, format = "uuid")]
    session: Option<String>,
    /// Of the client.
    #[schema(nullable = false, example = "192.0.2.7")]
    address: Option<String>,
    #[schema(nullable = false)]
    user_agent: Option<String>,
    #[schema(nullable = false)]
    request_id: Option<String>,
    /// Why it was refused, or how it was done.
    #[schema(nullable = false)]
    reason: Option<String>,
    /// What is now.
    #[schema(nullable = false)]
    now: Option<String>,
    /// SHA-256 of the event before, in hexadecimal digits; not in the export of an account.
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    prev: Option<String>,
    /// SHA-256 of this event; not in the export of an account.
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    hash: Option<String>,
}

/// The actor.
#[derive(ToSchema)]
#[schema(as = AuditActor)]
struct Actor {
    kind: ActorKind,
    /// The account, for a user.
    #[schema(nullable = false, minimum = 1, example = 1)]
    user_id: Option<u64>,
    /// The system's user, for an operator at the machine.
    #[schema(nullable = false, example = 1000)]
    uid: Option<u32>,
}

#[derive(ToSchema)]
#[schema(as = AuditActorKind, rename_all = "snake_case")]
enum ActorKind {
    User,
    Operator,
    Gateway,
}

/// The words of the list of events.
pub(crate) struct EventWord;

impl PartialSchema for EventWord {
    fn schema() -> RefOr<Schema> {
        let words = recorded();
        let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        word.description(Some("What happened.")).into()
    }
}

impl ToSchema for EventWord {}
