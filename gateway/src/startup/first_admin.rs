//! The first administrator, when there is none. An existing account is never promoted: somebody
//! could have registered that address first.

use std::net::{IpAddr, Ipv4Addr};

use crate::clock::Clock;
use crate::identity::{Email, Role};
use crate::password::{HashPool, Password};
use crate::store::{Actor, Along, Entry, NewUser, StoreError, StoredHash, Users};
use crate::telemetry::Event;

/// Answers whether it was made now.
pub(super) async fn ensure(
    users: &dyn Users,
    hashing: &HashPool,
    clock: &dyn Clock,
    (email, password): (Email, Password),
) -> Result<bool, String> {
    let unreadable = |fault: StoreError| format!("the account store cannot be read: {fault}");
    if users.has_administrator().await.map_err(unreadable)? {
        return Ok(false);
    }
    let hash =
        hashing.hash(IpAddr::V4(Ipv4Addr::LOCALHOST), password).await.map_err(|fault| fault.to_string())?;
    let admin = NewUser {
        email,
        password_hash: StoredHash(hash),
        first_name: String::new(),
        last_name: String::new(),
        role: Role::Admin,
        created_at: clock.now(),
        // Whoever starts the gateway vouches for it.
        email_verified: true,
        ask_to_verify: false,
    };
    let entry = Entry {
        actor: Some(Actor::Gateway),
        email: Some(admin.email.as_str().to_owned()),
        now: Some(Role::Admin.to_string()),
        ..Entry::of(Event::AccountCreated.word())
    };
    match users.create(admin, Along::entry(clock.now(), entry)).await {
        Ok(user) => {
            tracing::info!(user_id = user.id.get(), "the first administrator was made");
            Ok(true)
        }
        Err(StoreError::Conflict) => Err(
            "GATEWAY_ADMIN_EMAIL has an account already, which is no administrator, and there is no other administrator. \
             It is not promoted, since anybody could have registered it: choose another address"
                .to_owned(),
        ),
        Err(fault) => Err(format!("the first administrator cannot be stored: {fault}")),
    }
}
