//! What a client is told when a store fails. The cause goes to the log, here and once; the client learns
//! whether to retry.

use std::time::Duration;

use gateway_store::{CommitFault, StoreError};

use crate::{Code, Problem};

impl From<StoreError> for Problem {
    fn from(fault: StoreError) -> Self {
        match fault {
            StoreError::LastAdministrator => return Self::new(Code::LastAdmin),
            StoreError::Conflict => return Self::validation(vec!["Email already registered".into()]),
            // Each endpoint knows which token it was; here it cannot come from a client's doing.
            StoreError::TicketGone => return Self::new(Code::VerificationTokenInvalid),
            // The password that was right a moment ago, or the account, is another one now.
            StoreError::Outdated => return Self::new(Code::InvalidCredentials),
            StoreError::Full(_) | StoreError::Unavailable(_) | StoreError::Corrupt(_) => {}
        }
        tracing::error!(error = %fault, "the account store failed");
        Self::new(Code::StoreUnavailable).retry_after(Duration::from_secs(5))
    }
}

impl<T> From<CommitFault<T>> for Problem {
    fn from(fault: CommitFault<T>) -> Self {
        match fault {
            CommitFault::Store(fault) => fault.into(),
            CommitFault::Unpublished { fault, .. } => {
                tracing::error!(error = %fault, "what is durable is not known everywhere yet");
                Self::new(Code::RevocationUnavailable).retry_after(Duration::from_secs(1))
            }
        }
    }
}

impl axum_core::response::IntoResponse for Problem {
    /// Carried as it is: in which form it is read is known to whoever serves it.
    fn into_response(self) -> axum_core::response::Response {
        let status = http::StatusCode::from_u16(self.code().entry().status);
        let status = status.unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = axum_core::response::IntoResponse::into_response(status);
        response.extensions_mut().insert(self);
        response
    }
}
