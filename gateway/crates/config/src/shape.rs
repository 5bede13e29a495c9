//! Unknown keys and values of the wrong kind: all at once, each with its place and its mend.
//! A deserializer would stop at the first one.

use std::sync::LazyLock;

use figment::value::{Dict, Num, Value};
use serde_json::Value as Sample;

use super::file::{CorsEntry, File, RouteEntry};
use super::issuer_entry::IssuerEntry;
use super::limits_entry::{Limit, Rate};
use super::listener_entry::ListenerEntry;
use super::mail_entry::MailEntry;
use super::suggest::{hint, nearest};
use super::upstream_entry::UpstreamEntry;
use super::webhook_entry::WebhookEntry;

/// Settings that take one of a few words.
const WORDS: [(&str, &[&str]); 23] = [
    ("log.format", &["auto", "human", "json"]),
    ("log.addresses", &["full", "partial", "hashed", "omitted"]),
    ("log.emails", &["full", "partial", "hashed", "omitted"]),
    ("mail.smtp.security", &["starttls", "tls", "none"]),
    ("redis.fail", &["closed", "open"]),
    ("redis.eviction", &["refuse", "tolerate"]),
    ("refresh.rotation", &["on_request", "always"]),
    ("tokens.algorithm", &["HS256", "EdDSA", "ES256", "RS256", "PS256"]),
    ("tokens.assertion_algorithm", &["EdDSA", "ES256", "RS256", "PS256"]),
    ("issuers[].kind", &["oidc", "legacy", "certificate"]),
    ("listeners[].tls.client_certificates", &["off", "optional", "required"]),
    ("issuers[].typ", &["any", "at+jwt"]),
    ("registration.mode", &["open", "closed", "invite"]),
    ("registration.email_verification", &["off", "optional", "required"]),
    ("cookies.same_site", &["lax", "strict"]),
    ("verify.proxy", &["any", "nginx", "traefik", "caddy", "haproxy", "envoy"]),
    ("routes[].match", &["prefix", "exact"]),
    ("routes[].on_expiry", &["close", "close_all", "allow"]),
    ("routes[].credentials[]", &["header", "cookie", "certificate"]),
    ("routes[].near_miss", &["refuse", "forward"]),
    ("routes[].auth", &["public", "optional", "required"]),
    ("upstreams[].balance", &["round_robin", "least_connections", "hash_user", "hash_address"]),
    ("upstreams[].protocol", &["http1", "http2"]),
];

/// Settings whose values may be secret.
const UNSAID: [&str; 2] = ["redis.url", "webhook.url"];

/// What was written, less the keys that no setting has and the values that none takes: each of
/// those is a fault.
pub(super) fn fitting(written: Dict, faults: &mut Vec<String>) -> Dict {
    Walk { faults }.keys("", written, &sample())
}

/// Whether there is a setting of this name, such as `routes[3].path`.
pub(super) fn is_setting(key: &str) -> bool {
    static ALL: LazyLock<Sample> = LazyLock::new(|| Sample::Object(sample()));
    let mut keys = key.split('.');
    let found = keys.try_fold(&*ALL, |above, key| {
        let (key, index) = key.split_once('[').map_or((key, None), |(key, index)| (key, Some(index)));
        let below = above.get(key)?;
        if index.is_some() { below.get(0) } else { Some(below) }
    });
    found.is_some()
}

/// The settings outside of lists, by their paths.
pub(super) fn settings() -> Vec<String> {
    let mut paths = Vec::new();
    let mut above = vec![(String::new(), sample())];
    while let Some((path, known)) = above.pop() {
        for (key, value) in known {
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            match value {
                Sample::Object(below) if !is_limit(&below) => above.push((path, below)),
                _ => paths.push(path),
            }
        }
    }
    paths
}

/// Whether a setting of this name would be a secret, going by the last part of it.
pub(super) fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    ["secret", "password", "passwd", "private_key", "signing_key"].iter().any(|word| name.contains(word))
}

struct Walk<'a> {
    faults: &'a mut Vec<String>,
}

type Known = serde_json::Map<String, Sample>;

