//! From the command line and the configuration to what will be measured.

use std::time::Duration;

use super::connection::probe;
use super::derive::{derive, somebody};
use super::level::{Found, Kind, Level, find, user_policy, what_is_on};
use super::place::Place;
use super::slice::Aimed;
use super::tokens::Tokens;
use super::{Arguments, Load, WARM_UP_MAX};
use gateway_clock::{Clock as _, SystemClock};
use gateway_command::Failure;
use gateway_config::{Checked, Flags, KeyPolicy, Secrets, check, load};
use gateway_limits::Limiters;
use gateway_pipeline::Access;
use gateway_store_sled::installation_of;

/// Shorter slices are all beginning and end.
const SLICE_MIN: Duration = Duration::from_millis(20);
/// So many levels a configuration can offer.
const DERIVED_MAX: usize = 4;

/// What will be measured, and how.
pub(super) struct Plan {
    pub(super) levels: Vec<Aimed>,
    pub(super) load: Load,
    pub(super) rounds: u32,
    pub(super) slice: Duration,
    /// How many different tokens there are.
    pub(super) users: usize,
    /// What is to be known beforehand.
    pub(super) notes: Vec<String>,
}

/// `NAME=VALUE`, or a value alone.
#[derive(Clone, Debug)]
pub(super) struct Named {
    name: Option<String>,
    value: String,
}

impl Named {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let named = text.split_once('=').filter(|(name, _)| !name.contains(['/', '?']));
        match named {
            Some((name, _)) if name.is_empty() || name.len() > 32 || name.contains(char::is_control) => {
                Err("a name has 1 to 32 characters; write for example orders=/api/orders".to_owned())
            }
            Some((name, value)) => Ok(Self { name: Some(name.to_owned()), value: value.to_owned() }),
            None => Ok(Self { name: None, value: text.to_owned() }),
        }
    }
}

/// `5ms`, `200us`, `10s`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
    let short = span.filter(|span| !span.is_zero() && *span <= Duration::from_secs(86_400));
    short.ok_or("that is no time; write for example 5ms, 200us or 10s".to_owned())
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.1..=10_000_000.0).contains(rate));
    rate.ok_or("allowed are 0.1 to 10000000 requests a second".to_owned())
}

pub(super) fn make(arguments: &Arguments) -> Result<Plan, Failure> {
    let slice = arguments.duration / arguments.rounds;
    if slice < SLICE_MIN {
        return Err(Failure::Other(format!(
            "--duration is too short for {} rounds: each needs {} ms or more",
            arguments.rounds,
            SLICE_MIN.as_millis()
        )));
    }
    let checked = arguments.config.is_some().then(|| configuration(arguments)).transpose()?;
    let mut plan = plan(arguments, checked.as_ref(), slice).map_err(Failure::Other)?;
    plan.notes.extend(shared_machine(&plan.levels));
    Ok(plan)
}

/// Tokens are only minted with keys that are there: what a first start would make is not yet.
fn configuration(arguments: &Arguments) -> Result<Checked, Failure> {
    let keys = if arguments.tokens.is_some() { KeyPolicy::LookOnly } else { KeyPolicy::MustBeThere };
    let loaded = load(arguments.config.as_deref(), &Flags::default());
    let secrets = Secrets::read(&gateway_command::environment);
    check(loaded, secrets, keys, &Limiters::default()).map_err(Failure::Configuration)
}

