//! Invitations, as administrators see them. The token is only in the mail.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::Pagination;
use super::request::RoleWord;
use gateway_identity::{Email, Role, UserId};
use gateway_store::Invitation;

/// An invitation that is good.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationAnswer {
    #[schema(minimum = 1, example = 1)]
    id: u64,
    #[schema(value_type = String, format = Email, example = "grace@example.com")]
    email: Email,
    #[schema(value_type = RoleWord)]
    role: Role,
    /// RFC 3339, in UTC.
    #[schema(format = DateTime, example = "2026-01-31T09:00:00Z")]
    created_at: String,
    /// RFC 3339, in UTC.
    #[schema(format = DateTime, example = "2026-02-07T09:00:00Z")]
    expires_at: String,
    /// The administrator; null where it came from the command line.
    #[schema(value_type = Option<u64>, required, minimum = 1, example = 1)]
    invited_by: Option<UserId>,
}

impl From<&Invitation> for InvitationAnswer {
    fn from(invitation: &Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email.clone(),
            role: invitation.role,
            created_at: invitation.created_at.to_string(),
            expires_at: invitation.expires_at.to_string(),
            invited_by: invitation.invited_by,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Invitations {
    pub(crate) invitations: Vec<InvitationAnswer>,
    pub(crate) pagination: Pagination,
}
