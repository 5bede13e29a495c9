//! `gateway explain`: what would be decided about a request, step by step, and why.

mod advice;
mod way;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use serde_json::json;

use self::advice::Question;
use super::operators::socket_of_running;
use crate::startup::Prepared;
use gateway_clock::SystemClock;
use gateway_command::Failure;
use gateway_command::terminal::{BAD, GOOD, painted};
use gateway_config::{Flags, KeyPolicy, Secrets, check, is_standard_input, kept_csrf_key, load};
use gateway_edge::way_of;
use gateway_identity::{Generation, InstallationId, TokenId};
use gateway_jwks::JwksBook;
use gateway_limits::Limiters;
use gateway_pipeline::{
    Account, Admitted, Cookies, Decision, DecisionTrace, Denied, Head, Pipeline, Renewed, RequestTarget,
    SameSite, Step, canonical, identity_fields, is_authority,
};
use gateway_problem::Code;
use gateway_store::{Check, Revocation, Revocations, Subject, TokenStatus, Unreachable};
use gateway_store_sled::installation_of;
use gateway_telemetry::{Metrics, Way};
use gateway_token::PeerCertificate;

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
    /// A client certificate in PEM, its chain behind it, as if a client had shown it
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// A header of the request, for example 'Content-Length: 5'; can be given more than once
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The address of the client
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    client: IpAddr,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// By the same stages as a request; whether the token was revoked is asked of the running gateway.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let is_input = |path: &Option<PathBuf>| path.as_deref().is_some_and(is_standard_input);
    if is_input(&arguments.config) && is_input(&arguments.token_file) {
        return Err(Failure::Other(
            "standard input can be read once: --config and --token-file cannot both be -".to_owned(),
        ));
    }
    let loaded = load(arguments.config.as_deref(), &Flags::default());
    let secrets = Secrets::read(&gateway_command::environment);
    let limiters = Limiters::default();
    let checked = check(loaded, secrets, KeyPolicy::LookOnly, &limiters).map_err(Failure::Configuration)?;
    let token = gateway_command::read_token(arguments.token.clone(), arguments.token_file.as_deref())?;
    let other = |what: &str| Failure::Other(what.to_owned());
    let method = http::Method::from_bytes(arguments.method.as_bytes());
    let method = method.map_err(|_| other("the method is none; write for example GET"))?;
    let mut headers = read_headers(&arguments.headers).map_err(Failure::Other)?;
    if let Some(token) = &token {
        let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
        headers.append(AUTHORIZATION, value.map_err(|_| other("the token is no header value"))?);
    }
    if !arguments.target.starts_with('/') {
        return Err(other(
            "the target begins with a slash, without a scheme or a host; write for example /orders?page=2, and name the host by --host",
        ));
    }
    let path = arguments.target.split('?').next().unwrap_or_default();
    if !arguments.host.is_empty() && !is_authority(arguments.host.as_bytes()) {
        return Err(other(
            "--host is a name and perhaps a port, without a scheme or a path; write for example app.example.com",
        ));
    }
    let keys = JwksBook::new(Arc::new(SystemClock));
    // Where there was no start yet, no token can be of this installation.
    let known = installation_of(&checked.store_path);
    if known.is_none() && token.is_some() {
        eprintln!(
            "note: {}: there is no store here, so that no token of this gateway's own is good; does store.path (or GATEWAY__STORE__PATH) name the folder of the gateway?",
            checked.store_path.display()
        );
    }
    let installation = known.unwrap_or_else(InstallationId::random);
    let snapshot =
        Prepared::new(checked.reloadable, installation, &limiters, &keys).map_err(Failure::Other)?.snapshot;
    let running = socket_of_running(&checked.store_path);
    let pipeline = Pipeline::new(
        Arc::new(OfTheRunning(running.clone())),
        Arc::new(SystemClock),
        Metrics::new([]).map_err(|fault| Failure::Other(fault.to_string()))?,
    );
    let certificate = arguments.certificate.as_deref().map(read_certificate).transpose()?;
    let cookies = checked.cookies.map(|same_site| cookies(same_site, &checked.store_path)).transpose()?;
    let canonical = canonical(&arguments.target).ok();
    let target = RequestTarget::new(&arguments.target, canonical.as_ref());
    let head = Head {
        certificate: certificate.as_ref(),
        offers_upgrade: headers.contains_key(UPGRADE),
        cookies: cookies.as_ref(),
        ..Head::new(&method, &arguments.host, target, &headers, arguments.client)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| Failure::Other(format!("no runtime can be made: {fault}")))?;
    let mut trail = DecisionTrace::silent().written();
    let decided = runtime.block_on(async {
        // The keys of other issuers are fetched for this one question.
        keys.start();
        match pipeline.receive(&snapshot, &head, &mut trail).await {
            // Without a refresh cookie there is nothing to ask for.
            Ok(Decision::Renew(pending_renewal)) if pending_renewal.expired_session.refresh().is_none() => {
                pipeline.go_on(&snapshot, &head, *pending_renewal, Renewed::Refused, &mut trail).await
            }
            decided => decided,
        }
    });
    if matches!(decided, Ok(Decision::Own(_))) {
        return Err(other("this path belongs to the gateway itself; no route decides about it"));
    }
    let sent = way::head(&method, &arguments.target, &arguments.host, &headers);
    let way = way_of(&sent, checked.fast_path, &snapshot.routes);
    let asked = Asked { running: running.is_some(), store: &checked.store_path, way };
    let question = Question {
        method: &method,
        host: &arguments.host,
        path,
        token: token.as_deref(),
        client: arguments.client,
    };
    let decided = decided.map_err(|denied| {
        let account = advice::account(&denied, &snapshot, &question);
        (denied, account)
    });
    let steps = trail.steps().unwrap_or_default();
    if arguments.json {
        tell_program(steps, &decided, &asked)
    } else {
        tell_person(steps, &decided, path, &asked)
    }
    match decided {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::Verdict(Vec::new())),
    }
}

