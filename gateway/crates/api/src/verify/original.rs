//! The request that another proxy asks about: its method, host and target, as each proxy tells them.
//!
//! What a proxy does not tell, or tells in two ways, is refused: one of the two may come from the
//! client, and a client must not choose on which route the decision is made.

use http::{HeaderMap, Method, Uri};
use serde::{Deserialize, Serialize};

use gateway_pipeline::{Routes, is_authority};
use gateway_problem::{Code, Problem};

/// Which proxy asks, and so: which headers tell of the original request, and which statuses it
/// hands on to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskingProxy {
    /// Whatever tells something is read, and all of it has to agree.
    #[default]
    Any,
    /// `X-Original-Method`, `-Host` and `-URI`, or a whole `X-Original-URL`; 401 and 403 only.
    Nginx,
    /// `X-Forwarded-Method`, `-Host` and `-Uri`.
    Traefik,
    Caddy,
    Haproxy,
    /// The path is appended to ours; method and host are those of the request itself.
    Envoy,
}

/// The request of the proxy to us.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

/// The request of the client to the proxy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Original {
    pub(super) method: Method,
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
}

/// What was told so far.
#[derive(Default)]
struct Told {
    method: Option<String>,
    host: Option<String>,
    target: Option<String>,
}

/// What the proxy tells, or why that does not do.
pub(super) fn original(proxy: AskingProxy, asked: Asked<'_>, routes: &Routes) -> Result<Original, Problem> {
    let mut told = Told::default();
    let any = proxy == AskingProxy::Any;
    if any || proxy == AskingProxy::Envoy {
        told.appended(asked)?;
    } else if appended(asked.uri).is_some() {
        return unclear("The proxy must ask at /api/auth/verify itself");
    }
    if any || matches!(proxy, AskingProxy::Traefik | AskingProxy::Caddy | AskingProxy::Haproxy) {
        told.forwarded(asked.headers)?;
    }
    if any || proxy == AskingProxy::Nginx {
        told.original(asked.headers)?;
    }
    let Some(target) = told.target else { return unclear("The proxy does not tell the original path") };
    // Where no route asks for it, nothing depends on it, and a proxy of which nothing is known may
    // leave it out.
    let host = match told.host {
        Some(host) if is_authority(host.as_bytes()) => host,
        Some(_) => return unclear("The original host is no host"),
        None if any && !routes.name_hosts() => String::new(),
        None => return unclear("The proxy does not tell the original host"),
    };
    let method = match told.method.map(|method| Method::from_bytes(method.as_bytes())) {
        Some(Ok(method)) => method,
        Some(Err(_)) => return unclear("The original method is no method"),
        None if any && !routes.name_methods() => asked.method.clone(),
        None => return unclear("The proxy does not tell the original method"),
    };
    Ok(Original { method, host, target })
}

impl Told {
    fn appended(&mut self, asked: Asked<'_>) -> Result<(), Problem> {
        let Some(target) = appended(asked.uri) else { return Ok(()) };
        set_once(&mut self.target, target)?;
        set_once(&mut self.method, asked.method.as_str())?;
        for host in values(asked.headers, "host") {
            set_once(&mut self.host, host?)?;
        }
        Ok(())
    }

    fn forwarded(&mut self, headers: &HeaderMap) -> Result<(), Problem> {
        for (name, told) in [
            ("x-forwarded-method", &mut self.method),
            ("x-forwarded-host", &mut self.host),
            ("x-forwarded-uri", &mut self.target),
        ] {
            for value in values(headers, name) {
                set_once(told, value?)?;
            }
        }
        Ok(())
    }

    fn original(&mut self, headers: &HeaderMap) -> Result<(), Problem> {
        for (name, told) in [("x-original-method", &mut self.method), ("x-original-host", &mut self.host)] {
            for value in values(headers, name) {
                set_once(told, value?)?;
            }
        }
        for name in ["x-original-uri", "x-original-url"] {
            for value in values(headers, name) {
                let (host, target) = parts(value?);
                set_once(&mut self.target, target)?;
                if let Some(host) = host {
                    set_once(&mut self.host, host)?;
                }
            }
        }
        Ok(())
    }
}

fn set_once(told: &mut Option<String>, value: &str) -> Result<(), Problem> {
    match told {
        Some(told) if told != value => {
            unclear("The proxy tells two things of the original request that differ")
        }
        Some(_) => Ok(()),
        None => {
            *told = Some(value.to_owned());
            Ok(())
        }
    }
}

fn values<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> impl Iterator<Item = Result<&'a str, Problem>> + use<'a> {
    let text = |value: &'a http::HeaderValue| {
        value.to_str().or(unclear("What the proxy tells of the original request is no text"))
    };
    headers.get_all(name).iter().map(text)
}

/// What stands behind our own path.
fn appended(uri: &Uri) -> Option<&str> {
    let own = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    own.strip_prefix("/api/auth/verify").filter(|rest| rest.starts_with('/'))
}

/// `X-Original-URL` is a whole URL in nginx's documentation. A slash in its query begins no path.
fn parts(value: &str) -> (Option<&str>, &str) {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    match rest.map(|rest| rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))) {
        Some((host, "")) => (Some(host), "/"),
        Some((host, target)) => (Some(host), target),
        None => (None, value),
    }
}

fn unclear<T>(why: &'static str) -> Result<T, Problem> {
    Err(Problem::new(Code::OriginalRequestUnclear).with_message(why))
}
