//! Which levels a configuration offers, where nobody named any.

use std::net::{IpAddr, Ipv4Addr};

use super::level::{Found, Kind, Level, find, user_policy, what_is_on};
use super::place::Place;
use super::tokens::Tokens;
use gateway_config::Checked;
use gateway_pipeline::{Access, ExpectedIdentity, HostPattern, Protocol, Route, Target, TokenSource};

/// What was found, and what was not and why.
pub(super) struct Derived {
    pub(super) levels: Vec<Level>,
    pub(super) notes: Vec<String>,
}

/// A route, and a request for which this very route decides.
#[derive(Clone)]
struct Way<'a> {
    route: &'a Route,
    /// Only where the route needs one.
    host: Option<String>,
    path: String,
}

/// Of routes that can be asked with GET and with our tokens: the first that limits no user, the
/// first that does, the public one that is most like it, and the service itself.
pub(super) fn derive(checked: &Checked, gateway: &Place, tokens: &Tokens) -> Result<Derived, String> {
    let ways: Vec<_> =
        checked.reloadable.routes.iter().filter_map(|route| way(checked, gateway, route)).collect();
    let limits = |way: &Way| user_policy(checked, way.route).is_some();
    let verified = || ways.iter().filter(|way| is_for_ours(way.route));
    let unlimited = verified().find(|way| !limits(way));
    let limited = verified().find(|way| limits(way));
    let publics = || ways.iter().filter(|way| *way.route.access() == Access::Public);
    let Some(first) = unlimited.or(limited).or(publics().next()) else {
        return Err("no route of the configuration can be asked with GET by a user of ours: name a --path, or a --public-path".to_owned());
    };
    let beside = |way: &&Way| way.route.upstream.name == first.route.upstream.name;
    let public = publics().find(|way| asked(way) == asked(first));
    let public = public.or(publics().find(beside)).or(publics().next());
    let mut derived = Derived { levels: Vec::new(), notes: Vec::new() };
    match direct(first.route).and_then(|server| server.at(asked(first).1)) {
        Ok(place) => {
            let told = "no gateway".to_owned();
            derived.levels.push(Level::new("direct".to_owned(), Kind::Direct, place, None, None, told)?);
        }
        Err(why) => {
            derived.notes.push(format!("the service itself is not measured: {why}; name it with --direct"));
        }
    }
    let each = [
        ("public", public, "public route", "auth = \"public\""),
        ("verified", unlimited, "protected route without a limit", "user_limit = \"unlimited\""),
        ("limited", limited, "protected route with a limit for users", "limits.user, or user_limit"),
    ];
    let mut differ = false;
    for (name, way, what, how) in each {
        let Some(way) = way else {
            derived.notes.push(format!(
                "the configuration has no {what} ({how}) that can be asked: the level `{name}` is left out"
            ));
            continue;
        };
        differ |= asked(way) != asked(first);
        let kind = if name == "public" { Kind::Public } else { Kind::Verified };
        let tokens = (kind == Kind::Verified).then(|| tokens.clone());
        let on = what_is_on(checked, way.route, tokens.as_ref());
        let place = gateway.at(&way.path)?;
        derived.levels.push(Level::new(name.to_owned(), kind, place, way.host.as_deref(), tokens, on)?);
    }
    if differ {
        derived.notes.push("the levels ask the service for different paths, so that what it needs for each is in the differences; docs/bench.md has routes that ask for the same".to_owned());
    }
    Ok(derived)
}

fn way<'a>(checked: &Checked, gateway: &Place, route: &'a Route) -> Option<Way<'a>> {
    let host = route.hosts.iter().find(|host| **host == HostPattern::Any).or(route.hosts.first())?;
    let host = match host {
        HostPattern::Any => None,
        HostPattern::Name(name) => Some(name.to_string()),
        HostPattern::Below(name) => Some(format!("bench.{name}")),
    };
    let fill = |segment: &str| if segment.starts_with('{') { "1".to_owned() } else { segment.to_owned() };
    let path = route.path.as_str().split('/').map(fill).collect::<Vec<_>>().join("/");
    // A more specific route may decide there.
    let own = match find(checked, host.as_deref().unwrap_or(&gateway.authority), &path) {
        Found::Route(found) => std::ptr::eq(found, route),
        Found::None(_) => false,
    };
    own.then_some(Way { route, host, path })
}

fn is_for_ours(route: &Route) -> bool {
    let issuer = route.issuers.is_empty() || route.issuers.iter().any(|issuer| &**issuer == "own");
    let looked_at = route.sources.reads(TokenSource::Authorization)
        && route.networks.admit(IpAddr::V4(Ipv4Addr::LOCALHOST));
    match route.access() {
        Access::Required(requires) => looked_at && issuer && requires.lacking(&somebody()).is_none(),
        Access::Optional | Access::Public => false,
    }
}

/// What the service is asked for, and under which name it is known.
fn asked<'a>(way: &'a Way<'_>) -> (&'a str, &'a str) {
    let path = match way.route.replace_prefix.as_deref().map(|other| other.trim_end_matches('/')) {
        None => &way.path,
        Some("") => "/",
        Some(other) => other,
    };
    (&way.route.upstream.name, path)
}

fn direct(route: &Route) -> Result<Place, String> {
    let upstream = &route.upstream;
    let [server] = &upstream.servers[..] else {
        return Err(format!("upstream `{}` has several servers", upstream.name));
    };
    if upstream.tls.is_some() || upstream.protocol != Protocol::Http1 {
        return Err(format!("upstream `{}` is reached by TLS or HTTP/2", upstream.name));
    }
    match &server.target {
        Target::Unix(_) => Err(format!("upstream `{}` is a Unix socket", upstream.name)),
        target => Place::parse(&format!("http://{target}/")),
    }
}

/// As the minted tokens have it.
pub(super) fn somebody() -> ExpectedIdentity {
    ExpectedIdentity::Somebody { roles: vec!["user".to_owned()], claims: Vec::new(), issuer: "own".into() }
}
