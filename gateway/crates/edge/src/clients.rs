//! Certificates of clients where a listener asks for them: with which ones a connection begins. Whom one
//! says is found out with each request, and not here.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use super::tls::certificates;
use gateway_token::{CertificateFault, Listed, RevocationLists, Way};

/// The authorities that sign the certificates of clients, and which certificates count no more.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    pub authorities: Vec<PathBuf>,
    /// Lists of revoked certificates, in PEM or DER.
    pub lists: Vec<PathBuf>,
    /// Whether nobody is spoken with who has none.
    pub required: bool,
    /// Whether what is shown says who somebody is; else it opens the door and nothing more.
    pub identify: bool,
}

/// Believes what the authorities have signed, but for what their lists have revoked.
struct Listing {
    signed: Arc<dyn ClientCertVerifier>,
    roots: Arc<RootCertStore>,
    lists: RevocationLists,
}

/// # Errors
///
/// What is wrong with a file, and its name.
pub(super) fn verifier(
    files: &ClientFiles,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for path in &files.authorities {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|fault| format!("{}: {fault}", path.display()))?;
        }
    }
    let mut lists = Vec::new();
    for path in &files.lists {
        let read = revoked(path)?;
        RevocationLists::read(&read).map_err(|fault| format!("{} {fault}", path.display()))?;
        lists.extend(read);
    }
    let (roots, lists) = (Arc::new(roots), RevocationLists::read(&lists)?);
    let signed = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider));
    let signed = if files.required { signed } else { signed.allow_unauthenticated() };
    let first = files.authorities.first().map(|path| path.display().to_string()).unwrap_or_default();
    let signed = signed.build().map_err(|fault| format!("{first}: {fault}"))?;
    Ok(if lists.is_empty() { signed } else { Arc::new(Listing { signed, roots, lists }) })
}

/// Lists of revoked certificates in DER, from a file in PEM or DER.
pub fn revoked(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let unusable = |fault: &dyn fmt::Display| format!("{}: {fault}", path.display());
    let bytes = std::fs::read(path).map_err(|fault| unusable(&fault))?;
    // A sequence (X.690 §8.9) is no text.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes]);
    }
    let lists = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    match lists {
        Ok(lists) if lists.is_empty() => Err(unusable(&"no list of revoked certificates in PEM or DER")),
        Ok(lists) => Ok(lists.into_iter().map(|list| list.as_ref().to_vec()).collect()),
        Err(fault) => Err(unusable(&fault)),
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listing(…)")
    }
}

/// What lists say is asked here and not of rustls, which asks the first list of an authority's name: also
/// where that one was replaced, or is of another key.
impl ClientCertVerifier for Listing {
    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.signed.verify_client_cert(own, others, now)?;
        // Authorities may be without a list. Where there are some, a request asks for more.
        let asked = (&self.lists, Listed::AsFarAsKnown);
        match Way::prove(own, others, &self.roots.roots, asked, now) {
            Ok(_) => Ok(verified),
            Err(CertificateFault::Revoked) => Err(CertificateError::Revoked.into()),
            Err(_) => Err(CertificateError::UnknownRevocationStatus.into()),
        }
    }

    fn offer_client_auth(&self) -> bool {
        self.signed.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.signed.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}
