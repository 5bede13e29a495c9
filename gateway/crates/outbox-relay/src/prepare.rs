//! From an errand to a letter. Tokens are made here, at the last moment: none is ever in the queue,
//! and its time begins when the mail goes out.

use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

use super::OutboxRelay;
use gateway_identity::Email;
use gateway_notify::Notification;
use gateway_store::{OutboxMessage, Purpose, StoreError, Ticket, TicketKey};

/// As the contract has it.
const RESET_LIFETIME: Duration = Duration::from_secs(30 * 60);
const VERIFICATION_LIFETIME: Duration = Duration::from_secs(48 * 3_600);
/// 256 bits.
const TOKEN_BYTES: usize = 32;

impl OutboxRelay {
    /// The recipient and the notification. `None` where that is nobody.
    pub(super) async fn notification(
        &self,
        errand: &OutboxMessage,
    ) -> Result<Option<(Email, Notification)>, StoreError> {
        let written = match errand {
            OutboxMessage::PasswordReset { email } => {
                let user = self.users.by_email(email).await?.filter(|user| user.is_active);
                // A token is made in each case, and for nobody it is dropped: who asks again at once
                // would otherwise feel by the store's work whether somebody is there.
                let purpose = match &user {
                    Some(user) => {
                        let password_version = user.password_version;
                        Purpose::PasswordReset { user: user.id, password_version }
                    }
                    // There is no such invitation.
                    None => Purpose::Invitation { id: 0 },
                };
                let token = self.token(purpose, RESET_LIFETIME).await?;
                let Some(user) = user else { return Ok(None) };
                let minutes = RESET_LIFETIME.as_secs() / 60;
                (user.email, Notification::PasswordReset { name: user.first_name, token, minutes })
            }
            OutboxMessage::PasswordChanged { user, at, address } => {
                let Some(user) = self.users.by_id(*user).await? else { return Ok(None) };
                let (at, address) = (at.to_string(), address.clone());
                (user.email, Notification::PasswordChanged { name: user.first_name, at, address })
            }
            OutboxMessage::EmailVerification { user } => {
                let user = self.users.by_id(*user).await?;
                let Some(user) = user.filter(|user| !user.email_verified) else { return Ok(None) };
                let purpose = Purpose::EmailVerification { user: user.id, email: user.email.clone() };
                let token = self.token(purpose, VERIFICATION_LIFETIME).await?;
                let hours = VERIFICATION_LIFETIME.as_secs() / 3_600;
                (user.email, Notification::EmailVerification { name: user.first_name, token, hours })
            }
            OutboxMessage::Invitation { id } => {
                let Some(invitation) = self.tickets.invitation(*id).await? else { return Ok(None) };
                let left = invitation.expires_at.since(self.clock.now());
                if left.is_zero() {
                    return Ok(None);
                }
                let inviter = match invitation.invited_by {
                    Some(id) => self.users.by_id(id).await?,
                    None => None,
                };
                let invited_by = inviter.map_or_else(
                    || "An administrator".to_owned(),
                    |user| {
                        let name = format!("{} {}", user.first_name, user.last_name);
                        if name.trim().is_empty() { user.email.to_string() } else { name.trim().to_owned() }
                    },
                );
                let token = self.token(Purpose::Invitation { id: *id }, left).await?;
                let days = left.as_secs().div_ceil(86_400);
                (
                    invitation.email,
                    Notification::Invitation { token, days, role: invitation.role, invited_by },
                )
            }
            OutboxMessage::Registration { email, password_hash, first_name, last_name } => {
                let known = self.users.by_email(email).await?;
                let purpose = Purpose::Registration {
                    email: email.clone(),
                    password_hash: password_hash.clone(),
                    first_name: first_name.clone(),
                    last_name: last_name.clone(),
                };
                // As above: whoever has an account gets another letter, and the token is dropped.
                let token = self.token(purpose, VERIFICATION_LIFETIME).await?;
                if let Some(user) = known {
                    return Ok(Some((user.email, Notification::AlreadyRegistered { name: user.first_name })));
                }
                let hours = VERIFICATION_LIFETIME.as_secs() / 3_600;
                (email.clone(), Notification::EmailVerification { name: first_name.clone(), token, hours })
            }
            OutboxMessage::AccountDeleted { email, name, at } => {
                let (name, at) = (name.clone(), at.to_string());
                (email.clone(), Notification::AccountDeleted { name, at })
            }
            // That is no letter.
            OutboxMessage::UserDeleted { .. } => return Ok(None),
        };
        Ok(Some(written))
    }

    /// A fresh token for this purpose, which is durable before anybody reads it.
    async fn token(&self, purpose: Purpose, lifetime: Duration) -> Result<SecretString, StoreError> {
        let mut bytes = [0; TOKEN_BYTES];
        rand::fill(&mut bytes)
            .map_err(|_| StoreError::Unavailable("there are no random numbers".to_owned()))?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let ticket = Ticket { purpose, expires_at: self.clock.now().plus(lifetime) };
        self.tickets.issue(TicketKey::from_token(&token), ticket).await?;
        Ok(SecretString::from(token))
    }
}
