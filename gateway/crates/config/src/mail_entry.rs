//! What the operator writes about mail: `[mail]` and `[mail.smtp]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use gateway_mail::Security;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailEntry {
    pub product_name: String,
    pub from: String,
    pub reply_to: Option<String>,
    /// Empty: the mail shows the token itself.
    pub reset_link: String,
    pub verify_link: String,
    pub invitation_link: String,
    pub templates_path: Option<PathBuf>,
    pub outbox_path: Option<PathBuf>,
    pub outbox_files_max: usize,
    pub smtp: SmtpEntry,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpEntry {
    /// Empty: mails stay in the outbox.
    pub host: String,
    /// 0 is the usual one.
    pub port: u16,
    pub security: Security,
    pub username: String,
    pub ca_file: Option<PathBuf>,
    pub timeout_seconds: u64,
}

impl Default for MailEntry {
    fn default() -> Self {
        Self {
            product_name: "Gateway".into(),
            from: "Gateway <gateway@localhost>".into(),
            reply_to: None,
            reset_link: String::new(),
            verify_link: String::new(),
            invitation_link: String::new(),
            templates_path: None,
            outbox_path: None,
            outbox_files_max: 1_000,
            smtp: SmtpEntry::default(),
        }
    }
}

impl Default for SmtpEntry {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            security: Security::Starttls,
            username: String::new(),
            ca_file: None,
            timeout_seconds: 30,
        }
    }
}

impl MailEntry {
    /// One with everything that may be absent.
    pub(super) fn sample() -> Self {
        let mut sample = Self {
            reply_to: Some(String::new()),
            templates_path: Some("mail".into()),
            outbox_path: Some("outbox".into()),
            ..Self::default()
        };
        sample.smtp.ca_file = Some("ca.pem".into());
        sample
    }
}
