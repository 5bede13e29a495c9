//! The attacks over HTTP/2: by ALPN over TLS, by prior knowledge without.

use super::Plan;
use super::attack::{Answer, Row, Spoof, attempt, contains, marker, of_proxies, spelled};
use super::http1::Outcome;
use super::http2::{Fields, ask};

const WAY: &str = "HTTP/2";

pub(super) fn rows(plan: &Plan) -> Vec<Row> {
    let mark = marker();
    let plain = ask(&plan.endpoint, &head(plan, &[("x-prove-upstream".to_owned(), mark.clone())]), None);
    match plain {
        None => return vec![Row::not_tried(WAY, "all", "not offered")],
        Some(Outcome::Answered { status: 200..=299, body }) if contains(&body, &mark) => {}
        Some(outcome) => {
            let why =
                outcome.unclear().unwrap_or("the route does not show the headers of the request".to_owned());
            return vec![Row::new(WAY, "all", Answer::Unclear(why))];
        }
    }
    let names = &plan.names;
    let as_they_are = spelled(names, str::to_owned);
    // Malformed whatever the name: where one is refused, so are all.
    let hidden_name = [Spoof::new("x-user-id".to_owned())];
    let send = |fields: Fields| ask(&plan.endpoint, &fields, None).unwrap_or(Outcome::Closed);
    let plain = |spoofs: &[Spoof]| send(head(plan, &fields(spoofs)));
    let spelling =
        |attack, spell: &dyn Fn(&str) -> String| attempt(WAY, attack, &spelled(names, spell), plain);
    let separated = |separator: &str| {
        let separator = separator.to_owned();
        move |name: &str| if name.contains('-') { name.replace('-', &separator) } else { String::new() }
    };
    let value = |attack: &'static str, hide: &(dyn Fn(&Spoof) -> (String, String) + Sync)| {
        attempt(WAY, attack, &hidden_name, |spoofs| {
            let hidden: Fields = spoofs.iter().map(hide).collect();
            send(head(plan, &hidden))
        })
    };
    vec![
        spelling("our names", &str::to_owned),
        spelling("with `_` for `-`", &separated("_")),
        spelling("with `.` for `-`", &separated(".")),
        spelling("with other characters", &separated("~")),
        // RFC 9113 §8.2.1: a name in capitals is malformed.
        attempt(WAY, "in capitals", &[Spoof::new("X-USER-ID".to_owned())], plain),
        attempt(WAY, "twice", &as_they_are, |spoofs| {
            let twice: Vec<_> = spoofs.iter().chain(spoofs).cloned().collect();
            plain(&twice)
        }),
        attempt(WAY, "in trailers", &as_they_are, |spoofs| {
            let mut head = head(plan, &[("te".to_owned(), "trailers".to_owned())]);
            if let Some((_, method)) = head.first_mut() {
                "POST".clone_into(method);
            }
            ask(&plan.endpoint, &head, Some(&fields(spoofs))).unwrap_or(Outcome::Closed)
        }),
        // RFC 9113 §8.2.2: there is no such field in HTTP/2.
        attempt(WAY, "named in connection", &hidden_name, |spoofs| {
            let named: Vec<_> = spoofs.iter().map(|spoof| spoof.spelling.as_str()).collect();
            let mut all = vec![("connection".to_owned(), named.join(", "))];
            all.extend(fields(spoofs));
            send(head(plan, &all))
        }),
        of_proxies(WAY, plain),
        // What HTTP/1.1 takes for the end of a line, behind a proxy that translates.
        value("behind a line break in a value", &|spoof| {
            ("x-prove".to_owned(), format!("a\r\n{}: {}", spoof.spelling, spoof.marker))
        }),
        value("behind a line feed in a value", &|spoof| {
            ("x-prove".to_owned(), format!("a\n{}: {}", spoof.spelling, spoof.marker))
        }),
        value("behind a line break in a name", &|spoof| {
            (format!("x-prove: a\r\n{}", spoof.spelling), spoof.marker.clone())
        }),
        value("behind a colon in a name", &|spoof| (format!("{}:", spoof.spelling), spoof.marker.clone())),
        value("as pseudo-headers", &|spoof| (format!(":{}", spoof.spelling), spoof.marker.clone())),
        attempt(WAY, "behind a line break in the path", &hidden_name, |spoofs| {
            let mut head = head(plan, &[]);
            let hidden: String =
                spoofs.iter().map(|spoof| format!("{}: {}\r\n", spoof.spelling, spoof.marker)).collect();
            for (name, value) in &mut head {
                if name == ":path" {
                    value.push_str(&format!(" HTTP/1.1\r\n{hidden}x-prove: "));
                }
            }
            send(head)
        }),
    ]
}

fn fields(spoofs: &[Spoof]) -> Fields {
    spoofs.iter().map(|spoof| (spoof.spelling.clone(), spoof.marker.clone())).collect()
}

fn head(plan: &Plan, more: &[(String, String)]) -> Fields {
    let scheme = if plan.endpoint.is_tls { "https" } else { "http" };
    let mut fields: Fields = [
        (":method", "GET"),
        (":scheme", scheme),
        (":authority", &plan.endpoint.authority),
        (":path", &plan.endpoint.target),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if let Some(token) = &plan.token {
        fields.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    fields.extend_from_slice(more);
    fields
}
