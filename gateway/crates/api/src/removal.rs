//! The end of an account, by its owner or by an administrator.

use std::sync::Arc;

use super::{Client, Services};
use gateway_problem::{Code, Problem};
use gateway_store::{Actor, Event, UnitOfWork, User};

impl Services {
    /// Removes the account with its sessions, refuses its tokens from now on, and has its owner told, and
    /// services behind.
    pub(super) async fn delete(
        self: &Arc<Self>,
        user: &User,
        client: &Client,
        actor: Actor,
    ) -> Result<(), Problem> {
        let id = user.id;
        let event = client.event(Event::AccountDeleted, self).about(id).with_email(&user.email).by(actor);
        let work = UnitOfWork::because(event);
        let until = self.sessions.access_tokens_end(self.clock.now());
        let deleted =
            self.commit(|services| async move { services.users.delete(id, until, work).await }).await?;
        deleted.map(drop).ok_or(Problem::new(Code::UserNotFound))
    }
}
