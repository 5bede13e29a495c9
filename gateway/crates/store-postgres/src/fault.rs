//! How a database fails, in the words of the ports. What it says in detail may name an address of
//! somebody: only its message is told.

use gateway_store::StoreError;
use tokio_postgres::error::SqlState;

/// Why a transaction stops before anything was committed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A refusal, ours or the database's: nothing is changed.
    Refused(StoreError),
    /// The connection is lost, or the server cannot write just now: another one may do.
    Lost(String),
    /// The transaction met another one, and is to be run once more.
    Met(String),
}

impl From<StoreError> for Stop {
    fn from(refusal: StoreError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<tokio_postgres::Error> for Stop {
    fn from(fault: tokio_postgres::Error) -> Self {
        let said = said(&fault);
        match fault.code() {
            None => Self::Lost(said),
            Some(code) => from_state(code, said),
        }
    }
}

/// The server's message without its details, or what befell the connection.
pub(crate) fn said(fault: &tokio_postgres::Error) -> String {
    if let Some(database) = fault.as_db_error() {
        return format!("{} ({})", database.message(), database.code().code());
    }
    // The cause says more than "db error" or "error connecting to server".
    match std::error::Error::source(fault) {
        Some(cause) => format!("{fault}: {cause}"),
        None => fault.to_string(),
    }
}

fn from_state(code: &SqlState, said: String) -> Stop {
    match *code {
        SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE => Stop::Met(said),
        SqlState::UNIQUE_VIOLATION => Stop::Refused(StoreError::Conflict),
        SqlState::DISK_FULL => Stop::Refused(StoreError::Full(said)),
        // A standby, or a primary that was deposed.
        SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Stop::Lost(said),
        _ if code.code().starts_with("08") => Stop::Lost(said),
        _ => Stop::Refused(StoreError::Unavailable(said)),
    }
}

/// A record that cannot be understood. `what` names it, never its content.
pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} cannot be read"))
}
