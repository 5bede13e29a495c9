//! Whose certificates a route takes: of issuers that it names, so that none gets in by itself.

use super::credentials::Credentials;
use crate::check::Checker;
use crate::file::{File, RouteEntry};
use crate::issuer_entry::Kind;

impl Checker<'_> {
    /// Each issuer has certificates or tokens, and a route that names it looks at the ones that it has.
    pub(super) fn issuers_fit(&mut self, entry: &RouteEntry, credentials: Credentials, file: &File) {
        let name = &entry.name;
        let has_certificates = |issuer: &str| {
            file.issuers.iter().any(|known| known.name == issuer && known.kind == Kind::Certificate)
        };
        let named = entry.issuers.iter().find(|issuer| has_certificates(issuer));
        let others = entry.issuers.iter().find(|issuer| !has_certificates(issuer));
        match (credentials.certificate, named) {
            (true, None) => {
                let hint = match file.issuers.iter().find(|issuer| issuer.kind == Kind::Certificate) {
                    Some(issuer) => format!("write issuers = [\"{}\"], and \"own\" for tokens of this gateway", issuer.name),
                    None => "there is no issuer of kind = \"certificate\"; docs/certificates.md has an example".to_owned(),
                };
                self.fault(format!("route `{name}`: credentials has \"certificate\", and issuers names none of whose certificates they may be: {hint}"));
            }
            (false, Some(issuer)) => self.fault(format!(
                "route `{name}`: issuers names `{issuer}`, which has certificates and no tokens, and credentials has no \"certificate\": nobody of it would get in; add credentials = [\"certificate\"]"
            )),
            _ => {}
        }
        if let (Some(issuer), false, false) = (others, credentials.header, credentials.cookie) {
            self.fault(format!(
                "route `{name}`: issuers names `{issuer}`, which has tokens, and credentials looks at certificates only; add \"header\", or take it out of issuers"
            ));
        }
    }
}
