//! What happened in a period, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Report {
    /// RFC 3339, in UTC. What is counted by hours counts the hours of both ends as a whole.
    #[schema(format = DateTime, example = "2026-01-30T09:00:00Z")]
    pub(in crate::api) since: String,
    #[schema(format = DateTime, example = "2026-01-31T09:00:00Z")]
    pub(in crate::api) until: String,
    pub(in crate::api) users: UserCounts,
    pub(in crate::api) logins: LoginCounts,
    pub(in crate::api) sessions: SessionCount,
    /// Tokens and sessions that are refused now, and not over yet.
    pub(in crate::api) revocations: SessionCount,
    /// Refused requests, by the code of the refusal.
    #[schema(example = json!({ "token_expired": 3 }))]
    pub(in crate::api) refused: BTreeMap<String, u64>,
    /// By the word of the event.
    #[schema(example = json!({ "login_succeeded": 7 }))]
    pub(in crate::api) events: BTreeMap<String, u64>,
}

#[derive(Serialize, ToSchema)]
pub(in crate::api) struct UserCounts {
    pub(in crate::api) total: u64,
    pub(in crate::api) active: u64,
    pub(in crate::api) admins: u64,
    /// Made in the period.
    pub(in crate::api) new: u64,
}

#[derive(Serialize, ToSchema)]
pub(in crate::api) struct LoginCounts {
    pub(in crate::api) succeeded: u64,
    pub(in crate::api) failed: u64,
}

/// How many there are now.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveCount)]
pub(in crate::api) struct SessionCount {
    pub(in crate::api) live: u64,
}
