//! The webhook: where it leads, by which way, and the secret that proves who sends it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use super::Checker;
use crate::file::File;
use crate::webhook_entry::WebhookEntry;
use gateway_webhook::{WebhookSecret, WebhookSettings};

/// `sun_path` of unix(7), less its final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

impl Checker<'_> {
    /// None where nobody is to be told, or where something is wrong.
    pub(super) fn webhook(&mut self, file: &File, secret: Option<SecretString>) -> Option<WebhookSettings> {
        let webhook = &file.webhook;
        if webhook.url.is_empty() {
            self.webhook_of_nobody(webhook, secret.is_some());
            return None;
        }
        let before = self.faults.len();
        let https = self.webhook_url(webhook);
        if let Some(socket) = &webhook.socket {
            self.socket(socket);
        }
        if https == Some(false) && webhook.ca_file.is_some() {
            self.fault("webhook.ca_file is only of use with TLS: write an https:// URL, or remove it");
        }
        if !(1..=300).contains(&webhook.timeout_seconds) {
            self.fault(format!(
                "webhook.timeout_seconds = {}: allowed are 1 to 300",
                webhook.timeout_seconds
            ));
        }
        let authorities = webhook.ca_file.as_ref().map(|path| self.authorities("webhook", "ca_file", path));
        let secret = match secret.map(|text| WebhookSecret::parse(&text)) {
            Some(Ok(secret)) => Some(secret),
            Some(Err(fault)) => {
                self.fault(format!(
                    "GATEWAY_WEBHOOK_SECRET: {fault}; make one with: echo \"whsec_$(openssl rand -base64 32)\""
                ));
                None
            }
            None => {
                self.fault("webhook.url is set and its secret is not: set GATEWAY_WEBHOOK_SECRET, or GATEWAY_WEBHOOK_SECRET_FILE, to what the service checks signatures with; make one with: echo \"whsec_$(openssl rand -base64 32)\"");
                None
            }
        };
        let settings = WebhookSettings {
            url: webhook.url.clone(),
            socket: webhook.socket.clone(),
            authorities,
            timeout: Duration::from_secs(webhook.timeout_seconds),
            secret: secret?,
        };
        (self.faults.len() == before).then_some(settings)
    }

    fn webhook_of_nobody(&mut self, webhook: &WebhookEntry, has_secret: bool) {
        if webhook.socket.is_some() || webhook.ca_file.is_some() {
            self.fault("webhook has a socket or a ca_file and no URL: write webhook.url, or remove them");
        }
        if has_secret {
            self.warnings.push(
                "GATEWAY_WEBHOOK_SECRET is set, and webhook.url is not: no service is told of deleted accounts"
                    .to_owned(),
            );
        }
    }

    /// Whether it has TLS. The complaints do not show the URL: there may be a secret in it.
    fn webhook_url(&mut self, webhook: &WebhookEntry) -> Option<bool> {
        let example = "write for example \"https://app.example.com/webhooks/gateway\"";
        let Ok(uri) = webhook.url.parse::<http::Uri>() else {
            self.fault(format!("webhook.url is no URL; {example}"));
            return None;
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let (Some(scheme @ ("https" | "http")), Some(authority)) = (uri.scheme_str(), authority) else {
            self.fault(format!("webhook.url is no URL that can be sent to; {example}"));
            return None;
        };
        if authority.as_str().contains('@') {
            self.fault("webhook.url has a login in it; messages are signed with GATEWAY_WEBHOOK_SECRET instead: remove it");
        }
        let https = scheme == "https";
        if !https && webhook.socket.is_none() && !is_loopback(authority.host()) {
            self.fault(format!(
                "webhook.url is http:// to another machine: whoever is on the way could keep messages from arriving and say that they did; {example}, or an http:// URL of this machine"
            ));
        }
        Some(https)
    }

    fn socket(&mut self, socket: &Path) {
        let shown = socket.display();
        if !socket.is_absolute() {
            self.fault(format!(
                "webhook.socket = \"{shown}\" is no absolute path; write for example \"/run/app.sock\""
            ));
        }
        if socket.as_os_str().as_bytes().len() > SOCKET_PATH_BYTES_MAX {
            self.fault(format!(
                "webhook.socket = \"{shown}\" is too long for a socket: {SOCKET_PATH_BYTES_MAX} bytes at most"
            ));
        }
    }
}

fn is_loopback(host: &str) -> bool {
    // RFC 3986 §3.2.2: an address of IPv6 stands in brackets.
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
