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
mod premises;
mod registration;
mod rotation;
#[cfg(test)]
mod tests;
mod trail;
mod writes;

pub(crate) use amendment::amend;
pub(crate) use deletion::{delete, goes_with};
pub(crate) use ending::{Leaving, close, close_of, close_rest, is_over};
pub(crate) use familiar::{add, is_familiar};
pub(crate) use invitation::{invite, is_replaced, withdraw};
pub(crate) use ledger::{is_known, record, widest};
pub(crate) use opening::{Opening, open};
pub(crate) use password::set_password;
pub(crate) use premises::{Premises, account, alone, ticket};
pub(crate) use registration::{admit, create, in_order, taken};
pub(crate) use rotation::{Presented, rotate};
pub(crate) use trail::{expired, hour};
pub(crate) use writes::{AccountWrite, InvitationWrite, SessionWrite, Writes};
