//! A certificate authority of the test's own, and clients that trust it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tempfile::TempDir;

use super::raw::RawReply;

static SERIAL: AtomicU64 = AtomicU64::new(4_711);

/// Signs certificates, and keeps them in a folder that goes with it.
pub struct Authority {
    pub(super) issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    /// What is shown beside its certificates, where it is no root: its own.
    beside: Vec<CertificateDer<'static>>,
    pub(super) folder: TempDir,
}

/// A certificate and its key.
pub struct Certified {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    pub der: CertificateDer<'static>,
    pub(super) serial: u64,
    /// What it shows beside its own.
    pub beside: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Certified {
    /// As a line of a listener's `certificates`.
    pub fn entry(&self) -> String {
        format!(
            "{{ certificate_file = \"{}\", key_file = \"{}\" }}",
            self.certificate_file.display(),
            self.key_file.display()
        )
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.clone()).unwrap()
    }
}

impl Authority {
    pub fn new() -> Self {
        let (params, key) = of_an_authority("authority of a test");
        let own = params.self_signed(&key).unwrap();
        Self::with(own, Vec::new(), Issuer::new(params, key))
    }

    /// One that this one vouches for.
    pub fn below(&self, name: &str) -> Self {
        let (params, key) = of_an_authority(name);
        let own = params.signed_by(&key, &self.issuer).unwrap();
        let beside = [vec![own.der().clone()], self.beside.clone()].concat();
        Self::with(own, beside, Issuer::new(params, key))
    }

    fn with(
        own: Certificate,
        beside: Vec<CertificateDer<'static>>,
        issuer: Issuer<'static, KeyPair>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), own.pem()).unwrap();
        Self { der: own.der().clone(), beside, issuer, folder }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for these names, in files that are named after `file`.
    pub fn certify(&self, file: &str, names: &[&str]) -> Certified {
        self.certify_with(file, names, |_| ())
    }

    /// One that ends at the beginning of the day that is so many days from now.
    pub fn certify_for_days(&self, file: &str, names: &[&str], days: i32) -> Certified {
        self.certify_with(file, names, |params| {
            let (year, month, day) = day(days);
            params.not_after = rcgen::date_time_ymd(year, month, day);
        })
    }

    /// One that begins then.
    pub fn certify_in_days(&self, file: &str, names: &[&str], days: i32) -> Certified {
        self.certify_with(file, names, |params| {
            let (year, month, day) = day(days);
            params.not_before = rcgen::date_time_ymd(year, month, day);
        })
    }

    pub fn certify_with(
        &self,
        file: &str,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certified {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        params.serial_number = Some(serial.into());
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let at = |ending: &str| self.folder.path().join(format!("{file}.{ending}"));
        std::fs::write(at("pem"), certificate.pem()).unwrap();
        std::fs::write(at("key"), key.serialize_pem()).unwrap();
        std::fs::set_permissions(at("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Certified {
            certificate_file: at("pem"),
            key_file: at("key"),
            der: certificate.der().clone(),
            serial,
            beside: self.beside.clone(),
            key: key.serialize_der(),
        }
    }

    /// What a client needs that trusts this authority and speaks these protocols.
    pub fn client(&self, alpn: &[&str]) -> ClientConfig {
        self.client_with(alpn, None, rustls::ALL_VERSIONS)
    }

    pub fn client_with(
        &self,
        alpn: &[&str],
        own: Option<&Certified>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            Some(own) => {
                let chain = [vec![own.der.clone()], own.beside.clone()].concat();
                builder.with_client_auth_cert(chain, own.key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

fn of_an_authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    (params, KeyPair::generate().unwrap())
}

/// The day that is so many days from now: year, month and day.
fn day(days: i32) -> (i32, u8, u8) {
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let day = today + jiff::Span::new().days(days);
    let part = |part: i8| u8::try_from(part).unwrap();
    (day.year().into(), part(day.month()), part(day.day()))
}

/// A connection over TLS, whose handshake is done.
#[derive(Debug)]
pub struct Encrypted(StreamOwned<ClientConnection, TcpStream>);

impl Encrypted {
    /// `Err` when the handshake fails.
    pub fn connect(address: SocketAddr, name: &str, config: ClientConfig) -> std::io::Result<Self> {
        Self::over(TcpStream::connect(address)?, name, config)
    }

    pub fn over(tcp: TcpStream, name: &str, config: ClientConfig) -> std::io::Result<Self> {
        tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(connection, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// Whether it goes on with a session that was there before.
    pub fn is_resumed(&self) -> bool {
        self.0.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    pub fn version(&self) -> rustls::ProtocolVersion {
        self.0.conn.protocol_version().unwrap()
    }

    pub fn alpn(&self) -> Option<&str> {
        self.0.conn.alpn_protocol().map(|name| std::str::from_utf8(name).unwrap())
    }

    /// One request that has no body, and its reply; `None` when the connection ended.
    pub fn exchange(&mut self, request: &str) -> Option<RawReply> {
        self.0.write_all(request.as_bytes()).ok()?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut reply = RawReply { status, head, body: Vec::new() };
        reply.body = vec![0; reply.field("content-length")?.parse().ok()?];
        self.0.read_exact(&mut reply.body).ok()?;
        Some(reply)
    }

    /// One request whose answer goes on, and the status of that.
    pub fn begin(&mut self, path: &str) -> Option<u16> {
        self.0.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).ok()?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        String::from_utf8(head).ok()?.split(' ').nth(1)?.parse().ok()
    }

    /// Reads so many bytes of content.
    pub fn content(&mut self, bytes: usize) -> std::io::Result<Vec<u8>> {
        let mut content = vec![0; bytes];
        self.0.read_exact(&mut content).map(|()| content)
    }

    /// Waits until nothing more comes.
    pub fn rest(&mut self) {
        let mut chunk = [0; 1_024];
        while self.0.read(&mut chunk).is_ok_and(|read| read > 0) {}
    }

    pub fn get(&mut self, path: &str) -> Option<RawReply> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }
}
