//! The public keys, which the room of tokens writes: these types only describe them.
#![expect(dead_code, reason = "the set is written by `token::jwks`")]

use utoipa::ToSchema;

/// A JSON Web Key Set (RFC 7517 §5).
#[derive(ToSchema)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// A public key (RFC 7517 §4). Which of `crv`, `x`, `y`, `n` and `e` are there follows from `kty`.
#[derive(ToSchema)]
#[schema(as = JsonWebKey)]
struct Key {
    kty: KeyType,
    kid: String,
    #[schema(example = "sig")]
    r#use: String,
    #[schema(example = "EdDSA")]
    alg: String,
    #[schema(nullable = false, example = "Ed25519")]
    crv: Option<String>,
    #[schema(nullable = false)]
    x: Option<String>,
    #[schema(nullable = false)]
    y: Option<String>,
    #[schema(nullable = false)]
    n: Option<String>,
    #[schema(nullable = false)]
    e: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = JsonWebKeyType)]
enum KeyType {
    #[schema(rename = "OKP")]
    Okp,
    #[schema(rename = "EC")]
    Ec,
    #[schema(rename = "RSA")]
    Rsa,
}
