//! A private key as it is written in a file: PEM, with lines before it that say when it signs, or
//! a JSON Web Key. Only the text: where such files lie is not known here.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use zeroize::Zeroizing;

use super::private_jwk::PrivateJwk;
use super::{Algorithm, JwkFault, SigningKey, SigningKeyFault, is_kid};
use gateway_clock::Timestamp;

/// A private key with its name, and the moment from which on it signs.
#[derive(Debug)]
pub struct DatedKey {
    pub kid: String,
    pub key: SigningKey,
    pub begins_at: Timestamp,
}

/// Why a file is not used.
#[derive(Debug, Error)]
pub enum KeyFileFault {
    #[error("it has {0} private keys in PEM; it must have one, and not an encrypted one")]
    Count(usize),
    #[error("the line `{0}` is not understood; write for example `{1}`")]
    Line(String, &'static str),
    #[error("{0}")]
    Key(#[from] SigningKeyFault),
    #[error("{0}")]
    Jwk(#[from] JwkFault),
}

const ALGORITHM: &str = "Algorithm:";
const SIGNS_FROM: &str = "Signs from:";
const KEY: &str = "Key:";

impl DatedKey {
    /// A fresh key, named by its thumbprint (RFC 7638).
    pub fn generate(algorithm: Algorithm, begins_at: Timestamp) -> Result<Self, SigningKeyFault> {
        let key = SigningKey::generate(algorithm)?;
        Ok(Self { kid: key.public().thumbprint(), key, begins_at })
    }

    /// Reads either form. `undated` is the moment for a file that does not say one.
    pub fn read(text: &[u8], undated: Timestamp) -> Result<Self, KeyFileFault> {
        if text.trim_ascii_start().starts_with(b"{") {
            let jwk = PrivateJwk::from_json(text)?;
            let key = jwk.signing()?;
            let kid = jwk.kid.unwrap_or_else(|| key.public().thumbprint());
            return Ok(Self { kid, key, begins_at: jwk.nbf.map_or(undated, Timestamp::from_seconds) });
        }
        let keys: Vec<_> = PrivateKeyDer::pem_slice_iter(text).filter_map(Result::ok).collect();
        let [der] = &keys[..] else { return Err(KeyFileFault::Count(keys.len())) };
        let Preamble { algorithm, begins_at, kid } = Preamble::read(text)?;
        let key = SigningKey::from_der(der.secret_der(), algorithm)?;
        let kid = kid.unwrap_or_else(|| key.public().thumbprint());
        Ok(Self { kid, key, begins_at: begins_at.unwrap_or(undated) })
    }

    /// The text of a file that [`DatedKey::read`] and `openssl pkey` read.
    pub fn write(&self) -> Result<Zeroizing<String>, SigningKeyFault> {
        let encoded = Zeroizing::new(STANDARD.encode(&*self.key.pkcs8()?));
        let mut text = Zeroizing::new(String::with_capacity(encoded.len() + 512));
        let (kid, algorithm, from) = (&self.kid, self.key.algorithm(), precise(self.begins_at));
        // Writing to a string cannot fail; there is room for all of it, so that no copy is left behind.
        writeln!(text, "{KEY} {kid}\n{ALGORITHM} {algorithm}\n{SIGNS_FROM} {from}").ok();
        text.push_str("-----BEGIN PRIVATE KEY-----\n");
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END PRIVATE KEY-----\n");
        Ok(text)
    }
}

/// To the millisecond, so that of two keys that are made one after the other the later one signs.
fn precise(moment: Timestamp) -> String {
    format!("{}.{:03}Z", moment.to_string().trim_end_matches('Z'), moment.millis() % 1_000)
}

/// What stands before the PEM block (RFC 7468 §2 lets anything stand there).
#[derive(Default)]
struct Preamble {
    algorithm: Option<Algorithm>,
    begins_at: Option<Timestamp>,
    kid: Option<String>,
}

impl Preamble {
    fn read(text: &[u8]) -> Result<Self, KeyFileFault> {
        let mut preamble = Self::default();
        let text = String::from_utf8_lossy(text);
        for line in text.lines().map(str::trim).take_while(|line| !line.starts_with("-----BEGIN ")) {
            let fault = |example| KeyFileFault::Line(line.chars().take(80).collect(), example);
            if let Some(name) = line.strip_prefix(ALGORITHM) {
                let algorithm = Algorithm::own(name.trim());
                preamble.algorithm = Some(algorithm.ok_or_else(|| fault("Algorithm: PS256"))?);
            } else if let Some(moment) = line.strip_prefix(SIGNS_FROM) {
                let moment = Timestamp::parse(moment.trim());
                preamble.begins_at = Some(moment.ok_or_else(|| fault("Signs from: 2027-01-01T00:00:00Z"))?);
            } else if let Some(kid) = line.strip_prefix(KEY) {
                let kid = Some(kid.trim()).filter(|kid| is_kid(kid));
                preamble.kid = Some(kid.ok_or_else(|| fault("Key: spring-2027"))?.to_owned());
            }
        }
        Ok(preamble)
    }
}

#[cfg(test)]
mod tests;
