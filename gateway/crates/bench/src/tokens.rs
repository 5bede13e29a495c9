//! The tokens that requests carry: minted for users that nobody is, or read from a file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;

use gateway_clock::Timestamp;
use gateway_identity::{Email, Generation, InstallationId, Role, SessionId, UserId};
use gateway_token::{AccessGrant, Issuer, TokenTerms};

/// How long tokens outlive what is planned.
const MARGIN: Duration = Duration::from_secs(60);
/// More than this is no list of tokens.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Values of `Authorization`, one for each user; at least one.
#[derive(Clone)]
pub(super) struct Tokens {
    values: Arc<[HeaderValue]>,
    /// As their header has it.
    pub(super) algorithm: String,
}

impl Tokens {
    /// For the users with the highest ids that there can be, downwards. Accounts get theirs from 1
    /// upwards, so that these are nobody's: nobody's limit is used up, nothing that was revoked
    /// concerns them, and no e-mail reaches anybody (RFC 6761 §6.4).
    pub(super) fn mint(
        terms: &TokenTerms,
        installation: InstallationId,
        users: u32,
        needed: Duration,
        now: Timestamp,
    ) -> Result<Self, String> {
        let lifetime = needed + MARGIN;
        if lifetime > terms.access_lifetime {
            return Err(format!(
                "the measurement takes {} s, and no token may be good for so long (tokens.access_lifetime_seconds = {}, of which {} s are kept in reserve): use a shorter --duration",
                needed.as_secs(),
                terms.access_lifetime.as_secs(),
                MARGIN.as_secs()
            ));
        }
        let terms = TokenTerms { access_lifetime: lifetime, ..terms.clone() };
        let brief = Issuer { terms, installation };
        let mint = |number: u32| {
            let user = UserId::new(UserId::MAX - u64::from(number)).ok_or("there are no such users")?;
            let email = Email::parse(&format!("user-{number}@bench.invalid"));
            let grant = AccessGrant {
                user,
                email: &email.map_err(|_| "there is no such address")?,
                role: Role::User,
                session: SessionId::random(),
                generation: Generation::default(),
            };
            brief.access(grant, now).map_err(|fault| fault.to_string())
        };
        Self::from_texts((0..users).map(mint).collect::<Result<Vec<_>, String>>()?.iter().map(String::as_str))
    }

    /// One a line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let fault = |fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
        let size = std::fs::metadata(path).map_err(|error| fault(&error))?.len();
        if size > FILE_BYTES_MAX {
            return Err(fault(&"too large for a list of tokens"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fault(&error))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self::from_texts(lines).map_err(|error| fault(&error))
    }

    fn from_texts<'a>(tokens: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut values = Vec::new();
        let mut algorithm = None;
        for (index, token) in tokens.enumerate() {
            let graphic = token.bytes().all(|byte| byte.is_ascii_graphic());
            let value = HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| graphic);
            // Never the token itself.
            let mut value = value.ok_or(format!("line {} is no token", index + 1))?;
            value.set_sensitive(true);
            algorithm = algorithm.or_else(|| algorithm_of(token));
            values.push(value);
        }
        if values.is_empty() {
            return Err("there is no token in it; write one a line".to_owned());
        }
        Ok(Self { values: values.into(), algorithm: algorithm.unwrap_or("an unknown algorithm".to_owned()) })
    }

    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// For the nth request, so that all come in turn.
    pub(super) fn nth(&self, nth: u64) -> &HeaderValue {
        &self.values[(nth % self.values.len() as u64) as usize]
    }
}

/// `alg` (RFC 7515 §4.1.1), if it is a plain word.
fn algorithm_of(token: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: serde_json::Value = serde_json::from_str(std::str::from_utf8(&header).ok()?).ok()?;
    let algorithm = header.get("alg")?.as_str()?;
    let plain = algorithm.len() <= 16 && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| algorithm.to_owned())
}
