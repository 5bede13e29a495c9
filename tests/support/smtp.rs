//! A real mail server (aiosmtpd, of the Python environment), and the mails that it got.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::authority::Authority;

/// The login of servers that ask for one.
pub const USER: &str = "gateway-mailer";
pub const PASSWORD: &str = "CANARY-of-the-mail-server";

/// How the way to the server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without TLS and without a login.
    Plain,
    /// With a login, after STARTTLS only.
    StartTls,
    /// With TLS from the first byte, and a login.
    Tls,
}

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Good,
    RefuseSender,
    RefuseRecipient(u16),
    RefuseContents(u16),
    /// Takes the connection and says nothing.
    Hang,
    /// Ends the conversation after the greeting.
    Drop,
    /// Of `Kind::StartTls`: does not offer it, and would take the password without it.
    NoStartTls,
    /// Of `Kind::StartTls`: somebody in the middle adds to the answer.
    Inject,
}

/// A mail as the server got it.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    /// Of the header.
    pub from: String,
    /// Of the envelope.
    pub to: Vec<String>,
    pub envelope_from: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// All headers, decoded, in their order.
    pub headers: Vec<(String, String)>,
    /// As it went over the wire.
    pub raw: String,
    pub encrypted: bool,
    pub authenticated: bool,
    /// What the client called itself.
    pub hello: String,
}

impl ReceivedMail {
    /// The only header of this name.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(found.next().is_none(), "two of {name} in {:?}", self.headers);
        value
    }

    /// The token that follows `token=` in the text, or stands alone in a line.
    pub fn token(&self) -> String {
        if let Some((_, rest)) = self.text.split_once("token=") {
            return rest.split_whitespace().next().unwrap().to_owned();
        }
        let alone = |line: &&str| line.len() >= 16 && !line.contains(' ');
        self.text.lines().find(alone).unwrap_or_else(|| panic!("no token in {}", self.text)).to_owned()
    }

    fn read(event: &Value) -> Self {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let pairs = event["headers"].as_array().unwrap().iter();
        let headers: Vec<(String, String)> =
            pairs.map(|pair| serde_json::from_value(pair.clone()).unwrap()).collect();
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map_or_else(String::new, |(_, value)| value.clone())
        };
        Self {
            from: header("From"),
            to: serde_json::from_value(event["envelope_to"].clone()).unwrap(),
            envelope_from: text("envelope_from"),
            subject: header("Subject"),
            text: text("text"),
            html: text("html"),
            raw: text("raw"),
            encrypted: event["encrypted"] == true,
            authenticated: event["authenticated"] == true,
            hello: text("hello"),
            headers,
        }
    }
}

/// A mail server that runs until this is dropped.
pub struct Smtp {
    pub port: u16,
    kind: Kind,
    authority: Authority,
    child: Child,
    events: Receiver<Value>,
}

impl Smtp {
    pub fn start(kind: Kind) -> Self {
        Self::start_with(kind, Behaviour::Good)
    }

    pub fn start_with(kind: Kind, behaviour: Behaviour) -> Self {
        Self::start_as(kind, behaviour, &["localhost", "127.0.0.1"])
    }

    /// One whose certificate is for these names.
    pub fn start_as(kind: Kind, behaviour: Behaviour, names: &[&str]) -> Self {
        let authority = Authority::new();
        let certified = authority.certify("smtp", names);
        let behaviour = match behaviour {
            Behaviour::Good => "good".to_owned(),
            Behaviour::RefuseSender => "refuse_sender".to_owned(),
            Behaviour::RefuseRecipient(code) => format!("refuse_recipient_{code}"),
            Behaviour::RefuseContents(code) => format!("refuse_contents_{code}"),
            Behaviour::Hang => "hang".to_owned(),
            Behaviour::Drop => "drop".to_owned(),
            Behaviour::NoStartTls => "no_starttls".to_owned(),
            Behaviour::Inject => "inject".to_owned(),
        };
        let options = json!({
            "kind": match kind { Kind::Plain => "plain", Kind::StartTls => "starttls", Kind::Tls => "tls" },
            "behaviour": behaviour,
            "certificate": certified.certificate_file,
            "key": certified.key_file,
            "user": if kind == Kind::Plain { "" } else { USER },
            "password": PASSWORD,
        });
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/services/smtp.py");
        let mut command = super::tools::python("python");
        command.arg(script).arg(options.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the mail server starts; run `./dev tools`").unwrap();
        let (tell, events) = channel();
        // Ends with the server.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                tell.send(serde_json::from_str(&line).unwrap()).ok();
            }
        });
        Self { port: first.parse().unwrap(), kind, authority, child, events }
    }

    /// The authority that its certificate is of.
    pub fn ca_file(&self) -> PathBuf {
        self.authority.file()
    }

    /// `[mail.smtp]` of a gateway that sends by this server; where it asks for a login, the variable
    /// `GATEWAY_SMTP_PASSWORD` has to be `PASSWORD`.
    pub fn config(&self) -> String {
        let (security, login) = match self.kind {
            Kind::Plain => ("none", false),
            Kind::StartTls => ("starttls", true),
            Kind::Tls => ("tls", true),
        };
        let port = self.port;
        let mut lines =
            format!("[mail.smtp]\nhost = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\n");
        if login {
            let ca_file = self.ca_file();
            lines += &format!("username = \"{USER}\"\nca_file = \"{}\"\n", ca_file.display());
        }
        lines
    }

    /// The next mail, which is waited for.
    pub fn next_mail(&self, wait_max: Duration) -> ReceivedMail {
        ReceivedMail::read(&self.next("mail", wait_max))
    }

    /// What happens next of this kind: "login", "recipient", "mail", "connection" and others. What
    /// happened before it is passed over.
    pub fn next(&self, what: &str, wait_max: Duration) -> Value {
        let deadline = Instant::now() + wait_max;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) if event["event"] == what => return event,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no {what} within {wait_max:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the mail server ended"),
            }
        }
    }

    /// Ends the server, and tells all that has happened to it and was not asked for yet.
    pub fn stop(mut self) -> Vec<Value> {
        self.child.kill().ok();
        self.child.wait().ok();
        // Until the reader has come to the end.
        self.events.iter().collect()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
