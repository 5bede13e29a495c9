//! The targets, in one place, and how what was measured is judged by them. None of them is moved
//! because it was missed: the cell is red then.

use super::levels::{Level, Who};

/// What a level may cost: as a ratio of CPU time for each request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    /// At most so many times the bare proxy with our dependencies, profile, allocator, and threads.
    pub(crate) price: f64,
    /// What others cost.
    pub(crate) field: &'static [Field],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field {
    /// The other one takes at least so many times our CPU time.
    AtLeast(Who, f64),
    /// The other one takes more than we do.
    Ahead(Who),
    /// p99 at most so many times that of L3.
    Tail(f64),
}

/// Bytes of resident memory for each idle connection.
pub(crate) const IDLE_BYTES_MAX: f64 = 8_000.0;
pub(crate) const IDLE_TLS_BYTES_MAX: f64 = 40_000.0;
/// p99 of L3 while logins run, at most so many times its p99 alone.
pub(crate) const STORM_TAIL_MAX: f64 = 1.5;
/// The dearest of the sizes of growth, at most so many times the cheapest.
pub(crate) const GROWTH_MAX: f64 = 1.10;
/// A request at L3 with two threads, at most so many times one with one thread.
pub(crate) const TWO_THREADS_MAX: f64 = 1.1;
/// What the access log may add to a request, in microseconds.
pub(crate) const LOG_MICROS_MAX: f64 = 1.5;
/// Reads, and writes, that a request may take of the system.
pub(crate) const READS_MAX: f64 = 2.0;

/// The table of targets.
pub(crate) const fn target(level: Level) -> Target {
    use Field::{Ahead, AtLeast, Tail};
    use Who::{Before, Envoy, EnvoyCache, Haproxy, NginxLua, Pingap};
    let (price, field): (_, &'static [Field]) = match level {
        // No Lua runs on a public route: that is nginx alone.
        Level::Plain => (0.58, &[AtLeast(NginxLua, 0.85), AtLeast(Before, 2.1)]),
        Level::HsOne | Level::Hs => (0.62, &[AtLeast(NginxLua, 1.6), AtLeast(Haproxy, 1.6)]),
        Level::Rs | Level::Es | Level::Ed => (
            0.62,
            &[
                AtLeast(NginxLua, 3.0),
                AtLeast(Haproxy, 3.0),
                AtLeast(Pingap, 3.0),
                AtLeast(Envoy, 3.0),
                AtLeast(EnvoyCache, 3.0),
            ],
        ),
        Level::Limited => (0.65, &[AtLeast(NginxLua, 1.6), AtLeast(Haproxy, 1.6)]),
        Level::Redis => (0.70, &[AtLeast(NginxLua, 2.1), Tail(1.3)]),
        Level::Body => (0.80, &[Ahead(NginxLua)]),
        Level::Tls => (0.75, &[Ahead(NginxLua), Ahead(Haproxy)]),
        Level::Http2 => (1.05, &[]),
        Level::BadSignature | Level::Expired | Level::Revoked | Level::OverLimit => {
            (0.35, &[Ahead(NginxLua), Ahead(Haproxy)])
        }
    };
    Target { price, field }
}

/// What was measured of the gateway at one level, as ratios of CPU time unless said otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) to_same_built: Option<f64>,
    /// The other one's CPU time, in ours.
    pub(crate) others: Vec<(Who, f64)>,
    pub(crate) p99_to_l3: Option<f64>,
}

/// Met, or red, or neither for want of a figure; with what it is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) met: Option<bool>,
    pub(crate) about: String,
}

impl Verdict {
    pub(crate) fn at_most(what: &str, figure: Option<f64>, most: f64) -> Self {
        let met = figure.map(|figure| rounded(figure) <= most);
        Self { met, about: format!("{what} {} ≤ {most:.2}", shown(figure)) }
    }

    fn at_least(who: Who, factor: Option<f64>, least: f64) -> Self {
        let met = factor.map(|factor| rounded(factor) >= least);
        Self { met, about: format!("{} ÷ gateway {} ≥ {least:.2}", who.name(), shown(factor)) }
    }

    /// What is as dear is not ahead.
    fn ahead(who: Who, factor: Option<f64>) -> Self {
        let met = factor.map(|factor| factor > 1.0);
        Self { met, about: format!("{} ÷ gateway {} > 1.00", who.name(), shown(factor)) }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.met {
            Some(true) => "met",
            Some(false) => "**red**",
            None => "not judged",
        };
        write!(f, "{word}: {}", self.about)
    }
}

/// Verdicts on one line.
pub(crate) fn listed(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(Verdict::to_string).collect::<Vec<_>>().join(" · ")
}

/// What the table shows, so that no cell contradicts its own figure.
fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

fn shown(figure: Option<f64>) -> String {
    figure.map_or("?".to_owned(), |figure| format!("{figure:.2}"))
}

/// Each target of the level, judged.
pub(crate) fn judge(level: Level, measured: &Measured) -> Vec<Verdict> {
    let target = target(level);
    let price = Verdict::at_most("× same-built bare", measured.to_same_built, target.price);
    let factor = |who: Who| {
        let other = measured.others.iter().find(|(other, _)| *other == who);
        other.map(|(_, factor)| *factor)
    };
    // What cannot do it at all is not ahead, and no figure is wanted.
    let able = |field: &&Field| match field {
        Field::AtLeast(who, _) | Field::Ahead(who) => who.lacks(level).is_none(),
        Field::Tail(_) => true,
    };
    let field = target.field.iter().filter(able).map(|field| match *field {
        Field::Tail(most) => Verdict::at_most("p99 × L3's", measured.p99_to_l3, most),
        Field::AtLeast(who, least) => Verdict::at_least(who, factor(who), least),
        Field::Ahead(who) => Verdict::ahead(who, factor(who)),
    });
    std::iter::once(price).chain(field).collect()
}