impl Walk<'_> {
    fn keys(&mut self, above: &str, written: Dict, known: &Known) -> Dict {
        let mut kept = Dict::new();
        for (key, value) in written {
            let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            // A table whose keys are the operator's own has one sample for all of them.
            let Some(sample) = known.get(&key).or_else(|| known.get("*")) else {
                let hint = secret(&path, &value)
                    .or_else(|| parted(&path))
                    .unwrap_or_else(|| hint(&key, known.keys().map(String::as_str)));
                self.faults.push(format!("`{path}` is no setting{hint}"));
                continue;
            };
            if let Some(value) = self.value(&path, value, sample) {
                kept.insert(key, value);
            }
        }
        kept
    }

    fn value(&mut self, path: &str, value: Value, sample: &Sample) -> Option<Value> {
        match (value, sample) {
            (Value::Dict(tag, written), Sample::Object(known)) => {
                Some(Value::Dict(tag, self.keys(path, written, known)))
            }
            (Value::Array(tag, items), Sample::Array(samples)) => {
                let items = items.into_iter().enumerate().filter_map(|(index, item)| match samples.first() {
                    Some(sample) => self.value(&format!("{path}[{index}]"), item, sample),
                    None => Some(item),
                });
                Some(Value::Array(tag, items.collect()))
            }
            (value, sample) => match mend(path, &value, sample) {
                None => Some(value),
                Some(mend) => {
                    self.faults.push(format!("`{path}`{}: {mend}", shown(path, &value)));
                    None
                }
            },
        }
    }
}

/// A setting whose section was parted from it by one underscore, as in `GATEWAY__SERVER_LISTEN`.
fn parted(path: &str) -> Option<String> {
    let meant = settings().into_iter().find(|setting| setting.replace('.', "_") == path)?;
    let variable = meant.replace('.', "__").to_uppercase();
    Some(format!("; did you mean `{meant}`? As a variable it is GATEWAY__{variable}, with two underscores"))
}

/// Where secrets go instead: whoever writes one into the file has one that others read.
fn secret(path: &str, value: &Value) -> Option<String> {
    if let ("jwt", Value::Dict(_, written)) = (path, value) {
        let secret = written.iter().find(|(key, _)| is_secret(key))?;
        return self::secret(&format!("{path}.{}", secret.0), secret.1);
    }
    if !matches!(value, Value::String(..)) || !is_secret(path) {
        return None;
    }
    let path = path.to_ascii_lowercase();
    let variable = match path.split(['.', '[']).next()? {
        "mail" => "GATEWAY_SMTP_PASSWORD",
        "webhook" => "GATEWAY_WEBHOOK_SECRET",
        "redis" => "REDIS_URL",
        "issuers" => "LEGACY_JWT_SECRET_KEY",
        _ if path.contains('[') => return None,
        _ if path.contains("password") || path.contains("passwd") => "GATEWAY_ADMIN_PASSWORD",
        _ if path.contains("refresh") => "JWT_REFRESH_SECRET_KEY",
        _ => "JWT_SECRET_KEY",
    };
    Some(format!(
        "; secrets come from the environment: set {variable}, or {variable}_FILE to a file that has it"
    ))
}

/// What to write instead; nothing if the value is of the right kind.
fn mend(path: &str, value: &Value, sample: &Sample) -> Option<String> {
    let must = |what: &str| Some(format!("must be {what}"));
    match (value, sample) {
        _ if place(path) == "routes[].assertion" => match value {
            Value::Bool(..) | Value::String(..) => None,
            _ => must("true, false, or an audience in quotes"),
        },
        // Not set, as an optional setting may be.
        (Value::Empty(..), _) | (_, Sample::Null) => None,
        (Value::String(_, text), Sample::Object(known)) if is_limit(known) && text == "unlimited" => None,
        (_, Sample::Object(known)) if is_limit(known) => {
            must("{ requests = 100, window_seconds = 60 } or \"unlimited\"")
        }
        (Value::String(_, text), Sample::String(_)) => match words(path) {
            Some(words) if !words.contains(&text.as_str()) => {
                let all: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                let near = nearest(text, words.iter().copied());
                let near = near.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
                Some(format!("must be {}{near}", all.join(" or ")))
            }
            _ => None,
        },
        (Value::Bool(..), Sample::Bool(_)) => None,
        // A setting whose default has a fraction may have one.
        (Value::Num(..), Sample::Number(sample)) if sample.is_f64() => None,
        (Value::Num(_, number), Sample::Number(_)) if is_natural(number) => None,
        (_, Sample::String(_)) => must("a text in quotes"),
        (_, Sample::Bool(_)) => must("true or false"),
        (_, Sample::Number(sample)) if sample.is_f64() => must("a number, such as 0.01"),
        (_, Sample::Number(_)) => must("a whole number, 0 or more"),
        (Value::Dict(..), Sample::Array(_)) if !path.contains('.') => {
            Some(format!("must be a list: write [[{path}]], with two brackets"))
        }
        (_, Sample::Array(_)) => must("a list"),
        (_, Sample::Object(_)) => must("a table of settings"),
    }
}

