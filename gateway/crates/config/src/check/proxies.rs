//! What trusted proxies are believed, besides what the gateway reads of them itself.

use http::HeaderName;

use super::Checker;
use crate::file::File;
use crate::suggest::nearest;
use gateway_pipeline::{is_reserved, names_of_proxies};

impl Checker<'_> {
    pub(super) fn trusted_headers(&mut self, file: &File) -> Vec<HeaderName> {
        let mut names = Vec::new();
        for text in &file.server.trusted_headers {
            let lower = text.to_ascii_lowercase();
            if let Some(name) = names_of_proxies().find(|name| *name == lower) {
                names.push(HeaderName::from_static(name));
            } else if is_reserved(&lower) {
                self.fault(format!(
                    "server.trusted_headers: the gateway itself says `{text}` to services, whoever sends it; leave it out"
                ));
            } else {
                let meant = match nearest(&lower, names_of_proxies()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "leave it out".to_owned(),
                };
                self.fault(format!(
                    "server.trusted_headers: \"{text}\" is none of the headers that are kept from services, such as \"CF-Connecting-IP\" (docs/api.md has all); {meant}"
                ));
            }
        }
        if !names.is_empty() && file.server.trusted_proxies.is_empty() {
            self.warnings.push(
                "server.trusted_headers names headers, and server.trusted_proxies is empty: there is nobody of whom they are believed".to_owned(),
            );
        }
        names
    }
}
