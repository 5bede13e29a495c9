//! From checked settings to the values that a start installs and a reload swaps. Nothing is changed
//! by preparing them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gateway_api::EndpointLimits;
use gateway_config::{IssuerSettings, KeysFrom, ProofSettings, Reloadable};
use gateway_identity::InstallationId;
use gateway_jwks::JwksBook;
use gateway_limits::{Limiters, Policy};
use gateway_pipeline::{Assertions, FailureLimit, Snapshot, UserLimit};
use gateway_token::{
    ForeignIssuer, ForeignIssuers, GivenKeys, Issuer, KeySource, LegacySecret, Proof, Published,
};

/// Everything that is swapped at once.
pub(crate) struct Prepared {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) limits: EndpointLimits,
    pub(crate) issuer: Issuer,
}

impl Prepared {
    pub(crate) fn new(
        settings: Reloadable,
        installation: InstallationId,
        limiters: &Limiters,
        keys: &JwksBook,
    ) -> Result<Self, String> {
        let Reloadable { tokens, assertions, key_set_lifetime, limits, routes, .. } = settings;
        let Reloadable { issuers, token_bytes_max, own_cors, .. } = settings;
        let issuers: Result<Vec<_>, _> = issuers.into_iter().map(|one| foreign(one, keys)).collect();
        let issuer = Issuer { terms: tokens, installation };
        let keys_max = limits.keys_max;
        let by_address = |policy: Option<Policy>| {
            policy.map(|policy| limiters.address_limiter(policy.name, policy, keys_max))
        };
        let pair = limits.login_account_address;
        let snapshot = Snapshot {
            routes,
            verifier: Arc::new(issuer.verifier()),
            assertions: Assertions::new(assertions),
            key_set_lifetime,
            issuers: ForeignIssuers::new(&issuer.terms.issuer, issuers?),
            token_bytes_max,
            user_limit: UserLimit(
                limits.user.map(|policy| limiters.users.limiter(policy.name, policy, keys_max)),
            ),
            failures: FailureLimit(by_address(limits.failed_authentication_address)),
            own_cors: own_cors.map(Arc::new),
        };
        let limits = EndpointLimits {
            login_address: by_address(limits.login_address),
            login_pair: pair.map(|policy| limiters.logins.limiter(policy.name, policy, keys_max)),
            login_account: limits
                .login_account
                .map(|policy| limiters.accounts.limiter(policy.name, policy, keys_max)),
            login_failure_address: by_address(limits.login_failure_address),
            logout_address: by_address(limits.logout_address),
            register_address: by_address(limits.register_address),
            refresh_address: by_address(limits.refresh_address),
            recovery_address: by_address(limits.recovery_address),
            mail_account: limits
                .mail_account
                .map(|policy| limiters.mails.limiter(policy.name, policy, keys_max)),
            mail_unverified: limits
                .mail_unverified
                .map(|policy| limiters.totals.limiter(policy.name, policy, keys_max)),
            login_lock: limits.login_lock,
        };
        Ok(Self { snapshot: Arc::new(snapshot), limits, issuer })
    }
}

/// Its keys are those that are fetched already, where it is reached as before.
fn foreign(settings: IssuerSettings, keys: &JwksBook) -> Result<ForeignIssuer, String> {
    let IssuerSettings { name, leeway, lifetime_max, mapping, proof } = settings;
    let proof = match proof {
        ProofSettings::Published { issuer, audience, algorithms, at_jwt_only, keys: from } => {
            let source: Arc<dyn KeySource> = match from {
                KeysFrom::File(given) => Arc::new(GivenKeys::new(given)),
                KeysFrom::Issuer(jwks) => {
                    keys.keys(&jwks).map_err(|fault| format!("issuer `{name}`: {fault}"))?
                }
            };
            Proof::Keys(Published { issuer, audience, algorithms, at_jwt_only, keys: source })
        }
        ProofSettings::Secret { key, until } => Proof::Secret(LegacySecret::new(key, until)),
        ProofSettings::Authority(authority) => Proof::Authority(*authority),
    };
    Ok(ForeignIssuer { name, leeway, lifetime_max, mapping, proof, told: AtomicBool::default() })
}
