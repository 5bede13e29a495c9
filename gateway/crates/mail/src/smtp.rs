//! Hands mails to an SMTP server, one connection for each: letters are few, and a kept connection
//! would mostly be a dead one.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message::message;
use super::one_line::OneLine;
use super::refused::{Step, not_sent};
use super::sender::Sender;
use gateway_notify::{Mail, NotSent, Notifier};

/// How long a server may take to say goodbye once it has taken a mail over.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// How the way to the server is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// RFC 3207, and nothing is said before it. A server that does not offer it gets no mail.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314 §3.3).
    Tls,
    /// For a server on this machine.
    None,
}

/// The login at the server.
#[derive(Clone)]
pub struct Login {
    pub username: String,
    pub password: SecretString,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// Where the server is, and how to speak to it.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    pub sender: Sender,
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// A PEM file with the authorities to trust instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// For the whole conversation.
    pub timeout: Duration,
}

impl SmtpSettings {
    /// Whether the authorities can be read; connects to nothing.
    pub fn check(&self) -> Result<(), String> {
        self.tls().map(drop)
    }

    fn tls(&self) -> Result<TlsParameters, String> {
        let explain = |fault: Error| {
            format!(
                "mail.smtp: TLS cannot be prepared: {fault}; the system needs its package of CA certificates, or mail.smtp.ca_file a file of yours"
            )
        };
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(path) = &self.ca_file {
            let refuse =
                |why: String| format!("mail.smtp.ca_file = \"{}\" cannot be used: {why}", path.display());
            let pem = std::fs::read(path).map_err(|fault| refuse(fault.to_string()))?;
            // A file without a certificate would make a client that trusts nobody.
            if !pem.windows(PEM_MARK.len()).any(|window| window == PEM_MARK) {
                return Err(refuse("it holds no certificate in PEM form".to_owned()));
            }
            let certificates = Certificate::from_pem(&pem).map_err(|fault| refuse(fault.to_string()))?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificates);
        }
        builder.build().map_err(explain)
    }
}

const PEM_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Sends by SMTP (RFC 5321).
pub struct SmtpNotifier {
    settings: SmtpSettings,
    /// None where nothing is encrypted.
    tls: Option<TlsParameters>,
    hello: ClientId,
    /// For complaints.
    server: String,
}

impl SmtpNotifier {
    pub fn new(settings: SmtpSettings) -> Result<Self, String> {
        let tls = match settings.security {
            Security::Starttls | Security::Tls => Some(settings.tls()?),
            Security::None => None,
        };
        let hello = ClientId::Domain(settings.sender.from.domain().to_owned());
        let server = format!("{}:{}", settings.host, settings.port);
        Ok(Self { settings, tls, hello, server })
    }

    /// The connection, when the server has taken the mail over.
    async fn hand_over(&self, mail: &Mail, step: &mut Step) -> Result<AsyncSmtpConnection, NotSent> {
        let message = message(&self.settings.sender, mail)?;
        let envelope = message.envelope();
        let mut connection = self.connect(step).await?;
        if let Some(login) = &self.settings.login {
            *step = Step::Login;
            let password = login.password.expose_secret().to_owned();
            let credentials = Credentials::new(login.username.clone(), password);
            let sent = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            sent.map_err(|fault| self.not_sent(*step, &fault))?;
        }
        *step = Step::Sender;
        let sent = connection.command(MailFrom::new(envelope.from().cloned(), Vec::new())).await;
        sent.map_err(|fault| self.not_sent(*step, &fault))?;
        *step = Step::Recipient;
        for to in envelope.to() {
            let sent = connection.command(Rcpt::new(to.clone(), Vec::new())).await;
            sent.map_err(|fault| self.not_sent(*step, &fault))?;
        }
        *step = Step::Contents;
        connection.command(Data).await.map_err(|fault| self.not_sent(*step, &fault))?;
        let sent = connection.message(&message.formatted()).await;
        sent.map_err(|fault| self.not_sent(*step, &fault))?;
        Ok(connection)
    }

    /// A connection that is as private as it must be.
    async fn connect(&self, step: &mut Step) -> Result<AsyncSmtpConnection, NotSent> {
        let server = (self.settings.host.as_str(), self.settings.port);
        let (Security::Starttls, Some(tls)) = (self.settings.security, &self.tls) else {
            let connected =
                AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, self.tls.clone(), None).await;
            return connected.map_err(|fault| self.not_sent(*step, &fault));
        };
        let stream = TcpStream::connect(server).await;
        let stream =
            stream.map_err(|fault| NotSent::Later(format!("{}, {}: {fault}", self.server, step.words())))?;
        let stream = Box::new(OneLine::new(stream));
        let connected = AsyncSmtpConnection::connect_with_transport(stream, &self.hello).await;
        let mut connection = connected.map_err(|fault| self.not_sent(*step, &fault))?;
        *step = Step::StartTls;
        // Refuses where it is not offered.
        let started = connection.starttls(tls.clone(), &self.hello).await;
        started.map_err(|fault| self.not_sent(*step, &fault))?;
        Ok(connection)
    }

    fn not_sent(&self, step: Step, fault: &Error) -> NotSent {
        not_sent(&self.server, step, fault)
    }
}

#[async_trait]
impl Notifier for SmtpNotifier {
    async fn send(&self, mail: &Mail) -> Result<(), NotSent> {
        let limit = self.settings.timeout;
        let mut step = Step::Connect;
        let handed_over = timeout(limit, self.hand_over(mail, &mut step)).await;
        let mut connection = handed_over.unwrap_or_else(|_| {
            let (server, step) = (&self.server, step.words());
            Err(NotSent::Later(format!("{server}, {step}: no answer within {} s", limit.as_secs())))
        })?;
        // The mail is theirs now, whatever becomes of the connection.
        timeout(GOODBYE_MAX, connection.abort()).await.ok();
        Ok(())
    }
}
