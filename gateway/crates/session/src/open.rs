//! A fresh session: access and refresh token together.

use std::sync::Arc;

use super::{Lifecycle, SessionFault};
use gateway_identity::{SessionId, TokenId, UserAgent};
use gateway_store::{
    AuditEvent, CommitFault, Precondition, RefreshToken, Session, SessionLimit, Sessions, UnitOfWork, User,
};
use gateway_token::{AccessGrant, RefreshFacts};

/// Where a login came from: shown to its owner in the list of sessions.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: String,
    pub user_agent: UserAgent,
}

/// What a login answers with, and a refresh that rotates.
#[derive(Clone)]
pub struct TokenPair {
    pub access: String,
    pub refresh: String,
    pub expires_in_seconds: u64,
    pub session: SessionId,
    /// How long the session lives on.
    pub session_seconds: u64,
}

impl Lifecycle {
    /// The session is durable before its tokens exist, and rests on the account as it was looked at. Its
    /// id is added to what is recorded. `ended` is recorded of each session that has to end for it, and
    /// `then` follows in memory.
    pub async fn open(
        &self,
        user: &User,
        origin: Origin,
        because: AuditEvent,
        ended: AuditEvent,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<TokenPair, SessionFault> {
        let now = self.clock.now();
        let expires_at = now.plus(self.issuer.terms.refresh_lifetime);
        let session = Session {
            id: SessionId::random(),
            user: user.id,
            created_at: now,
            last_used_at: now,
            expires_at,
            current: RefreshToken { id: TokenId::random(), issued_at: now, expires_at },
            current_used: false,
            previous: None,
            address: origin.address,
            user_agent: origin.user_agent,
        };
        let work =
            UnitOfWork::because(because.in_session(session.id)).provided(Precondition::unchanged(user));
        let revoked_until = self.access_tokens_end(now);
        let room = SessionLimit { sessions_max: self.sessions_max, revoked_until, ended };
        let opened = session.clone();
        let open = |sessions: Arc<dyn Sessions>| async move {
            Ok(sessions.open(opened, room, work).await?.inspect(|()| then()))
        };
        match self.commit(open).await {
            // The login is done, and what ended is in the ledger: the view is told as soon as it can be.
            Err(CommitFault::Unpublished { fault, .. }) => {
                tracing::error!(error = %fault, "sessions that ended for a login are not yet refused everywhere");
            }
            opened => opened?,
        }
        self.pair(user, &session)
    }

    pub(super) fn pair(&self, user: &User, session: &Session) -> Result<TokenPair, SessionFault> {
        Ok(TokenPair {
            access: self.access_token(user, session.id)?,
            refresh: self.refresh_token(user, session)?,
            expires_in_seconds: self.issuer.terms.access_lifetime.as_secs(),
            session: session.id,
            session_seconds: session.expires_at.seconds().saturating_sub(self.clock.now().seconds()),
        })
    }

    pub(super) fn access_token(&self, user: &User, session: SessionId) -> Result<String, SessionFault> {
        let grant = AccessGrant {
            user: user.id,
            email: &user.email,
            role: user.role,
            session,
            generation: user.generation,
        };
        Ok(self.issuer.access(grant, self.clock.now())?)
    }

    /// The session's refresh token that is in force; the same facts make the same token.
    fn refresh_token(&self, user: &User, session: &Session) -> Result<String, SessionFault> {
        let current = session.current;
        let facts =
            RefreshFacts { id: current.id, issued_at: current.issued_at, expires_at: current.expires_at };
        Ok(self.issuer.refresh(user.id, &user.email, session.id, facts)?)
    }
}
