//! What only an operator at the machine may do: accounts with a given password, and new passwords
//! for others. An administrator on the network invites, and lets people reset their own.

use axum::extract::{Path, RawQuery, State};
use serde_json::json;

use super::answer::Answer;
use super::body::{Fields, name};
use super::caller::Operator;
use super::choose::owner_of;
use super::page::Query;
use super::view::{answer, role};
use super::{Client, Shared};
use gateway_identity::{Email, Generation, Role, SessionId, TokenId, UserId};
use gateway_password::Owner;
use gateway_problem::{Code, Problem};
use gateway_session::SessionFault;
use gateway_store::{
    CommitFault, Event, NewUser, PasswordChange, Proof, StoreError, Subject, TokenStatus, UnitOfWork,
};

pub(super) async fn add_user(
    State(services): State<Shared>,
    client: Client,
    operator: Operator,
    fields: Fields,
) -> Result<Answer, Problem> {
    let invalid = |text: String| Problem::validation(vec![text.into()]);
    let email = Email::parse(fields.text("email")?.unwrap_or(""));
    let email = email.map_err(|_| invalid("Invalid email address".to_owned()))?;
    let role = fields.text("role")?.map(role).transpose()?.unwrap_or(Role::User);
    let first_name = name(&fields, "first_name")?.map_err(invalid)?.unwrap_or_default();
    let last_name = name(&fields, "last_name")?.map_err(invalid)?.unwrap_or_default();
    let owner = Owner { email: email.as_str(), first_name: &first_name, last_name: &last_name };
    let password_hash = services.chosen(&client, fields.text("password")?.unwrap_or(""), &owner).await?;
    let event = client.event(Event::AccountCreated, &services).by(operator.actor).with_email(&email);
    let work = UnitOfWork::because(event.with_detail(role.to_string()));
    let new = NewUser {
        email,
        password_hash,
        first_name,
        last_name,
        role,
        created_at: services.clock.now(),
        // The operator of the machine vouches for it.
        email_verified: true,
        ask_to_verify: false,
    };
    match services.commit(|services| async move { services.users.create(new, work).await }).await {
        Ok(user) => Ok(Answer::created(answer(&user))),
        Err(CommitFault::Store(StoreError::Conflict)) => Err(invalid("Email already registered".to_owned())),
        Err(fault) => Err(fault.into()),
    }
}

/// The account of an address, for who has no id at hand.
pub(super) async fn find_user(
    State(services): State<Shared>,
    _: Operator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let query = Query::parse(query.as_deref());
    let email = query.text("email").and_then(|email| Email::parse(email).ok());
    let user = match email {
        Some(email) => services.users.by_email(&email).await?,
        None => None,
    };
    let user = user.ok_or(Problem::new(Code::UserNotFound))?;
    Ok(Answer::ok(answer(&user)))
}

/// What the revocation view says of a token that was verified elsewhere: of one of another issuer, by
/// its own id alone.
pub(super) async fn standing(
    State(services): State<Shared>,
    _: Operator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let query = Query::parse(query.as_deref());
    let token = query.text("token").and_then(TokenId::parse).ok_or(Problem::new(Code::InvalidRequest))?;
    let subject = (|| {
        let session = SessionId::parse(query.text("session")?)?;
        let user = query.text("user")?.parse().ok()?;
        let generation = Generation(query.text("generation")?.parse().ok()?);
        Some(Subject { token, session, user, generation })
    })();
    let revocations = &services.sessions.revocations;
    let standing = match &subject {
        Some(subject) => revocations.check(subject).answer().await,
        None => revocations.check_token(token).answer().await,
    };
    let word = match standing.map_err(SessionFault::from)? {
        TokenStatus::Active => "in_force",
        TokenStatus::Revoked => "revoked",
        TokenStatus::FailedOpen => "failed_open",
    };
    Ok(Answer::ok(json!({ "standing": word })))
}

/// Lines of the audit trail as they are, in their order.
pub(super) async fn audit_lines(
    State(services): State<Shared>,
    _: Operator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let query = Query::parse(query.as_deref());
    let first = query.number("first")?.unwrap_or(1);
    let limit = query.number("limit")?.unwrap_or(LINES_MAX).min(LINES_MAX);
    let lines = services.audit.lines(first, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    Ok(Answer::ok(json!({ "lines": lines })))
}

/// Lines of the audit trail in one answer.
const LINES_MAX: u64 = 2_000;

/// Whether the audit trail is whole; what is wrong with it is an answer, too.
pub(super) async fn audit_proof(State(services): State<Shared>, _: Operator) -> Result<Answer, Problem> {
    let body = match services.audit.prove().await? {
        Ok(Proof { entries, first, last, head }) => {
            json!({ "entries": entries, "first": first, "last": last, "head": head.to_string() })
        }
        Err(broken) => json!({ "broken": broken.to_string() }),
    };
    Ok(Answer::ok(body))
}

/// All sessions of the user end with the old password.
pub(super) async fn set_password(
    State(services): State<Shared>,
    client: Client,
    operator: Operator,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Answer, Problem> {
    let missing = || Problem::new(Code::UserNotFound);
    let id: UserId = id.parse().map_err(|()| missing())?;
    let user = services.users.by_id(id).await?.ok_or_else(missing)?;
    let hash = services.chosen(&client, fields.text("password")?.unwrap_or(""), &owner_of(&user)).await?;
    let event = client.event(Event::PasswordChanged, &services).about(id).by(operator.actor);
    let work = UnitOfWork::because(event.with_email(&user.email));
    let asked = PasswordChange {
        user: id,
        version: user.password_version,
        hash,
        keep: None,
        // The operator of the machine vouches for it.
        proves_email: true,
        from: None,
        revoked_until: services.sessions.access_tokens_end(services.clock.now()),
    };
    // With the change: also where not all gateways can be told at once, and for who left.
    let set = |services: Shared| async move {
        let set = services.users.set_password(asked, work).await?;
        Ok(set.inspect(|set| set.iter().for_each(|_| services.failed_logins.reset(&user.email))))
    };
    services.commit(set).await?.ok_or_else(missing)?;
    Ok(Answer::message("Password changed; all sessions ended"))
}
