//! Mail: who writes, where letters lead, their templates, and the way out.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use super::Checker;
use crate::file::File;
use crate::mail_entry::{MailEntry, SmtpEntry};
use crate::read_once::plain_file;
use crate::suggest::hint;
use gateway_mail::{Delivery, Login, Mailbox, OutboxSettings, Security, Sender, SmtpSettings};
use gateway_notify::{Link, Replacement, TEMPLATE_FILES, Templates, Wording};

/// Largest template.
const TEMPLATE_BYTES_MAX: u64 = 64 * 1_024;
/// Longest name of a product.
const PRODUCT_CHARACTERS_MAX: usize = 100;

/// What is needed to write letters, and to send them.
pub struct MailSettings {
    pub templates: Templates,
    pub delivery: Delivery,
}

impl Checker<'_> {
    pub(super) fn mail(&mut self, file: &File, password: Option<SecretString>) -> Option<MailSettings> {
        let mail = &file.mail;
        let from = self.mailbox("mail.from", &mail.from);
        let reply_to = mail.reply_to.as_ref().map(|text| self.mailbox("mail.reply_to", text));
        let reset_link = self.link("mail.reset_link", &mail.reset_link);
        let verify_link = self.link("mail.verify_link", &mail.verify_link);
        let invitation_link = self.link("mail.invitation_link", &mail.invitation_link);
        let product = &mail.product_name;
        if product.trim().is_empty()
            || product.chars().count() > PRODUCT_CHARACTERS_MAX
            || product.contains(|letter: char| letter.is_control() || "<>".contains(letter))
        {
            self.fault(format!(
                "mail.product_name = {product:?}: write what readers know the service as, in 1 to {PRODUCT_CHARACTERS_MAX} characters, without < and >"
            ));
        }
        let replacements = mail.templates_path.as_ref().map(|path| self.replacements(path));
        let domain = from.as_ref().map_or("localhost", Mailbox::domain).to_owned();
        let wording =
            Wording { product: product.trim().to_owned(), domain, reset_link, verify_link, invitation_link };
        let templates = Templates::new(wording, replacements.unwrap_or_default());
        let templates = templates.map_err(|faults| self.faults.extend(faults)).ok();
        if mail.outbox_files_max == 0 {
            self.fault("mail.outbox_files_max = 0: at least 1 mail must be kept");
        }
        let sender = Sender { from: from?, reply_to: reply_to.flatten() };
        let delivery = self.delivery(mail, sender, file, password)?;
        Some(MailSettings { templates: templates?, delivery })
    }

    fn mailbox(&mut self, key: &str, text: &str) -> Option<Mailbox> {
        let mailbox = Mailbox::parse(text);
        if mailbox.is_none() {
            self.fault(format!(
                "{key} = {text:?} is no sender; write an address, or a name and an address, as in \"Example <accounts@example.com>\""
            ));
        }
        mailbox
    }

    fn link(&mut self, key: &str, text: &str) -> Option<Link> {
        if text.is_empty() {
            return None;
        }
        let link = Link::parse(text);
        // Not the value: there may be a password in it.
        link.map_err(|fault| self.fault(format!("{key} {fault}"))).ok()
    }

    /// The operator's templates. A file of another name with an ending of ours is a mistake in its
    /// name; all others are none of our business.
    fn replacements(&mut self, folder: &Path) -> Vec<Replacement> {
        let key = format!("mail.templates_path = \"{}\"", folder.display());
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(fault) => {
                self.fault(format!("{key} cannot be read: {fault}"));
                return Vec::new();
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> =
            names.filter(|name| name.ends_with(".txt") || name.ends_with(".html")).collect();
        names.sort_unstable();
        let mut replacements = Vec::new();
        for written in names {
            let place = folder.join(&written).display().to_string();
            let Some(name) = TEMPLATE_FILES.iter().find(|known| **known == written) else {
                let hint = hint(&written, TEMPLATE_FILES.iter().copied());
                self.fault(format!("{place}: no letter has a template of this name{hint}"));
                continue;
            };
            match read_template(&folder.join(&written)) {
                Ok(source) => replacements.push(Replacement { name, place, source }),
                Err(fault) => self.fault(format!("{place}: {fault}")),
            }
        }
        replacements
    }

    fn delivery(
        &mut self,
        mail: &MailEntry,
        sender: Sender,
        file: &File,
        password: Option<SecretString>,
    ) -> Option<Delivery> {
        let smtp = &mail.smtp;
        if smtp.host.is_empty() {
            let folder = mail.outbox_path.clone().unwrap_or_else(|| file.store.path.join("outbox"));
            let written = SmtpEntry::default();
            if password.is_some() || smtp.username != written.username || smtp.ca_file != written.ca_file {
                self.fault(
                    "mail.smtp has a login or a ca_file and no host: write mail.smtp.host, or remove them",
                );
            }
            let files_max = mail.outbox_files_max;
            return Some(Delivery::Outbox(OutboxSettings { sender, folder, files_max }));
        }
        let settings = self.smtp(smtp, sender, password)?;
        if mail.from == MailEntry::default().from {
            self.warnings.push(format!(
                "mail.from = \"{}\" is the default: other servers refuse mails of this sender",
                mail.from
            ));
        }
        Some(Delivery::Smtp(settings))
    }

    fn smtp(
        &mut self,
        smtp: &SmtpEntry,
        sender: Sender,
        password: Option<SecretString>,
    ) -> Option<SmtpSettings> {
        let before = self.faults.len();
        let host = &smtp.host;
        if !is_host(host) {
            self.fault(format!(
                "mail.smtp.host = {host:?} is no host; write a name or an address, as in \"smtp.example.com\"; the port is mail.smtp.port"
            ));
        }
        if !(1..=300).contains(&smtp.timeout_seconds) {
            self.fault(format!("mail.smtp.timeout_seconds = {}: allowed are 1 to 300", smtp.timeout_seconds));
        }
        let login = match (smtp.username.is_empty(), password) {
            (true, None) => None,
            (false, Some(password)) => Some(Login { username: smtp.username.clone(), password }),
            (true, Some(_)) => {
                self.fault(
                    "GATEWAY_SMTP_PASSWORD is set and mail.smtp.username is not: they belong together",
                );
                None
            }
            (false, None) => {
                self.fault("mail.smtp.username is set and its password is not: set GATEWAY_SMTP_PASSWORD, or GATEWAY_SMTP_PASSWORD_FILE");
                None
            }
        };
        let in_the_clear = smtp.security == Security::None && !is_loopback(host);
        if in_the_clear && login.is_some() {
            self.fault("mail.smtp.security = \"none\" would send the password in the clear to another machine; write \"starttls\" or \"tls\"");
        } else if in_the_clear {
            self.warnings.push(format!(
                "mail.smtp.security = \"none\": mails to {host} go in the clear, and whoever reads one on its way can take the account it is about"
            ));
        }
        if smtp.security == Security::None && smtp.ca_file.is_some() {
            self.fault("mail.smtp.ca_file is only of use with TLS: write mail.smtp.security = \"starttls\" or \"tls\", or remove it");
        }
        let usual = match smtp.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        };
        let settings = SmtpSettings {
            sender,
            host: host.clone(),
            port: if smtp.port == 0 { usual } else { smtp.port },
            security: smtp.security,
            login,
            ca_file: smtp.ca_file.clone(),
            timeout: Duration::from_secs(smtp.timeout_seconds),
        };
        if smtp.security != Security::None
            && let Err(fault) = settings.check()
        {
            self.fault(fault);
        }
        (self.faults.len() == before).then_some(settings)
    }
}

fn read_template(path: &Path) -> Result<String, String> {
    let mut source = String::new();
    plain_file(path)?;
    let file = std::fs::File::open(path).map_err(|fault| fault.to_string())?;
    let read = file.take(TEMPLATE_BYTES_MAX + 1).read_to_string(&mut source);
    read.map_err(|fault| format!("cannot be read as UTF-8: {fault}"))?;
    if source.len() as u64 > TEMPLATE_BYTES_MAX {
        return Err(format!("has more than {TEMPLATE_BYTES_MAX} bytes"));
    }
    Ok(source)
}

/// A name or an address, without a port.
fn is_host(text: &str) -> bool {
    let name = |text: &str| {
        text.len() <= 253
            && text.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            })
    };
    text.parse::<std::net::IpAddr>().is_ok() || name(text)
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
