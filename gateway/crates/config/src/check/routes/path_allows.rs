//! What the paths of a route may hold below its own.

use crate::check::Checker;
use crate::file::{Match, RouteEntry};
use gateway_pipeline::Oddity;

impl Checker<'_> {
    pub(super) fn path_allows(&mut self, entry: &RouteEntry) -> Vec<Oddity> {
        let name = &entry.name;
        if entry.r#match == Match::Exact && !entry.path_allows.is_empty() {
            self.fault(format!("route `{name}`: path_allows says nothing with match = \"exact\": it is about what lies below the path"));
        }
        let mut allowed = Vec::new();
        for text in &entry.path_allows {
            match Oddity::ALL.into_iter().find(|odd| odd.as_str().eq_ignore_ascii_case(text)) {
                Some(odd) => allowed.push(odd),
                None => {
                    let meant = meant(text)
                        .map_or_else(String::new, |odd| format!("; did you mean \"{}\"?", odd.as_str()));
                    self.fault(format!("route `{name}`: path_allows: \"{text}\" is nothing that a path may hold; there are: \"%2F\", \"//\", \";\"{meant}"));
                }
            }
        }
        allowed
    }
}

/// In the words of Apache, Spring, Traefik and others.
fn meant(text: &str) -> Option<Oddity> {
    match text.to_ascii_lowercase().as_str() {
        "/" | "slash" | "encoded_slash" => Some(Oddity::EncodedSlash),
        "%2f%2f" | "double_slash" => Some(Oddity::DoubledSlash),
        "%3b" | "semicolon" => Some(Oddity::Semicolon),
        _ => None,
    }
}
