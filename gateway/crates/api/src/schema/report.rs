//! What happened in a period, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(crate) struct Report {
    /// RFC 3339, in UTC. What is counted by hours counts the hours of both ends as a whole.
    #[schema(format = DateTime, example = "2026-01-30T09:00:00Z")]
    pub(crate) since: String,
    #[schema(format = DateTime, example = "2026-01-31T09:00:00Z")]
    pub(crate) until: String,
    pub(crate) users: UserCounts,
    pub(crate) logins: LoginCounts,
    pub(crate) sessions: SessionCount,
    /// Tokens and sessions that are refused now, and not over yet.
    pub(crate) revocations: SessionCount,
    /// Refused requests, by the code of the refusal.
    #[schema(example = json!({ "token_expired": 3 }))]
    pub(crate) refused: BTreeMap<String, u64>,
    /// By the word of the event.
    #[schema(example = json!({ "login_succeeded": 7 }))]
    pub(crate) events: BTreeMap<String, u64>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UserCounts {
    pub(crate) total: u64,
    pub(crate) active: u64,
    pub(crate) admins: u64,
    /// Made in the period.
    pub(crate) new: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LoginCounts {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
}

/// How many there are now.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveCount)]
pub(crate) struct SessionCount {
    pub(crate) live: u64,
}
