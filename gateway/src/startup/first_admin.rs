//! The first administrator, when there is none. An existing account is never promoted: somebody
//! could have registered that address first.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use gateway_api::Services;
use gateway_identity::{Email, Role};
use gateway_password::Password;
use gateway_session::SessionFault;
use gateway_store::{AuditEvent, CommitFault, Event, NewUser, StoreError, StoredHash, UnitOfWork, commit};

/// Answers whether it was made now.
pub(super) async fn ensure(
    services: &Services,
    (email, password): (Email, Password),
) -> Result<bool, String> {
    let users = Arc::clone(&services.users);
    let unreadable = |fault: StoreError| format!("the account store cannot be read: {fault}");
    if users.has_administrator().await.map_err(unreadable)? {
        return Ok(false);
    }
    let hash = services.hashing.hash(IpAddr::V4(Ipv4Addr::LOCALHOST), password).await;
    let hash = hash.map_err(|fault| fault.to_string())?;
    let admin = NewUser {
        email,
        password_hash: StoredHash(hash),
        first_name: String::new(),
        last_name: String::new(),
        role: Role::Admin,
        created_at: services.clock.now(),
        // The operator who starts the gateway vouches for the address.
        email_verified: true,
        ask_to_verify: false,
    };
    let event = AuditEvent::of_gateway(Event::AccountCreated, services.clock.now());
    let work = UnitOfWork::because(event.with_email(&admin.email).with_detail(Role::Admin.to_string()));
    match commit(&services.sessions.announce, async move { users.create(admin, work).await }).await {
        Ok(user) => {
            tracing::info!(user_id = user.id.get(), "the first administrator was made");
            Ok(true)
        }
        // Another gateway that started with this one may have made it.
        Err(CommitFault::Store(StoreError::Conflict))
            if services.users.has_administrator().await.map_err(unreadable)? =>
        {
            Ok(false)
        }
        Err(CommitFault::Store(StoreError::Conflict)) => Err(
            "GATEWAY_ADMIN_EMAIL has an account already, which is no administrator, and there is no other administrator. \
             It is not promoted, since anybody could have registered it: choose another address"
                .to_owned(),
        ),
        Err(fault) => {
            Err(format!("the first administrator cannot be stored: {}", SessionFault::from(fault)))
        }
    }
}
