//! A unit of work, and what is said of it once it is durable. No I/O and no word of the domain is here:
//! stores carry units of work out, and an [`Announce`] says what came of them.
//!
//! A change begins with its audit event, goes through a store, and ends in [`commit()`]:
//!
//! ```
//! # use commit::doc::*;
//! # async fn endpoint(announce: &std::sync::Arc<dyn commit::Announce<Words>>) -> Result<(), commit::Failed<Words, u32>> {
//! let work = commit::UnitOfWork::<Words>::because("account_changed").sending("a mail");
//! let value: u32 = commit::commit(announce, async { store(work) }).await?;
//! # Ok(()) }
//! ```
//!
//! What goes wrong most easily does not compile. Each sample has a twin that compiles, and differs in
//! that point only.
//!
//! A commit that nobody announces:
//!
//! ```compile_fail
//! #![deny(unused_must_use)]
//! # use commit::doc::*;
//! fn endpoint(work: commit::UnitOfWork<Words>) -> Result<(), &'static str> {
//!     store(work)?;
//!     Ok(())
//! }
//! ```
//!
//! ```
//! #![deny(unused_must_use)]
//! # use commit::doc::*;
//! # type Announced = std::sync::Arc<dyn commit::Announce<Words>>;
//! async fn endpoint(to: &Announced, work: commit::UnitOfWork<Words>) -> Result<(), commit::Failed<Words, u32>> {
//!     commit::commit(to, async { store(work) }).await?;
//!     Ok(())
//! }
//! ```
//!
//! The value without the announcement (E0616, a private field):
//!
//! ```compile_fail,E0616
//! # use commit::doc::*;
//! fn endpoint(committed: commit::Committed<Words, u32>) -> u32 {
//!     committed.value
//! }
//! ```
//!
//! ```
//! # use commit::doc::*;
//! fn endpoint(committed: commit::Committed<Words, u32>) -> commit::Committed<Words, u32> {
//!     committed
//! }
//! ```
//!
//! Nor by taking it apart (E0451):
//!
//! ```compile_fail,E0451
//! # use commit::doc::*;
//! fn endpoint(committed: commit::Committed<Words, u32>) {
//!     let commit::Committed { value, .. } = committed;
//! }
//! ```
//!
//! ```
//! # use commit::doc::*;
//! fn endpoint(committed: commit::Committed<Words, u32>) {
//!     let commit::Committed { .. } = committed;
//! }
//! ```
//!
//! A change without its audit event (E0599, there is no default):
//!
//! ```compile_fail,E0599
//! # use commit::doc::*;
//! let change = store(commit::UnitOfWork::<Words>::default());
//! ```
//!
//! ```
//! # use commit::doc::*;
//! let change = store(commit::UnitOfWork::<Words>::because("account_changed"));
//! ```
//!
//! A store that answers without the unit of work that it was given (E0061), and so one that forgets what
//! it revoked:
//!
//! ```compile_fail,E0061
//! # use commit::doc::*;
//! fn store(work: commit::UnitOfWork<Words>) -> commit::Committed<Words, u32> {
//!     work.committed(1)
//! }
//! ```
//!
//! ```
//! # use commit::doc::*;
//! fn store(work: commit::UnitOfWork<Words>) -> commit::Committed<Words, u32> {
//!     work.committed(1, vec![7])
//! }
//! ```
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]
#![deny(clippy::let_underscore_must_use)]

mod announce;
mod under_way;
mod unit_of_work;

pub use announce::{Announce, Failed, Published, commit};
pub use under_way::UnderWay;
pub use unit_of_work::{Committed, UnitOfWork};

/// The words of a store.
pub trait Domain: Sized + 'static {
    /// The audit event.
    type Event: Clone + Send + Sync + 'static;
    /// What is to leave the house later.
    type Message: Clone + Send + Sync + 'static;
    /// On what a change rests: where it does not hold, nothing is changed.
    type Precondition: Clone + Send + Sync + 'static;
    /// What is no longer in force.
    type Revocation: Send + Sync + 'static;
    /// Why a change was not made.
    type Fault: Send + 'static;
    /// Why a revocation is not known everywhere yet.
    type Unpublished: Send + 'static;
}

#[doc(hidden)]
pub mod doc;
