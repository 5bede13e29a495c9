//! What to do next, where more is known than the refusal itself says: of the routes, and of the token.

use std::sync::Arc;

use gateway_clock::{Clock as _, SystemClock};
use gateway_pipeline::{Account, Denied, HostPattern, Route, Snapshot};
use gateway_problem::Code;
use gateway_token::RawToken;

/// What was asked.
pub(super) struct Question<'a> {
    pub(super) method: &'a http::Method,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) client: std::net::IpAddr,
}

/// The refusal in words, with what follows from the question.
pub(super) fn account(denied: &Denied, config: &Snapshot, question: &Question<'_>) -> Account {
    let account = denied.refusal.account();
    match denied.refusal.code() {
        Code::NotFound => Account { next: elsewhere(config, question).unwrap_or(account.next), ..account },
        Code::NetworkNotAllowed => {
            let next = format!(
                "The request was asked about as from {}; --client names another address. {}",
                question.client, account.next
            );
            Account { next, ..account }
        }
        Code::TokenInvalid => {
            let token = question.token.map(|token| RawToken::new(token.trim()));
            let fault = token.and_then(|token| config.verifier.fault_of(token, SystemClock.now()));
            match fault {
                Some(fault) => Account { why: fault.why, next: fault.next.to_owned(), ..account },
                None => account,
            }
        }
        _ => account,
    }
}

/// Where there is a route for the path, if not for this host.
fn elsewhere(config: &Snapshot, question: &Question<'_>) -> Option<String> {
    let all: Vec<&Arc<Route>> = config.routes.iter().collect();
    if all.is_empty() {
        return Some(
            "There are no routes yet: write [[upstreams]] and [[routes]] into the configuration.".to_owned(),
        );
    }
    let hosts = all.iter().flat_map(|route| &route.hosts);
    let found = hosts.filter_map(|host| {
        let named = match host {
            HostPattern::Any => return None,
            HostPattern::Name(name) => name.to_string(),
            HostPattern::Below(name) => format!("any.{name}"),
        };
        let route = config.routes.find(&named, question.method, question.path).ok()?;
        Some((route, host))
    });
    let (route, host) = found.into_iter().next()?;
    let asked = if question.host.is_empty() {
        "no host was named".to_owned()
    } else {
        format!("not for {}", question.host)
    };
    Some(format!(
        "Route `{}` has this path for the host {host}, and {asked}: name that of the request by --host.",
        route.name
    ))
}
