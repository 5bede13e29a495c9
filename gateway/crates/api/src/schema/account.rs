//! Accounts, as administrators and their owners see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::audit::AuditEvent;
use super::page::Pagination;
use super::request::RoleWord;
use super::session::{FamiliarNetwork, OwnSession};
use gateway_identity::{Email, Role, UserId};
use gateway_store::User;

/// An account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account {
    #[schema(value_type = u64, minimum = 1, example = 2)]
    id: UserId,
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    email: Email,
    #[schema(example = "Ada")]
    first_name: String,
    #[schema(example = "Lovelace")]
    last_name: String,
    #[schema(value_type = RoleWord)]
    role: Role,
    /// RFC 3339, in UTC.
    #[schema(format = DateTime, example = "2026-01-31T09:00:00Z")]
    created_at: String,
    /// An inactive account can neither log in nor use a token.
    is_active: bool,
    /// Whether somebody proved to read the mail of the address.
    email_verified: bool,
}

impl From<&User> for Account {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            role: user.role,
            created_at: user.created_at.to_string(),
            is_active: user.is_active,
            email_verified: user.email_verified,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AccountAnswer {
    pub(crate) user: Account,
}

/// An account in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountSummary {
    #[schema(value_type = u64, minimum = 1, example = 2)]
    id: UserId,
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    email: Email,
    #[schema(value_type = RoleWord)]
    role: Role,
    /// RFC 3339, in UTC.
    #[schema(format = DateTime, example = "2026-01-31T09:00:00Z")]
    created_at: String,
    is_active: bool,
}

impl From<&User> for AccountSummary {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            role: user.role,
            created_at: user.created_at.to_string(),
            is_active: user.is_active,
        }
    }
}

/// A page of the accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accounts {
    pub(crate) users: Vec<AccountSummary>,
    pub(crate) pagination: Pagination,
}

/// One's own account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Profile {
    #[schema(value_type = u64, minimum = 1, example = 2)]
    id: UserId,
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    email: Email,
    #[schema(example = "Ada")]
    first_name: String,
    #[schema(example = "Lovelace")]
    last_name: String,
    #[schema(value_type = RoleWord)]
    role: Role,
}

impl From<&User> for Profile {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            role: user.role,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileAnswer {
    pub(crate) user: Profile,
}

/// Everything that is kept of a person.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the endpoint puts it together from lines that are JSON already")]
pub(crate) struct Export {
    /// RFC 3339, in UTC.
    #[schema(format = DateTime, example = "2026-01-31T09:00:00Z")]
    exported_at: String,
    account: Account,
    sessions: Vec<OwnSession>,
    /// From where the account was used, the last one first. Where that was within 90 days, failed logins
    /// of others do not count.
    familiar_networks: Vec<FamiliarNetwork>,
    /// Of the audit trail, the newest 10,000.
    events: Vec<AuditEvent>,
}
