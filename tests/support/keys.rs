//! The keys of a running gateway: its folder, its commands, and tokens signed with keys from it.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use super::forge::encode;
use super::gateway::{Gateway, Setup};

impl Setup {
    pub fn algorithm(self, name: &str) -> Self {
        self.env("GATEWAY__TOKENS__ALGORITHM", name)
    }

    /// In seconds; with none, a new key signs as soon as it is known.
    pub fn publish_delay(self, seconds: u64) -> Self {
        self.env("GATEWAY__TOKENS__PUBLISH_DELAY_SECONDS", &seconds.to_string())
    }
}

impl Gateway {
    /// The folder of the keys for a use.
    pub fn keys_for(&self, usage: &str) -> PathBuf {
        self.data.join("keys").join(usage)
    }

    /// The only file in it.
    pub fn key_file(&self, usage: &str) -> PathBuf {
        let files = key_files(&self.keys_for(usage));
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }

    /// What `gateway keys list` says of a use: one line for each key.
    pub fn keys_list(&self, usage: &str) -> Vec<Value> {
        let (status, out, said) = self.run(&["keys", "list", "--json"]);
        assert_eq!(status, 0, "{said}");
        let all: Vec<Value> = serde_json::from_str(&out).unwrap();
        all.into_iter().filter(|key| key["use"] == usage).collect()
    }

    /// `gateway keys rotate`, which has to work.
    pub fn rotate(&self, arguments: &[&str]) -> String {
        let (status, out, said) = self.run(&[&["keys", "rotate"], arguments].concat());
        assert_eq!(status, 0, "{out} {said}");
        out
    }

    /// The key set that it publishes.
    pub fn jwks(&self) -> Vec<Value> {
        let reply = self.client().get("/.well-known/jwks.json").send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["keys"].as_array().unwrap().clone()
    }
}

pub fn key_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = super::files_below(folder);
    files.retain(|file| !file.file_name().unwrap().to_str().unwrap().starts_with('.'));
    files.sort();
    files
}

/// The header of a token, unverified.
pub fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

pub fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}

/// Signs with the Ed25519 key in a PEM file: what somebody could do who has the file.
pub fn sign_with(file: &Path, header: &str, payload: &str) -> String {
    let der = PrivateKeyDer::from_pem_file(file).unwrap();
    sign_by(&Ed25519KeyPair::from_pkcs8(der.secret_der()).unwrap(), header, payload)
}

pub fn sign_by(pair: &Ed25519KeyPair, header: &str, payload: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = pair.sign(message.as_bytes());
    format!("{message}.{}", encode(signature.as_ref()))
}

/// Writes the public part of a fresh key, as `openssl genpkey -algorithm` makes it.
pub fn openssl_public_key(kind: &str, file: &Path) {
    let script = format!("openssl genpkey -quiet -algorithm {kind} | openssl pkey -pubout -out \"$0\"");
    let made = std::process::Command::new("sh").args(["-c", &script]).arg(file).output().unwrap();
    assert!(made.status.success() && file.exists(), "{}", String::from_utf8_lossy(&made.stderr));
}