fn is_natural(number: &Num) -> bool {
    number.to_u128().is_some() || number.to_i128().is_some_and(|number| number >= 0)
}

fn words(path: &str) -> Option<&'static [&'static str]> {
    let place = place(path);
    WORDS.iter().find(|(key, _)| *key == place).map(|(_, words)| *words)
}

/// The path without the numbers of its entries.
fn place(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn is_limit(known: &Known) -> bool {
    known.contains_key("window_seconds")
}

fn shown(path: &str, value: &Value) -> String {
    match value {
        _ if UNSAID.contains(&path) || is_secret(path) => String::new(),
        Value::String(_, text) => format!(" = \"{text}\""),
        Value::Char(_, text) => format!(" = \"{text}\""),
        Value::Bool(_, truth) => format!(" = {truth}"),
        Value::Num(_, number) => match (number.to_i128(), number.to_u128(), number.to_f64()) {
            (Some(number), ..) => format!(" = {number}"),
            (_, Some(number), _) => format!(" = {number}"),
            (.., Some(number)) => format!(" = {number}"),
            _ => String::new(),
        },
        Value::Dict(..) => " is a table".to_owned(),
        Value::Array(..) => " is a list".to_owned(),
        Value::Empty(..) => String::new(),
    }
}

/// All settings there are: the defaults, what may be absent, and one entry of each list.
fn sample() -> Known {
    let mut file = File::default();
    file.server.trusted_proxies.push(String::new());
    file.server.trusted_headers.push(String::new());
    file.server.explain_to.push(String::new());
    file.listeners.push(ListenerEntry::sample());
    file.password.imported.push(String::new());
    file.redis.ca_file = Some("ca.pem".into());
    file.mail = MailEntry::sample();
    file.webhook = WebhookEntry::sample();
    file.tokens.audience = Some(String::new());
    file.tokens.keys_path = Some("keys".into());
    file.issuers.push(IssuerEntry::sample());
    file.upstreams.push(UpstreamEntry::sample());
    let rate = Limit::Rate(Rate { requests: 1, window_seconds: 1 });
    file.cors = Some(CorsEntry::sample());
    file.routes.push(RouteEntry::sample(rate));
    match serde_json::to_value(file) {
        Ok(Sample::Object(known)) => known,
        _ => Known::new(),
    }
}

#[cfg(test)]
mod tests {
    use figment::providers::{Format as _, Toml};

    use super::*;

    #[test]
    fn each_word_of_the_table_is_one_that_its_setting_takes() {
        for (key, words) in WORDS {
            for word in words {
                let (key, word) = match key.strip_suffix("[]") {
                    Some(key) => (key, format!("[\"{word}\"]")),
                    None => (key, format!("\"{word}\"")),
                };
                let text = match key.split_once("[].") {
                    Some((list, key)) => {
                        let needed = match list {
                            "listeners" => "address = \"\"",
                            "routes" => "name = \"\"\npath = \"\"\nupstream = \"\"",
                            _ => "name = \"\"",
                        };
                        format!("[[{list}]]\n{needed}\n{key} = {word}")
                    }
                    None => format!("{key} = {word}"),
                };
                let figment = figment::Figment::from(Toml::string(&text));
                let mut faults = Vec::new();
                fitting(figment.extract().unwrap(), &mut faults);
                assert!(faults.is_empty(), "{text}");
                assert!(figment.extract::<File>().is_ok(), "{text}");
            }
        }
    }
}
