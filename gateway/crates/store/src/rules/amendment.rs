//! What a change of an account revokes: another role or activity, all tokens that were issued before.

use super::administrators::one_stays;
use super::preconditions::ticket;
use super::{AccountWrite, LoadedPreconditions, Writes};
use crate::{Amended, Amendment, Revocation, StoreError, User};
use gateway_clock::Timestamp;

/// `active` are the active administrators before.
pub fn amend(
    before: User,
    amendment: &Amendment,
    active: u64,
    revoked_until: Timestamp,
    preconditions: &LoadedPreconditions,
) -> Result<(Amended, Writes), StoreError> {
    let mut user = amended(before.clone(), amendment);
    if user == before {
        // It is recorded only where it used something up all the same.
        let is_used = ticket(preconditions.work).is_some();
        let writes = if is_used {
            recorded(&user, amendment, Writes::default(), preconditions)?
        } else {
            Writes::default()
        };
        return Ok((Amended { user, is_changed: false, revoked: None }, writes));
    }
    let has_another_standing = (user.role, user.is_active) != (before.role, before.is_active);
    let revoked = has_another_standing.then(|| raise(&mut user, revoked_until));
    one_stays(&before, Some(&user), active)?;
    let writes = Writes {
        accounts: vec![AccountWrite::Changed { before, after: user.clone() }],
        revocations: revoked.into_iter().collect(),
        ..Writes::default()
    };
    let writes = recorded(&user, amendment, writes, preconditions)?;
    Ok((Amended { user, is_changed: true, revoked }, writes))
}

/// Raises the generation: all tokens of before are refused.
pub(super) fn raise(user: &mut User, until: Timestamp) -> Revocation {
    user.generation = user.generation.next();
    Revocation::Generation { user: user.id, minimum: user.generation, until }
}

fn amended(mut user: User, amendment: &Amendment) -> User {
    let Amendment { first_name, last_name, role, is_active, email_verified } = amendment.clone();
    user.first_name = first_name.unwrap_or(user.first_name);
    user.last_name = last_name.unwrap_or(user.last_name);
    user.role = role.unwrap_or(user.role);
    user.is_active = is_active.unwrap_or(user.is_active);
    user.email_verified = email_verified.unwrap_or(user.email_verified);
    user
}

/// An entry that does not say what is now gets what the account is: as it became, and not as it was when
/// somebody looked. A proof of the address leaves that as it is.
fn recorded(
    user: &User,
    amendment: &Amendment,
    writes: Writes,
    preconditions: &LoadedPreconditions,
) -> Result<Writes, StoreError> {
    let mut work = preconditions.work.clone();
    if amendment.email_verified.is_none() {
        work.cause_mut().entry_mut().detail.get_or_insert_with(|| user.standing());
    }
    preconditions.accompany(work, writes)
}