/// As the gateway reads them. Where it was never started, no page has a token of its making.
fn cookies(same_site: SameSite, store: &Path) -> Result<Cookies, Failure> {
    let key = kept_csrf_key(store).map_err(Failure::Other)?;
    Ok(Cookies::new(same_site, key.as_ref().map_or(&[], |key| key.expose_secret())))
}

fn read_certificate(path: &Path) -> Result<Arc<PeerCertificate>, Failure> {
    let other = |fault: &dyn std::fmt::Display| Failure::Other(format!("{}: {fault}", path.display()));
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(chain) if chain.is_empty() => Err(other(&"no certificate in PEM")),
        Ok(chain) => Ok(PeerCertificate::new(chain)),
        Err(fault) => Err(other(&fault)),
    }
}

fn read_headers(written: &[String]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for line in written {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.trim());
        let (Ok(name), Ok(value), true) = (name, value, line.contains(':')) else {
            return Err(format!(
                "--header `{line}` is no header; write its name, a colon and its value, for example 'Content-Length: 5'"
            ));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

/// Only the running gateway knows whose session is to be renewed.
const RENEWED_FIRST: &str =
    "the browser's session would be renewed first, by its refresh cookie; whether it can be is not asked";

/// What came of it; a refusal with its account.
type Decided = Result<Decision, (Denied, Account)>;

/// An answer of our own is told by its status alone.
fn answered(decision: &Decision) -> Option<(http::StatusCode, &'static str)> {
    match decision {
        Decision::Preflight(preflight) => Some((preflight.answer.status(), "a preflight")),
        Decision::Redirect(answer) => Some((answer.status(), "a redirect to HTTPS")),
        Decision::Forward(_) | Decision::Own(_) | Decision::Renew(_) => None,
    }
}

/// Whether there was a gateway to ask, and where it would be; and what is known beside the decision.
struct Asked<'a> {
    running: bool,
    store: &'a Path,
    /// Which way the request would take, unless it is none.
    way: Option<Way>,
}

impl Asked<'_> {
    fn finding<'a>(&self, step: &'a Step) -> &'a str {
        match step.stage {
            "revocation" if !self.running => "not asked: no gateway runs on this store",
            "limit" => "not asked: what is left is known to the running gateway alone",
            _ => &step.finding,
        }
    }

    /// The stages that were passed without asking.
    fn not_asked(&self, steps: &[Step]) -> Vec<&'static str> {
        let passed = |stage: &str| steps.iter().any(|step| step.stage == stage);
        let revocation = (!self.running && passed("revocation")).then_some("revocation");
        revocation.into_iter().chain(passed("limit").then_some("limit")).collect()
    }
}

