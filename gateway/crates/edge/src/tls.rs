//! TLS towards clients: certificates by server name, versions 1.2 and 1.3. Which certificates of clients
//! are believed, where they are asked for, is said beside this.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pingora::listeners::tls::Acceptor;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::clients::{ClientFiles, verifier};

/// What one listener's TLS is made of.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The first one is shown to who names no server, or one that there is not.
    pub certificates: Vec<CertificateFiles>,
    /// Which certificates clients are asked for; `None` asks for none.
    pub clients: Option<ClientFiles>,
    /// Whether HTTP/2 is offered (ALPN).
    pub http2: bool,
}

/// A chain, the server's own certificate first, and its key, both in PEM.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

/// TLS that was read and found right, ready to be used.
#[derive(Clone)]
pub struct TlsMaterial {
    handshakes: Arc<Handshakes>,
    ends: Vec<CertificateEnd>,
}

/// When a chain stops being good, and since when it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateEnd {
    /// The chain's file, as configured.
    pub chain: String,
    /// In seconds since 1970: of the certificate in the chain that ends first.
    pub at: i64,
    /// Of the one that begins last.
    pub from: i64,
}

impl CertificateEnd {
    /// `None` where a certificate cannot be read so far: who shakes hands finds out what it is worth.
    pub fn from_chain(chain: &Path, certificates: &[impl AsRef<[u8]>]) -> Option<Self> {
        let times = |one: &_| {
            let validity = x509_parser::parse_x509_certificate(AsRef::as_ref(one)).ok()?.1.validity().clone();
            Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
        };
        let times: Option<Vec<(i64, i64)>> = certificates.iter().map(times).collect();
        let (begins, ends): (Vec<_>, Vec<_>) = times?.into_iter().unzip();
        let (at, from) = (ends.into_iter().min()?, begins.into_iter().max()?);
        Some(Self { chain: chain.display().to_string(), at, from })
    }
}

impl TlsMaterial {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// All that is wrong with them, each with its file.
    pub fn read(files: &TlsFiles) -> Result<Self, Vec<String>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut faults = Vec::new();
        let (mut by_name, mut ends) = (ByName::default(), Vec::new());
        for one in &files.certificates {
            match certified(one, &provider) {
                Ok(certified) => {
                    ends.extend(CertificateEnd::from_chain(&one.chain, &certified.cert));
                    by_name.add(Arc::new(certified));
                }
                Err(fault) => faults.push(fault),
            }
        }
        let verifier = files.clients.as_ref().map(|clients| verifier(clients, &provider));
        let verifier = verifier.transpose().unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|fault| vec![fault.to_string()])?;
        let asks = verifier.is_some();
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(by_name));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if files.http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        if asks {
            // A session that is resumed is not asked for a certificate again, whatever became of it.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        } else {
            // Resumption without memory of ours; the keys change by themselves, and with each reload,
            // so that nobody resumes what new settings would refuse.
            config.ticketer =
                rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|fault| vec![fault.to_string()])?;
        }
        let identify = files.clients.as_ref().is_some_and(|clients| clients.identify);
        let acceptor = Acceptor::from_server_config(Arc::new(config));
        Ok(Self { handshakes: Arc::new(Handshakes { acceptor, identify }), ends })
    }

    pub fn ends(&self) -> &[CertificateEnd] {
        &self.ends
    }

    pub(super) fn handshakes(&self) -> Arc<Handshakes> {
        Arc::clone(&self.handshakes)
    }
}

/// How a listener shakes hands.
pub(super) struct Handshakes {
    pub(super) acceptor: Acceptor,
    /// Whether a certificate that a client shows says who it is.
    pub(super) identify: bool,
}

/// Certificates by the names that stand in them.
#[derive(Debug, Default)]
struct ByName {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// `*.example.com`, by `example.com`.
    below: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl ByName {
    fn add(&mut self, certified: Arc<CertifiedKey>) {
        for name in names_of(&certified) {
            let (map, key) = match name.strip_prefix("*.") {
                Some(parent) => (&mut self.below, parent.to_owned()),
                None => (&mut self.exact, name),
            };
            // The one that was written first counts.
            map.entry(key).or_insert_with(|| Arc::clone(&certified));
        }
        self.first.get_or_insert(certified);
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        // RFC 6125 §6.4.3: a wildcard stands for exactly one label.
        self.exact.get(name).or_else(|| self.below.get(name.split_once('.')?.1))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.find(&name.to_ascii_lowercase()));
        named.or(self.first.as_ref()).cloned()
    }
}

/// The names in the certificate itself (RFC 6125); the rest of the chain has none of ours.
fn names_of(certified: &CertifiedKey) -> Vec<String> {
    let own = certified.cert.first().and_then(|own| webpki::EndEntityCert::try_from(own).ok());
    own.map(|own| own.valid_dns_names().map(str::to_ascii_lowercase).collect()).unwrap_or_default()
}

fn certified(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let chain = certificates(&files.chain)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|fault| format!("{}: no private key in PEM: {fault}", files.key.display()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|fault| {
        format!("{} and {} do not fit together: {fault}", files.chain.display(), files.key.display())
    })
}

pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(format!("{}: no certificate in PEM", path.display())),
        Ok(found) => Ok(found),
        Err(fault) => Err(format!("{}: {fault}", path.display())),
    }
}
