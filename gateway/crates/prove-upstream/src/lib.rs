//! `gateway prove-upstream`: attacks the operator's own set-up, through a service that answers
//! with what it saw.
//!
//! Each header that an attack sends has a value that nobody can guess. A value that stands in the
//! answer has arrived, whatever the form of the answer.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![expect(
    clippy::indexing_slicing,
    reason = "a command answers one person, and measures with tables of its own"
)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod around;
mod attack;
mod endpoint;
mod http1;
mod http2;
mod over_http1;
mod over_http2;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use attack::{Answer, Row};
use endpoint::Endpoint;
use gateway_command::Failure;

#[derive(clap::Args)]
pub struct Arguments {
    /// A route through the gateway whose service answers with the headers that it saw
    #[arg(value_parser = Endpoint::parse)]
    url: Endpoint,
    /// An access token for a protected route; others can see it in the list of processes
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<String>,
    /// A file with an access token; - is standard input. Without both: GATEWAY_PROVE_TOKEN
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Also try to reach the service around the gateway: ADDRESS:PORT, http://… or https://…
    #[arg(long, value_name = "ADDRESS", value_parser = Endpoint::parse_address)]
    upstream: Option<Endpoint>,
    /// A further header that the service takes an identity from; can be given several times
    #[arg(long, value_name = "HEADER")]
    name: Vec<http::HeaderName>,
    /// A certificate authority for https, as a PEM file, in place of the machine's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long one answer may take, 1 to 300
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Where the attacks go, and as whom.
struct Plan {
    endpoint: Endpoint,
    token: Option<String>,
    names: Vec<String>,
    /// The answer without an attack.
    plain: Vec<u8>,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let token = gateway_command::read_token(arguments.token.clone(), arguments.token_file.as_deref())?;
    let token = token
        .or_else(|| gateway_command::environment("GATEWAY_PROVE_TOKEN"))
        .map(|token| token.trim().to_owned());
    if token
        .as_deref()
        .is_some_and(|token| token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(Failure::Other(
            "the token is no token: it has spaces, other characters, or nothing".to_owned(),
        ));
    }
    let timeout = Duration::from_secs(arguments.timeout);
    let endpoint = arguments.url.through(arguments.ca_file.as_deref(), timeout).map_err(Failure::Other)?;
    let around = arguments.upstream.map(|upstream| upstream.around(&endpoint)).transpose();
    let around = around.map_err(Failure::Other)?;
    let names = attack::names(&arguments.name);
    let plain = attack::check_echo(&endpoint, token.as_deref()).map_err(Failure::Other)?;
    let plan = Plan { endpoint, token, names, plain };
    let mut rows = over_http1::rows(&plan);
    rows.extend(over_http2::rows(&plan));
    rows.push(match &around {
        Some(around) => around::row(&plan, around),
        None => {
            Row::not_tried("around", "around the gateway", "name the service's own address with --upstream")
        }
    });
    if arguments.json {
        report::for_programs(&rows)
    } else {
        report::for_people(&rows)
    }
    verdict(&rows)
}

/// 0 where everything was asked and nothing arrived; 3 where something did; 1 where it cannot be
/// said.
fn verdict(rows: &[Row]) -> Result<(), Failure> {
    let findings = report::findings(rows);
    if !findings.is_empty() {
        return Err(Failure::Verdict(findings));
    }
    let unclear = rows.iter().filter(|row| matches!(row.answer, Answer::Unclear(_))).count();
    if unclear > 0 {
        return Err(Failure::Other(format!(
            "{unclear} of the attacks got no clear answer, so nothing is proved; look at the service's and the gateway's logs, and try again"
        )));
    }
    Ok(())
}