fn tell_person(steps: &[Step], decided: &Decided, path: &str, asked: &Asked<'_>) {
    for step in steps {
        println!("{:<12} {}", step.stage, asked.finding(step));
    }
    println!("{:<12} {}", "way", way::in_words(asked.way));
    match decided {
        Ok(Decision::Forward(admitted)) if asked.not_asked(steps).contains(&"revocation") => {
            println!("{:<12} allow, unless the token was revoked", "verdict");
            let store = asked.store.display();
            println!("{:<12} no gateway runs on {store} that this user could ask", "");
            tell_admitted(admitted);
        }
        Ok(Decision::Forward(admitted)) => {
            anstream::println!("{:<12} {}", "verdict", painted(GOOD, "allow"));
            tell_admitted(admitted);
        }
        Ok(Decision::Renew(_)) => {
            println!("{:<12} {RENEWED_FIRST}", "verdict");
        }
        Ok(other) => {
            let (status, what) = answered(other).unwrap_or_default();
            anstream::println!("{:<12} {}: {} {what}", "verdict", painted(GOOD, "answer"), status.as_u16());
        }
        Err((denied, account)) => {
            let entry = denied.refusal.code().entry();
            let refuse = painted(BAD, "refuse");
            anstream::println!("{:<12} {refuse}: {} `{}`", "verdict", entry.status, entry.word);
            println!("{:<12} {}", "why", account.why);
            println!("{:<12} {}", "next", account.next);
            if let Some(note) = denied.note(path) {
                println!("{:<12} {note}", "note");
            }
        }
    }
}

fn tell_admitted(admitted: &Admitted) {
    println!("{:<12} `{}` gets {}", "upstream", admitted.upstream().name, admitted.upstream_target());
    if let Some(host) = &admitted.upstream().host {
        println!("{:<12} host: {}", "", host.to_str().unwrap_or("?"));
    }
    if !admitted.route().websocket {
        let word = Code::WebsocketNotEnabled.as_str();
        println!(
            "{:<12} no: who asks for one is refused by `{word}`; websocket = true allows it",
            "websocket"
        );
    }
    identity_fields(admitted, |name, value| {
        if let Some(value) = value.to_value() {
            println!("{:<12} {name}: {}", "", value.to_str().unwrap_or("?"));
        }
    });
}

fn tell_program(steps: &[Step], decided: &Decided, asked: &Asked<'_>) {
    let not_asked = asked.not_asked(steps);
    let finding = |step: &Step| json!({ "stage": step.stage, "finding": asked.finding(step) });
    let steps: Vec<_> = steps.iter().map(finding).collect();
    let mut told = match decided {
        Ok(Decision::Forward(admitted)) => json!({
            "verdict": "allow",
            "route": admitted.route().name,
            "upstream": admitted.upstream().name,
            "target": admitted.upstream_target(),
            "websocket": admitted.route().websocket,
            "steps": steps,
            "not_asked": not_asked,
        }),
        Ok(Decision::Renew(_)) => json!({ "verdict": "renew", "why": RENEWED_FIRST, "steps": steps }),
        Ok(other) => {
            let status = answered(other).unwrap_or_default().0;
            json!({ "verdict": "answer", "status": status.as_u16(), "steps": steps })
        }
        Err((denied, Account { reason, why, next })) => {
            json!({
                "verdict": "refuse",
                "route": denied.route.as_ref().map(|route| &route.name),
                "code": denied.refusal.code().as_str(),
                "status": denied.refusal.code().entry().status,
                "reason": reason,
                "why": why,
                "next": next,
                "steps": steps,
            })
        }
    };
    told["way"] = json!(asked.way.map(Way::as_str));
    println!("{told}");
}

/// The view belongs to the running gateway, which is asked where there is one.
struct OfTheRunning(Option<PathBuf>);

impl OfTheRunning {
    async fn ask(&self, query: String) -> Result<TokenStatus, Unreachable> {
        let Some(socket) = &self.0 else { return Ok(TokenStatus::Active) };
        let request = Request::builder().uri(format!("/operator/revocations?{query}"));
        let request = request.header(HOST, "gateway").body(Bytes::new());
        let request = request.map_err(|fault| Unreachable(fault.to_string()))?;
        let answer = super::operators::ask(socket, request).await.map_err(Unreachable)?;
        let told: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match told["standing"].as_str() {
            Some("in_force") => Ok(TokenStatus::Active),
            Some("revoked") => Ok(TokenStatus::Revoked),
            Some("failed_open") => Ok(TokenStatus::FailedOpen),
            _ => Err(Unreachable(format!("the running gateway answered {}", answer.status()))),
        }
    }
}

#[async_trait]
impl Revocations for OfTheRunning {
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a> {
        let Subject { token, session, user, generation: Generation(generation) } = subject;
        let query = format!("token={token}&session={session}&user={user}&generation={generation}");
        Check::Pending(Box::pin(self.ask(query)))
    }

    fn check_token(&self, token: TokenId) -> Check<'_> {
        Check::Pending(Box::pin(self.ask(format!("token={token}"))))
    }

    async fn publish(&self, _: &[Revocation]) -> Result<(), Unreachable> {
        Err(Unreachable("nothing is published by a question".to_owned()))
    }

    async fn ping(&self) -> Result<(), Unreachable> {
        Ok(())
    }
}
