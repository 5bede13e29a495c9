//! Expectations beside the routes: what must be allowed, and what refused.

use std::net::IpAddr;

use http::Method;

use super::issuer_names;
use crate::check::Checker;
use crate::file::{ExpectEntry, File};
use crate::suggest::hint;
use gateway_pipeline::{Expectation, ExpectedIdentity, is_foreign};
use gateway_problem::Code;

/// The reasons that routes alone can have; tokens and limits are imagined to be good.
const REASONS: [Code; 7] = [
    Code::NetworkNotAllowed,
    Code::CertificateMissing,
    Code::TokenMissing,
    Code::InsufficientScope,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::AmbiguousPath,
];

impl Checker<'_> {
    pub(in crate::check) fn expectations(&mut self, file: &File) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        let issuers = issuer_names(file);
        for route in &file.routes {
            expectations.extend(
                route.expect.iter().filter_map(|entry| self.expectation(&route.name, entry, &issuers)),
            );
        }
        expectations
    }

    fn expectation(&mut self, beside: &str, entry: &ExpectEntry, issuers: &[&str]) -> Option<Expectation> {
        let place = format!("route `{beside}`: expect");
        let refused = match entry.then.as_str() {
            "allow" => None,
            word => match REASONS.into_iter().find(|code| code.as_str() == word) {
                Some(code) => Some(code),
                None => {
                    let words = ["allow"].into_iter().chain(REASONS.iter().map(|code| code.as_str()));
                    self.fault(format!("{place}: then = \"{word}\" is no verdict{}", hint(word, words)));
                    return None;
                }
            },
        };
        let Ok(method) = Method::from_bytes(entry.method.as_bytes()) else {
            self.fault(format!("{place}: method = \"{}\" is no method", entry.method));
            return None;
        };
        if !entry.path.starts_with('/') {
            self.fault(format!("{place}: path = \"{}\" is no path; it begins with a slash", entry.path));
            return None;
        }
        if is_foreign(&entry.path) || entry.path.contains(['{', '}']) {
            self.fault(format!("{place}: path = \"{}\" looks like a pattern: an expectation is about one request; write a path that one could have, such as \"/users/7\"", entry.path));
            return None;
        }
        let address = entry.address.as_deref().map(str::parse::<IpAddr>);
        if let (Some(Err(_)), Some(text)) = (&address, &entry.address) {
            self.fault(format!(
                "{place}: address = \"{text}\" is no address of a client; write for example \"192.0.2.1\""
            ));
            return None;
        }
        let address = address.and_then(Result::ok);
        if refused == Some(Code::NetworkNotAllowed) && address.is_none() {
            self.fault(format!(
                "{place}: then = \"network_not_allowed\" needs an address, from which it is refused"
            ));
        }
        let who = match entry.r#as.as_str() {
            "nobody" => ExpectedIdentity::Nobody,
            roles => ExpectedIdentity::Somebody {
                roles: roles.split('+').map(str::to_owned).collect(),
                claims: entry.claims.clone().into_iter().collect(),
                issuer: self.known_issuer(&place, &entry.issuer, issuers)?,
            },
        };
        Some(Expectation {
            beside: beside.to_owned(),
            who,
            address,
            method,
            host: entry.host.clone(),
            path: entry.path.clone(),
            refused,
        })
    }
}
