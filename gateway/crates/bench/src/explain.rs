//! What answers other than 2xx mean, and what to do about them.

use super::connection::Failed;
use super::level::{Kind, Level};
use super::measured::{Measured, is_good};

/// Each kind of bad answer of a level, how often it came, and why.
pub(super) fn bad_answers(level: &Level, measured: &Measured) -> Vec<String> {
    let name = &level.name;
    let bad = measured.statuses.iter().filter(|(status, _)| !is_good(**status));
    let statuses =
        bad.map(|(status, count)| format!("{name}: {count} × {status}: {}", status_means(*status, level)));
    let failures = measured
        .failures
        .iter()
        .map(|(failed, count)| format!("{name}: {count} × {}: {}", failed.name(), failed_means(*failed)));
    let unsent = (measured.unsent > 0).then(|| {
        format!("{name}: {} × unsent: due, and given up behind a backlog of 10 s; the rate is beyond what this level can do", measured.unsent)
    });
    statuses.chain(failures).chain(unsent).collect()
}

fn status_means(status: u16, level: &Level) -> &'static str {
    let direct = level.kind == Kind::Direct;
    match status {
        300..=399 => "a redirection; name the path, and the scheme, that it leads to",
        401 if direct => "the service wants a login itself: compare with --public-path instead",
        401 => {
            "the token is not accepted: the running gateway has other keys, another tokens.issuer or audience than this configuration, or the tokens of the file are over; `gateway explain` says which"
        }
        403 => "the token does not have what the route requires; give tokens that do with --tokens",
        404 if direct => "the service has no such path",
        404 => {
            "no route of the gateway, or the service behind it, has this path; `gateway explain` tells them apart"
        }
        405 => "GET is not allowed at this path",
        429 if direct => "a limit of the service's own",
        429 => {
            "a limit is used up: that of users (use more --users, or a lower --rate), or one of addresses (all requests come from one here)"
        }
        502..=504 if !direct => {
            "the gateway has no answer from the service, or, for 503, cannot ask Redis; its log and /readyz say which"
        }
        500..=599 => "a fault of the service; its log says more",
        _ => "not an answer of 2xx",
    }
}

fn failed_means(failed: Failed) -> &'static str {
    match failed {
        Failed::NotConnected => {
            "no connection: the other side is gone, or has all that it allows (server.connections_max, connections_per_address_max; open files)"
        }
        Failed::BrokenOff => "closed before the answer was whole",
        Failed::TimedOut => "no answer within --timeout",
    }
}
