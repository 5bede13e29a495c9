//! The one certificate with which every contestant shows itself, and the connector that trusts it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Whom the clients ask for.
pub(crate) const HOST: &str = "api.example.com";

pub(crate) struct Certificate {
    pub(crate) certificate_file: PathBuf,
    pub(crate) key_file: PathBuf,
    /// Both, as HAProxy reads them.
    pub(crate) both: String,
    pub(crate) connector: TlsConnector,
}

impl Certificate {
    /// A key on P-256, for a day.
    pub(crate) fn make(folder: &Path) -> Result<Self, String> {
        let made =
            rcgen::generate_simple_self_signed([HOST.to_owned()]).map_err(|fault| fault.to_string())?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let (certificate_file, key_file) = (folder.join("certificate.pem"), folder.join("key.pem"));
        for (file, text) in [(&certificate_file, &certificate), (&key_file, &key)] {
            std::fs::write(file, text).map_err(|fault| format!("{}: {fault}", file.display()))?;
        }
        let connector = connector(made.cert.der().clone())?;
        Ok(Self { certificate_file, key_file, both: format!("{certificate}{key}"), connector })
    }
}

/// TLS 1.3 with one cipher, so that all contestants have the same work.
fn connector(root: rustls::pki_types::CertificateDer<'static>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(|fault| fault.to_string())?;
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|fault| fault.to_string())?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}
