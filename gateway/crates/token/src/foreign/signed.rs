//! Whether a key has signed a certificate or a list, told of the two alone: by it a list is chosen before
//! anything rests on it. Nobody is believed for what is found here.

use rustls::pki_types::SignatureVerificationAlgorithm;
use x509_parser::asn1_rs::{Any, FromDer as _};

/// What a signature may be made with.
pub(super) fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all
}

/// What stands in the outermost element, such as the parts of a key.
pub(super) fn contents(der: &[u8]) -> &[u8] {
    Any::from_der(der).map_or(&[], |(_, whole)| whole.data)
}

/// Whether the signature of `der` (RFC 5280 §4.1 and §5.1: what is signed, by what algorithm, the
/// signature) is by this key, of which the parts of its `SubjectPublicKeyInfo` are given.
pub(super) fn is_signed_by(der: &[u8], key: &[u8]) -> bool {
    let whole = contents(der);
    let Ok((rest, _)) = Any::from_der(whole) else { return false };
    let Some(signed) = whole.strip_suffix(rest) else { return false };
    let Some(((algorithm, signature), (kind, key))) = bits(rest).zip(bits(key)) else { return false };
    let fits = |known: &&&dyn SignatureVerificationAlgorithm| {
        known.signature_alg_id().as_ref() == algorithm && known.public_key_alg_id().as_ref() == kind
    };
    algorithms().iter().filter(fits).any(|known| known.verify_signature(key, signed, signature).is_ok())
}

/// An algorithm, and what is of it.
fn bits(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, algorithm) = Any::from_der(der).ok()?;
    let (_, bits) = Any::from_der(rest).ok()?;
    // Signatures and keys are of whole bytes.
    Some((algorithm.data, bits.data.strip_prefix(&[0])?))
}
