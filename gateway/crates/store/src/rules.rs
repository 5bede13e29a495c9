//! What becomes of accounts, sessions and tickets, as pure functions: a driver loads, calls one of them
//! inside its transaction, and writes what it answers. Nothing is read or written here, and no driver
//! decides.

mod administrators;
mod amendment;
mod deletion;
mod ending;
mod familiar;
mod invitation;
mod ledger;
mod mail;
mod opening;
mod password;
mod preconditions;
mod registration;
mod rotation;
#[cfg(test)]
mod tests;
mod trail;
mod writes;

pub use amendment::amend;
pub use deletion::{delete, goes_with};
pub use ending::{Leaving, close, close_of, close_rest, is_over};
pub use familiar::{add, is_familiar};
pub use invitation::{invite, is_replaced, withdraw};
pub use ledger::{is_known, record, widest};
pub use opening::{Opening, open};
pub use password::set_password;
pub use preconditions::{LoadedPreconditions, account, alone, ticket};
pub use registration::{admit, create, in_order, taken};
pub use rotation::{RefreshState, rotate};
pub use trail::{PAGE_BYTES_MAX, Search, expired, hour};
pub use writes::{AccountWrite, InvitationWrite, SessionWrite, Writes};
