//! Who is let in: tokens that were revoked, limits that are used up, roles that are lacking.

mod authorization;
mod defaults;
mod login_limits;
mod networks;
mod rate_limits;
mod revocation;
