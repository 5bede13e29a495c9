//! Where the keys of an issuer are, and how often they are asked for.

use std::time::Duration;

use gateway_identity::IssuerName;
use gateway_token::Algorithm;

/// Two that are equal fetch the same keys in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksSettings {
    pub name: IssuerName,
    /// As it stands in tokens (`iss`), and in the discovery document.
    pub issuer: String,
    /// `None`: it is discovered (OpenID Connect Discovery 1.0 §4).
    pub jwks_url: Option<String>,
    /// Keys for other ones are left out.
    pub algorithms: Vec<Algorithm>,
    /// Certificates (DER) in place of the machine's public authorities.
    pub authorities: Option<Vec<Vec<u8>>>,
    pub allow_http: bool,
    /// For one answer as a whole.
    pub timeout: Duration,
    /// The longest time between two fetches; the issuer may ask for a shorter one.
    pub refresh: Duration,
    /// The shortest time between two fetches that unknown keys cause.
    pub refetch: Duration,
    /// How long keys are used when the issuer no longer answers.
    pub keep: Duration,
}

impl JwksSettings {
    /// Whether keys that were fetched by the one could have been fetched by the other: the same
    /// issuer and place, trusted for the same reasons.
    pub(super) fn same_keys_as(&self, other: &Self) -> bool {
        let Self { issuer, jwks_url, algorithms, authorities, allow_http, .. } = self;
        (issuer, jwks_url, algorithms) == (&other.issuer, &other.jwks_url, &other.algorithms)
            && (authorities, allow_http) == (&other.authorities, &other.allow_http)
    }
}
