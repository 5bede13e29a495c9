//! What is wrong with a token that says it is ours: for whoever has it in hand and runs the gateway.
//! Its client is told none of it.

use super::claims::{Claimed, Kind};
use super::verify::{Opened, decode, open};
use super::{RawToken, Verifier};
use gateway_clock::Timestamp;

/// The first thing that is wrong, and what can be done about it.
pub struct OwnFault {
    pub why: String,
    pub next: &'static str,
}

const SEND_ACCESS: &str =
    "Send the access token: a refresh token is good at POST /api/auth/refresh, and nowhere else.";
const LOG_IN: &str = "Log in again.";

impl Verifier {
    /// Of an access token that is not accepted; `None` where it is not about us.
    pub fn fault_of(&self, token: RawToken<'_>, now: Timestamp) -> Option<OwnFault> {
        let (why, next) = match open(&self.access_keys, token, now) {
            Some(Opened { claimed, .. }) => self.fault(&claimed, now),
            None if open(&self.refresh_keys, token, now).is_some() => {
                ("It is a refresh token of this gateway.".to_owned(), SEND_ACCESS)
            }
            None => self.unproved(&unverified(token)?)?,
        };
        Some(OwnFault { why, next })
    }

    /// Signed by us, and not as an access token is to be here and now.
    fn fault(&self, claimed: &Claimed, now: Timestamp) -> (String, &'static str) {
        let life = claimed.exp.unwrap_or(0).saturating_sub(claimed.iat.unwrap_or(0));
        let begins = claimed.iat.unwrap_or(0).max(claimed.nbf.unwrap_or(0));
        let audience = self.audience.as_deref();
        let fits = claimed.aud.as_ref().map(|theirs| audience.is_some_and(|ours| theirs.names(ours)));
        if claimed.kind != Some(Kind::Access) {
            return (
                "It is signed by a key of this gateway for access tokens, and is none.".to_owned(),
                SEND_ACCESS,
            );
        }
        if claimed.iss.as_deref() != Some(self.issuer.as_str()) {
            return (
                format!(
                    "It is signed by a key of this gateway, and its `iss` is not tokens.issuer, \"{}\".",
                    self.issuer
                ),
                "Log in again; gateways that share a key share tokens.issuer, too.",
            );
        }
        if let Some(elsewhere) = self.of_another_store(claimed) {
            return elsewhere;
        }
        if fits.unwrap_or(audience.is_none()) {
            if life > self.access_seconds {
                return (
                    format!(
                        "It lives for {life} s, and tokens.access_lifetime_seconds is {}.",
                        self.access_seconds
                    ),
                    LOG_IN,
                );
            }
            if begins > now.seconds() {
                let ahead = begins - now.seconds();
                return (
                    format!("It begins {ahead} s from now, by the clock of this machine."),
                    "Set the clocks of the gateways.",
                );
            }
            return (
                "It is signed by a key of this gateway, and lacks a claim of its access tokens.".to_owned(),
                LOG_IN,
            );
        }
        let wanted = audience.map_or("which is not set".to_owned(), |ours| format!("\"{ours}\""));
        (
            format!("Its `aud` is not tokens.audience, {wanted}."),
            "Log in again: the audience was set or changed since.",
        )
    }

    /// Of what it only says itself.
    fn unproved(&self, claimed: &Claimed) -> Option<(String, &'static str)> {
        (claimed.iss.as_deref() == Some(self.issuer.as_str())).then_some(())?;
        if claimed.kind == Some(Kind::Refresh) {
            return Some(("It says that it is a refresh token of this gateway.".to_owned(), SEND_ACCESS));
        }
        Some(self.of_another_store(claimed).unwrap_or((
            "It names this gateway as its issuer, and its signature is by none of the keys that this configuration has: it was changed, or signed by a key that was replaced, or by another gateway.".to_owned(),
            "Log in again; to ask about a running gateway, give `explain` its secrets (JWT_SECRET_KEY) and its store.path.",
        )))
    }

    fn of_another_store(&self, claimed: &Claimed) -> Option<(String, &'static str)> {
        let named = claimed.ins.filter(|named| *named != self.installation)?;
        Some((
            format!("It is of the installation {named}, and this store is {}.", self.installation),
            "Log in here; or name the folder of the gateway that issued it in store.path.",
        ))
    }
}

fn unverified(token: RawToken<'_>) -> Option<Claimed> {
    let payload = decode(token.text().split('.').nth(1)?.as_bytes())?;
    serde_json::from_str(std::str::from_utf8(&payload).ok()?).ok()
}
