//! `POST /api/auth/register`: a new account.

use axum::extract::State;
use serde_json::json;

use super::answer::{Answer, overloaded};
use super::body::{Fields, name};
use super::{Client, Shared};
use crate::identity::{Email, Role};
use crate::limits::AddressKey;
use crate::password::{Owner, Password, Weakness, breaks_a_rule};
use crate::problem::{Code, Problem};
use crate::store::{NewUser, StoreError, StoredHash};
use crate::telemetry::{Event, SecurityLine};

/// What it can come to, for the metrics.
pub(super) const RESULTS: [&str; 9] = [
    "ok",
    Code::ValidationFailed.word(),
    Code::PasswordTooWeak.word(),
    Code::PasswordGuessable.word(),
    Code::PasswordBreached.word(),
    Code::MissingBody.word(),
    Code::RateLimited.word(),
    Code::HashingOverloaded.word(),
    Code::StoreUnavailable.word(),
];

pub(super) async fn register(
    State(services): State<Shared>,
    client: Client,
    fields: Fields,
) -> Result<Answer, Problem> {
    let outcome = create(&services, &client, fields).await;
    let result = outcome.as_ref().map_or_else(|problem| problem.code().word(), |_| "ok");
    services.metrics.accounts.registration(result);
    outcome
}

async fn create(services: &Shared, client: &Client, fields: Fields) -> Result<Answer, Problem> {
    let charge = match &services.limits.load().register_address {
        Some(limit) => Some(limit.charge(&AddressKey::from(client.address))?),
        None => None,
    };
    if fields.is_empty() {
        return Err(Problem::new(Code::MissingBody));
    }
    let wanted = Wanted::read(services, &fields).await?;
    let hash = services.hashing.hash(wanted.password).await;
    let hash = hash.map_err(|_| overloaded())?;
    let new = NewUser {
        email: wanted.email,
        password_hash: StoredHash(hash),
        first_name: wanted.first_name,
        last_name: wanted.last_name,
        role: Role::User,
        created_at: services.clock.now(),
    };
    match services.users.create(new).await {
        Ok(user) => {
            let line = SecurityLine {
                user_id: Some(user.id.get()),
                email: Some(user.email.as_str()),
                ..client.line()
            };
            services.metrics.security.record(Event::Registered, &line);
            let body = json!({
                "message": "Registration successful",
                "user_id": user.id,
                "email": user.email,
            });
            Ok(Answer::created(body).charged(charge))
        }
        // Somebody was faster: of parallel registrations of one address exactly one wins.
        Err(StoreError::Conflict) => Err(Problem::validation(vec![TAKEN.into()])),
        Err(fault) => Err(fault.into()),
    }
}

const TAKEN: &str = "Email already registered";

struct Wanted {
    email: Email,
    password: Password,
    first_name: String,
    last_name: String,
}

impl Wanted {
    /// All that is wrong, in the contract's order; what a password lacks is said on its own.
    async fn read(services: &Shared, fields: &Fields) -> Result<Self, Problem> {
        let (email, password) = (fields.text("email")?, fields.text("password")?);
        let (first, last) = (name(fields, "first_name")?, name(fields, "last_name")?);
        let mut errors = Vec::new();
        let email = Email::parse(email.unwrap_or(""));
        if email.is_err() {
            errors.push("Invalid email address".into());
        }
        let password = password.unwrap_or("");
        let weakness = breaks_a_rule(password);
        match weakness {
            Some(Weakness::TooShort) => errors.push("Password must be at least 8 characters".into()),
            Some(Weakness::TooLong) => errors.push("Password must be at most 1024 bytes".into()),
            Some(Weakness::TooPlain | Weakness::Guessable | Weakness::Breached) | None => {}
        }
        if let Ok(email) = &email
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
                let weakness = services.hashing.assess(password, &owner).await;
                match weakness.map_err(|_| overloaded())? {
                    None => {}
                    Some(Weakness::Guessable) => return Err(Problem::new(Code::PasswordGuessable)),
                    Some(Weakness::Breached) => return Err(Problem::new(Code::PasswordBreached)),
                    Some(_) => return Err(Problem::new(Code::PasswordTooWeak)),
                }
                let password = Password::from(password.to_owned());
                Ok(Self { email, password, first_name, last_name })
            }
            _ => Err(Problem::validation(errors)),
        }
    }
}
