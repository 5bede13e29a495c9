//! The end of an account, by its owner or by an administrator.

use super::{Client, Services};
use crate::problem::{Code, Problem};
use crate::session::SessionFault;
use crate::store::{Actor, Revocation, User};
use crate::telemetry::{Event, SecurityLine};

impl Services {
    /// Removes the account with its sessions, refuses its tokens from now on, and has its owner told,
    /// and services behind.
    pub(super) async fn delete(&self, user: &User, client: &Client, actor: Actor) -> Result<(), Problem> {
        let line = SecurityLine { email: Some(user.email.as_str()), ..client.line() };
        let deed = client.deed(Event::AccountDeleted, line, self).about(user.id).by(actor);
        let until = self.sessions.access_tokens_end(self.clock.now());
        let deleted = self.users.delete(user.id, until, deed.along()).await?;
        let (_, revoked) = deleted.ok_or(Problem::new(Code::UserNotFound))?;
        deed.tell(self);
        self.deliver_soon();
        self.publish(&[revoked]).await
    }

    /// Makes revocations that are recorded already visible to every check.
    pub(super) async fn publish(&self, revoked: &[Revocation]) -> Result<(), Problem> {
        if revoked.is_empty() {
            return Ok(());
        }
        let published = self.sessions.revocations.publish(revoked).await;
        published.map_err(|fault| SessionFault::from(fault).into())
    }
}
