//! `gateway explain`: what would be decided about a request, step by step, and why.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::json;

use super::Failure;
use crate::adapter::jwks::JwksBook;
use crate::clock::SystemClock;
use crate::config::{Flags, KeyPolicy, Secrets, check, is_standard_input, load};
use crate::identity::TokenId;
use crate::limits::Books;
use crate::pipeline::{Admitted, Denied, Head, Pipeline, Step, Trail, identity_fields, is_own};
use crate::startup::Prepared;
use crate::store::{Check, Revocation, Revocations, Standing, Subject, Unreachable};
use crate::telemetry::Metrics;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration to decide by; - is standard input
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For example GET
    method: String,
    /// Path and query, for example /api/todos?page=2
    target: String,
    /// The host that the request is for
    #[arg(long, value_name = "HOST", default_value = "")]
    host: String,
    /// An access token; others can see it in the list of processes
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<String>,
    /// A file with an access token; - is standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The address of the client
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    client: IpAddr,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// By the same stages as a request; only revocations and what limits have left are known to the
/// running gateway alone.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let is_input = |path: &Option<PathBuf>| path.as_deref().is_some_and(is_standard_input);
    if is_input(&arguments.config) && is_input(&arguments.token_file) {
        return Err(Failure::Other(
            "standard input can be read once: --config and --token-file cannot both be -".to_owned(),
        ));
    }
    let loaded = load(arguments.config.as_deref(), &Flags::default());
    let secrets = Secrets::read(&super::environment);
    let books = Books::default();
    let checked = check(loaded, secrets, KeyPolicy::LookOnly, &books).map_err(Failure::Configuration)?;
    let token = read_token(arguments.token.clone(), arguments.token_file.as_deref())?;
    let other = |what: &str| Failure::Other(what.to_owned());
    let method = http::Method::from_bytes(arguments.method.as_bytes());
    let method = method.map_err(|_| other("the method is none; write for example GET"))?;
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
        headers.insert(AUTHORIZATION, value.map_err(|_| other("the token is no header value"))?);
    }
    let path = arguments.target.split('?').next().unwrap_or_default();
    if is_own(path) {
        return Err(other("this path belongs to the gateway itself; no route decides about it"));
    }
    let keys = JwksBook::new(Arc::new(SystemClock));
    let snapshot = Prepared::new(checked.reloadable, &books, &keys).map_err(Failure::Other)?.snapshot;
    let pipeline = Pipeline::new(
        Arc::clone(&snapshot),
        Arc::new(NotAsked),
        Arc::new(SystemClock),
        Metrics::new([]).map_err(|fault| Failure::Other(fault.to_string()))?,
    );
    let head = Head {
        method: &method,
        host: &arguments.host,
        target: &arguments.target,
        headers: &headers,
        browser: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| Failure::Other(format!("no runtime can be made: {fault}")))?;
    let mut trail = Trail::silent().written();
    let decided = runtime.block_on(async {
        // The keys of other issuers are fetched for this one question.
        keys.start();
        pipeline.admit(&snapshot, head, arguments.client, &mut trail).await
    });
    let steps = trail.steps().unwrap_or_default();
    if arguments.json {
        tell_program(steps, &decided)
    } else {
        tell_person(steps, &decided)
    }
    match decided {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::Verdict(Vec::new())),
    }
}

/// From the command line, a file, or standard input.
pub(super) fn read_token(written: Option<String>, file: Option<&Path>) -> Result<Option<String>, Failure> {
    let Some(path) = file else { return Ok(written) };
    let mut text = String::new();
    let read = if is_standard_input(path) {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    read.map_err(|fault| Failure::Other(format!("{}: {fault}", path.display())))?;
    Ok(Some(text))
}

fn finding(step: &Step) -> &str {
    if step.stage == "revocation" { "not asked: only the running gateway knows" } else { &step.finding }
}

fn tell_person(steps: &[Step], decided: &Result<Admitted, Denied>) {
    for step in steps {
        println!("{:<12} {}", step.stage, finding(step));
    }
    match decided {
        Ok(admitted) => {
            println!("{:<12} allow", "verdict");
            println!("{:<12} `{}` gets {}", "upstream", admitted.upstream().name, admitted.upstream_target());
            for (name, value) in identity_fields(admitted) {
                println!("{:<12} {name}: {}", "", value.to_str().unwrap_or("?"));
            }
        }
        Err(denied) => {
            let entry = denied.refusal.code().entry();
            println!("{:<12} refuse: {} `{}`", "verdict", entry.status, entry.word);
            println!("{:<12} {}", "why", entry.meaning);
            println!("{:<12} {}", "next", entry.next_step);
        }
    }
}

fn tell_program(steps: &[Step], decided: &Result<Admitted, Denied>) {
    let steps: Vec<_> =
        steps.iter().map(|step| json!({ "stage": step.stage, "finding": finding(step) })).collect();
    let told = match decided {
        Ok(admitted) => json!({
            "verdict": "allow",
            "route": admitted.route().name,
            "upstream": admitted.upstream().name,
            "target": admitted.upstream_target(),
            "steps": steps,
        }),
        Err(denied) => json!({
            "verdict": "refuse",
            "route": denied.route.as_ref().map(|route| &route.name),
            "code": denied.refusal.code().word(),
            "status": denied.refusal.code().entry().status,
            "steps": steps,
        }),
    };
    println!("{told}");
}

/// The view belongs to the running gateway.
struct NotAsked;

#[async_trait]
impl Revocations for NotAsked {
    fn check<'a>(&'a self, _: &'a Subject) -> Check<'a> {
        Check::Ready(Ok(Standing::InForce))
    }

    fn check_token(&self, _: TokenId) -> Check<'_> {
        Check::Ready(Ok(Standing::InForce))
    }

    async fn publish(&self, _: &[Revocation]) -> Result<(), Unreachable> {
        Err(Unreachable("nothing is published by a question".to_owned()))
    }

    async fn ping(&self) -> Result<(), Unreachable> {
        Ok(())
    }
}
