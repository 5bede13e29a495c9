//! `POST /api/auth/register`: a new account.

use axum::extract::State;

use super::answer::{Answer, overloaded};
use super::body::{Fields, name};
use super::choose::{length_fault, weakness_problem};
use super::openapi::refusals::refusals;
use super::{Client, RegistrationMode, Shared, schema};
use gateway_identity::{Email, Role};
use gateway_password::{Owner, Password, breaks_a_rule};
use gateway_problem::{Code, Problem};
use gateway_store::{
    CommitFault, Event, NewUser, OutboxMessage, Precondition, Purpose, StoreError, StoredHash, TicketKey,
    UnitOfWork,
};

/// What it can come to, for the metrics.
pub(super) const RESULTS: [&str; 11] = [
    "ok",
    Code::ValidationFailed.as_str(),
    Code::PasswordTooWeak.as_str(),
    Code::PasswordGuessable.as_str(),
    Code::PasswordBreached.as_str(),
    Code::MissingBody.as_str(),
    Code::RegistrationClosed.as_str(),
    Code::InvitationRequired.as_str(),
    Code::RateLimited.as_str(),
    Code::HashingOverloaded.as_str(),
    Code::StoreUnavailable.as_str(),
];

refusals!(Refusals: BODY LIMITED CHOOSES; MissingBody RegistrationClosed InvitationRequired StoreUnavailable);

#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = "login",
    operation_id = "register",
    summary = "Register an account",
    description = "Addresses are trimmed and lower-cased. What all is wrong is told at once, in `errors`.",
    request_body = schema::Registration,
    responses((status = 201, description = "The account is there.", body = schema::Registered), (status = 202, description = "With `registration.conceal_existing`: a mail is on its way, whether there is an account or not.", body = schema::Message), Refusals),
)]
pub(super) async fn register(
    State(services): State<Shared>,
    client: Client,
    fields: Fields,
) -> Result<Answer, Problem> {
    let outcome = client.charged(&services.limits.register_address, create(&services, &client, fields)).await;
    let result = outcome.as_ref().map_or_else(|problem| problem.code().as_str(), |_| "ok");
    services.metrics.accounts.registration(result);
    outcome
}

async fn create(services: &Shared, client: &Client, fields: Fields) -> Result<Answer, Problem> {
    if services.registration.mode == RegistrationMode::Closed {
        return Err(Problem::new(Code::RegistrationClosed));
    }
    if fields.is_empty() {
        return Err(Problem::new(Code::MissingBody));
    }
    let invited = invited(services, &fields).await?;
    let conceals = services.registration.conceal_existing && invited.is_none();
    // Before anything is looked up: an invitation is no way to ask who else has an account.
    if let Some(invited) = &invited
        && let Ok(email) = Email::parse(fields.text("email")?.unwrap_or(""))
        && email != invited.email
    {
        return Err(Problem::new(Code::InvitationRequired));
    }
    let wanted = Wanted::read(services, client, &fields, conceals).await?;
    let mails = conceals || (invited.is_none() && services.registration.email_verification.is_asked());
    let strangers = services.limits.mail_unverified.as_ref().filter(|_| mails);
    // The new user is told: a mail that is left out silently would be waited for.
    strangers.map(|limit| limit.charge(&())).transpose()?;
    let outcome = make(services, client, wanted, invited, conceals).await;
    if outcome.is_err() {
        strangers.inspect(|limit| limit.refund(&()));
    }
    outcome
}

async fn make(
    services: &Shared,
    client: &Client,
    mut wanted: Wanted,
    invited: Option<Invited>,
    conceals: bool,
) -> Result<Answer, Problem> {
    let hash = services.hashing.hash(client.address, std::mem::take(&mut wanted.password)).await;
    let hash = StoredHash(hash.map_err(|_| overloaded())?);
    if conceals {
        return later(services, client, wanted, hash).await;
    }
    let work = UnitOfWork::because(client.event(Event::Registered, services).with_email(&wanted.email));
    let work = match &invited {
        Some(invited) => work.provided(Precondition::Ticket(invited.ticket)),
        None => work,
    };
    let new = NewUser {
        email: wanted.email,
        password_hash: hash,
        first_name: wanted.first_name,
        last_name: wanted.last_name,
        role: invited.as_ref().map_or(Role::User, |invited| invited.role),
        created_at: services.clock.now(),
        // The invitation came by mail.
        email_verified: invited.is_some(),
        ask_to_verify: invited.is_none() && services.registration.email_verification.is_asked(),
    };
    match services.commit(|services| async move { services.users.create(new, work).await }).await {
        Ok(user) => {
            let message = "Registration successful";
            let body = schema::Registered { message, user_id: user.id, email: user.email };
            Ok(Answer::created(body))
        }
        // Somebody was faster: of parallel registrations of one address exactly one wins.
        Err(CommitFault::Store(StoreError::Conflict)) => Err(Problem::validation(vec![TAKEN.into()])),
        Err(CommitFault::Store(StoreError::TicketGone)) => Err(Problem::new(Code::InvitationRequired)),
        Err(fault) => Err(fault.into()),
    }
}