fn plan(arguments: &Arguments, checked: Option<&Checked>, slice: Duration) -> Result<Plan, String> {
    let named = arguments.path.len() + arguments.public_path.len() + arguments.against.len();
    let levels_max = if named > 0 { named + 1 } else { DERIVED_MAX };
    let needed =
        (arguments.duration + slice.min(WARM_UP_MAX)) * u32::try_from(levels_max).unwrap_or(u32::MAX);
    let tokens = match (&arguments.tokens, checked) {
        (Some(path), _) => Tokens::read(path)?,
        (None, Some(checked)) => {
            let installation = installation_of(&checked.store_path).ok_or(format!(
                "{}: there is no store here; start the gateway first, or give tokens of it with --tokens",
                checked.store_path.display()
            ))?;
            let terms = &checked.reloadable.tokens;
            Tokens::mint(terms, installation, arguments.users, needed, SystemClock.now())?
        }
        (None, None) => return Err("there is neither a --config nor a file of --tokens".to_owned()),
    };
    let gateway = gateway(arguments, checked)?;
    let mut notes = Vec::new();
    let mut levels = if named > 0 {
        explicit(arguments, checked, &gateway, &tokens, &mut notes)?
    } else {
        let checked = checked.ok_or(
            "without a --config there is nothing to derive levels from: name a --path, or a --public-path",
        )?;
        let derived = derive(checked, &gateway, &tokens)?;
        // What was not found of the service itself does not matter where it was named.
        let is_direct = |note: &String| note.contains("--direct");
        notes.extend(derived.notes.into_iter().filter(|note| arguments.direct.is_none() || !is_direct(note)));
        derived.levels
    };
    if let Some(place) = &arguments.direct {
        levels.retain(|level| level.kind != Kind::Direct);
        let told = "no gateway".to_owned();
        levels.insert(0, Level::new("direct".to_owned(), Kind::Direct, place.clone(), None, None, told)?);
    }
    make_names_differ(&mut levels);
    if levels.len() == 1 {
        notes.push("one level alone has no price: add --direct, --public-path or --against".to_owned());
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = arguments.threads.unwrap_or(u32::try_from(cores / 2).unwrap_or(1).clamp(1, 4));
    let load = Load {
        connections: arguments.connections,
        threads: threads.min(arguments.connections),
        rate: arguments.rate,
        timeout: arguments.timeout,
    };
    let levels = aim(levels, arguments)?;
    Ok(Plan { levels, load, rounds: arguments.rounds, slice, users: tokens.count(), notes })
}

fn gateway(arguments: &Arguments, checked: Option<&Checked>) -> Result<Place, String> {
    if let Some(place) = &arguments.url {
        return Ok(place.clone());
    }
    let listener = checked.and_then(|checked| checked.listeners.first());
    let listener = listener.ok_or("without a --config, --url must say where the gateway is")?;
    let mut address = listener.address;
    if address.ip().is_unspecified() {
        let loopback = match address.ip() {
            std::net::IpAddr::V4(_) => std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            std::net::IpAddr::V6(_) => std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        };
        address.set_ip(loopback);
    }
    let scheme = if listener.tls.is_some() { "https" } else { "http" };
    Place::parse(&format!("{scheme}://{address}/"))
}

/// The levels that were named.
fn explicit(
    arguments: &Arguments,
    checked: Option<&Checked>,
    gateway: &Place,
    tokens: &Tokens,
    notes: &mut Vec<String>,
) -> Result<Vec<Level>, String> {
    let host = arguments.host.as_deref();
    let public = arguments.public_path.iter().map(|named| (named, None));
    let verified = arguments.path.iter().map(|named| (named, Some(tokens.clone())));
    let mut levels = Vec::new();
    for (named, tokens) in public.chain(verified) {
        let place = gateway.at(&named.value)?;
        let kind = if tokens.is_some() { Kind::Verified } else { Kind::Public };
        let found = checked
            .map(|checked| (checked, find(checked, host.unwrap_or(&place.authority), place.target.as_str())));
        let mut name = if kind == Kind::Public { "public" } else { "verified" };
        let on = match found {
            None => "not known without --config".to_owned(),
            Some((_, Found::None(code))) => {
                notes.push(format!("by this configuration, {place} is refused: {code}"));
                format!("refused: {code}")
            }
            Some((checked, Found::Route(route))) => {
                let lacks = matches!(route.access(), Access::Required(requires) if requires.lacking(&somebody()).is_some());
                if lacks && arguments.tokens.is_none() {
                    notes.push(format!("route `{}` requires what the minted tokens do not have (their role is \"user\"); give others with --tokens", route.name));
                }
                if kind == Kind::Verified && user_policy(checked, route).is_some() {
                    name = "limited";
                }
                what_is_on(checked, route, tokens.as_ref())
            }
        };
        let name = named.name.clone().unwrap_or(name.to_owned());
        levels.push(Level::new(name, kind, place, host, tokens, on)?);
    }
    for named in &arguments.against {
        let name = named.name.clone().ok_or("--against needs a name: write for example other=http://…")?;
        let (place, on) = (Place::parse(&named.value)?, "another gateway: not known".to_owned());
        levels.push(Level::new(name, Kind::Verified, place, host, Some(tokens.clone()), on)?);
    }
    Ok(levels)
}

fn make_names_differ(levels: &mut [Level]) {
    for index in 0..levels.len() {
        let name = levels[index].name.clone();
        let taken = |name: &str, levels: &[Level]| levels[..index].iter().any(|level| level.name == name);
        let mut number = 1;
        while taken(&levels[index].name, levels) {
            number += 1;
            levels[index].name = format!("{name} {number}");
        }
    }
}

/// Looks all of them up, and tries whether somebody is there.
fn aim(levels: Vec<Level>, arguments: &Arguments) -> Result<Vec<Aimed>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| format!("no runtime can be made: {fault}"))?;
    let aim = |level: Level| {
        let reached = level.place.reach(&arguments.trust)?;
        let probed = runtime.block_on(probe(&reached, arguments.timeout));
        probed.map_err(|fault| {
            format!("{}: no connection: {fault}; is it running, and is this its address?", level.place)
        })?;
        Ok(Aimed { level, reached })
    };
    levels.into_iter().map(aim).collect()
}

fn shared_machine(levels: &[Aimed]) -> Option<String> {
    levels.iter().any(|aimed| aimed.reached.address.ip().is_loopback()).then(|| {
        "the requests are made on the machine that answers them (a loopback address): both want its cores, so trust the ratios more than the rates".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_before_a_path_and_is_no_part_of_a_query() {
        let of = |text: &str| Named::parse(text).map(|named| (named.name, named.value)).ok();
        let named = |name: Option<&str>, value: &str| Some((name.map(str::to_owned), value.to_owned()));
        assert_eq!(of("/a"), named(None, "/a"));
        assert_eq!(of("/a?b=c"), named(None, "/a?b=c"));
        assert_eq!(of("x=/a?b=c"), named(Some("x"), "/a?b=c"));
        assert_eq!(of("x=http://a/b"), named(Some("x"), "http://a/b"));
        assert_eq!(of("=/a"), None);
    }

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(span("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(span("200us"), Ok(Duration::from_micros(200)));
        assert_eq!(span("1ns"), Ok(Duration::from_nanos(1)));
        for wrong in ["", "5", "-5ms", "0s", "2 days"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
