//! Keys and tokens of the comparison. The gateway's own issuer signs them all, and every contestant
//! gets the same ones.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_clock::Timestamp;
use gateway_identity::{Email, Generation, Role, SessionId, TokenId, UserId};
use gateway_token::{AccessGrant, Algorithm, DatedKey, Issuer, KeyRing, SignBy, TokenTerms, jwks};
use serde_json::{Value, json};

use crate::support;

/// Tokens in turn: of as many users, each in a session of its own.
pub(crate) const TOKENS: u64 = 1_000;

pub(crate) struct Credentials {
    pub(crate) hs: Vec<String>,
    pub(crate) forged: Vec<String>,
    pub(crate) expired: Vec<String>,
    /// Good but for being revoked; with what the store knows them by.
    pub(crate) revoked: Vec<String>,
    pub(crate) revoked_ids: Vec<TokenId>,
    /// RS256, ES256, EdDSA.
    pub(crate) pairs: [KeyPair; 3],
}

/// A key pair, and tokens that it signed.
pub(crate) struct KeyPair {
    pub(crate) algorithm: Algorithm,
    pub(crate) private_pem: String,
    pub(crate) public_pem: String,
    /// A key set with the public key alone.
    pub(crate) key_set: Value,
    pub(crate) tokens: Vec<String>,
}

impl Credentials {
    pub(crate) fn make() -> Result<Self, String> {
        let (issuer, now) = (support::issuer(), support::now());
        let hs = tokens(&issuer, TOKENS, now);
        let long_ago = Timestamp::from_seconds(now.seconds() - 86_400);
        let revoked = tokens(&issuer, TOKENS, now);
        let revoked_ids = revoked.iter().map(|token| id(token)).collect();
        Ok(Self {
            forged: hs.iter().map(|token| support::with_bad_signature(token)).collect(),
            expired: tokens(&issuer, TOKENS, long_ago),
            hs,
            revoked,
            revoked_ids,
            pairs: [
                // 2048 bits, as most keys in use have; the gateway itself would make one of 3072.
                KeyPair::make(Algorithm::Rs256, &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], now)?,
                KeyPair::make(Algorithm::Es256, &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], now)?,
                KeyPair::make(Algorithm::EdDsa, &["ED25519"], now)?,
            ],
        })
    }

    /// The secret of HS256, as a key set.
    pub(crate) fn secret_key_set() -> Value {
        let secret = URL_SAFE_NO_PAD.encode(support::ACCESS_KEY);
        json!({ "keys": [{ "kty": "oct", "alg": "HS256", "k": secret }] })
    }
}

impl KeyPair {
    fn make(algorithm: Algorithm, kind: &[&str], now: Timestamp) -> Result<Self, String> {
        let private_pem = openssl(&[&["genpkey", "-algorithm"], kind].concat(), "")?;
        let public_pem = openssl(&["pkey", "-pubout"], &private_pem)?;
        let key = DatedKey::read(private_pem.as_bytes(), now).map_err(|fault| fault.to_string())?;
        let ring = KeyRing::new(SignBy::Key, Vec::new(), vec![key], Duration::from_secs(86_400));
        let ring = Arc::new(ring.map_err(|fault| fault.to_string())?);
        let key_set = jwks([&*ring], now);
        let issuer = support::issuer();
        let issuer = Issuer { terms: TokenTerms { access_keys: ring, ..issuer.terms }, ..issuer };
        Ok(Self { algorithm, private_pem, public_pem, key_set, tokens: tokens(&issuer, TOKENS, now) })
    }
}

/// Tokens of as many users, issued at a moment.
pub(crate) fn tokens(issuer: &Issuer, count: u64, at: Timestamp) -> Vec<String> {
    let token = |user: u64| {
        let email = Email::parse(&format!("person{user}@example.com")).expect("an address");
        let grant = AccessGrant {
            user: UserId::new(user).expect("an id above zero"),
            email: &email,
            role: Role::User,
            session: SessionId::random(),
            generation: Generation::default(),
        };
        issuer.access(grant, at).expect("the self-check signed before")
    };
    (1..=count).map(token).collect()
}

/// `jti` of a token of ours.
fn id(token: &str) -> TokenId {
    let payload = token.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let claims = payload.and_then(|payload| serde_json::from_slice::<Value>(&payload).ok());
    let id = claims.and_then(|claims| TokenId::parse(claims["jti"].as_str()?));
    id.expect("our tokens have a jti")
}

fn openssl(arguments: &[&str], input: &str) -> Result<String, String> {
    let piped = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = piped.map_err(|fault| format!("openssl cannot be started: {fault}"))?;
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).map_err(|fault| fault.to_string())?;
    drop(stdin);
    let output = child.wait_with_output().map_err(|fault| fault.to_string())?;
    if !output.status.success() {
        return Err(format!("openssl {}: {}", arguments.join(" "), output.status));
    }
    String::from_utf8(output.stdout).map_err(|fault| fault.to_string())
}