/// Whether the address has an account is not looked up before the answer: its owner is told by mail,
/// and the account is made when the mail's token comes back.
async fn later(
    services: &Shared,
    client: &Client,
    wanted: Wanted,
    password_hash: StoredHash,
) -> Result<Answer, Problem> {
    let Wanted { email, first_name, last_name, .. } = wanted;
    let errand = OutboxMessage::Registration { email: email.clone(), password_hash, first_name, last_name };
    if services.may_mail(&email, errand.as_str(), client) {
        let (now, request_id) = (services.clock.now(), Some(client.request_id.as_str().to_owned()));
        let enqueue =
            |services: Shared| async move { services.outbox.enqueue(errand, now, request_id).await };
        services.commit(enqueue).await?;
    }
    Ok(Answer::accepted("To finish the registration, follow the mail that is on its way to you"))
}

const TAKEN: &str = "Email already registered";

/// The address that an invitation is for.
struct Invited {
    email: Email,
    role: Role,
    ticket: TicketKey,
}

/// The invitation that was sent, which must be good; none where none is needed and none was sent.
async fn invited(services: &Shared, fields: &Fields) -> Result<Option<Invited>, Problem> {
    let refused = || Problem::new(Code::InvitationRequired);
    let Some(token) = fields.text("invitation")?.filter(|token| !token.is_empty()) else {
        let needed = services.registration.mode == RegistrationMode::Invite;
        return if needed { Err(refused()) } else { Ok(None) };
    };
    let ticket = TicketKey::from_token(token);
    let now = services.clock.now();
    let found = services.tickets.ticket(ticket, now).await?.ok_or_else(refused)?;
    let Purpose::Invitation { id } = found.purpose else { return Err(refused()) };
    let invitation = services.tickets.invitation(id).await?;
    let invitation = invitation.filter(|one| one.is_good_at(now)).ok_or_else(refused)?;
    // As it is when the ticket is used up; here it costs no hash.
    let inviter = match invitation.invited_by {
        Some(inviter) => services.users.by_id(inviter).await?,
        None => None,
    };
    invitation.counts(inviter.as_ref()).then_some(()).ok_or_else(refused)?;
    Ok(Some(Invited { email: invitation.email, role: invitation.role, ticket }))
}

struct Wanted {
    email: Email,
    password: Password,
    first_name: String,
    last_name: String,
}

impl Wanted {
    /// All that is wrong, in the contract's order; what a password lacks is said on its own.
    async fn read(
        services: &Shared,
        client: &Client,
        fields: &Fields,
        conceals: bool,
    ) -> Result<Self, Problem> {
        let (email, password) = (fields.text("email")?, fields.text("password")?);
        let (first, last) = (name(fields, "first_name")?, name(fields, "last_name")?);
        let mut errors = Vec::new();
        let email = Email::parse(email.unwrap_or(""));
        if email.is_err() {
            errors.push("Invalid email address".into());
        }
        let password = password.unwrap_or("");
        let weakness = breaks_a_rule(password);
        errors.extend(weakness.and_then(length_fault).map(Into::into));
        if let Ok(email) = &email
            && !conceals
            && services.users.by_email(email).await?.is_some()
        {
            errors.push(TAKEN.into());
        }
        let mut take = |name: Result<Option<String>, String>| {
            name.map(Option::unwrap_or_default).map_err(|fault| errors.push(fault.into()))
        };
        match (email, take(first), take(last)) {
            (Ok(email), Ok(first_name), Ok(last_name)) if errors.is_empty() => {
                let owner = Owner { email: email.as_str(), first_name: &first_name, last_name: &last_name };
                if let Some(weakness) = services.weakness(client, password, &owner).await? {
                    return Err(weakness_problem(weakness));
                }
                let password = Password::from(password.to_owned());
                Ok(Self { email, password, first_name, last_name })
            }
            _ => Err(Problem::validation(errors)),
        }
    }
}
