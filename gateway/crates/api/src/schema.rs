//! What requests and answers look like, as the document of the endpoints describes them. Where an
//! endpoint answers with one of these types, it cannot say anything else.

mod account;
mod audit;
mod invitation;
mod keys;
mod message;
mod page;
mod refusal;
mod report;
mod request;
mod session;
mod tokens;

pub(super) use account::{Account, AccountAnswer, AccountSummary, Accounts, Export, Profile, ProfileAnswer};
pub(super) use audit::{AuditAnswer, EventWord};
pub(super) use invitation::{InvitationAnswer, Invitations};
pub(super) use keys::KeySet;
pub(super) use message::{Message, Registered};
pub(super) use page::{AccountId, Counting, Pagination};
pub(super) use refusal::{ProblemDetails, Refusal};
pub(super) use report::{LoginCounts, Report, SessionCount, UserCounts};
pub(super) use request::{
    AccountChange, AccountRemoval, EmailProof, InvitationWish, LoginRequest, LogoutRequest, ModeWord,
    NamesChange, PasswordChange, PasswordForgotten, PasswordReset, RefreshRequest, Registration,
};
pub(super) use session::{FamiliarNetwork, OwnSession, Sessions};
pub(super) use tokens::{LoginAnswer, RefreshAnswer};
