//! The targets, in one place, and how what was measured is judged by them. None of them is moved
//! because it was missed: the cell is red then.

use super::levels::{Level, Who};

/// What a level may cost: as a ratio of CPU time for each request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    /// The price of auth.
    pub(crate) price: Price,
    /// What others cost.
    pub(crate) field: &'static [Field],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Price {
    /// At most so many times the bare proxy with our dependencies, profile, allocator, and threads.
    OfSameBuilt(f64),
    /// At most so many times our own public route.
    OfPlain(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field {
    /// At most so many times the bare proxy with Pingora's defaults.
    OfBare(f64),
    /// The other one takes at least so many times our CPU time.
    Ahead(Who, f64),
    /// p99 at most so many times that of L1.
    Tail(f64),
}

/// Resident memory with idle connections, at most so many times the same-built bare proxy's.
pub(crate) const IDLE_MEMORY_MAX: f64 = 1.2;
/// p99 of L3 while logins run, at most so many times its p99 alone.
pub(crate) const STORM_TAIL_MAX: f64 = 1.5;
/// The dearest of the sizes of growth, at most so many times the cheapest.
pub(crate) const GROWTH_MAX: f64 = 1.10;

/// The table of targets.
pub(crate) const fn target(level: Level) -> Target {
    use Field::{Ahead, OfBare, Tail};
    use Price::{OfPlain, OfSameBuilt};
    match level {
        Level::Plain => Target { price: OfSameBuilt(1.06), field: &[OfBare(0.80)] },
        Level::HsOne | Level::Hs => {
            Target { price: OfSameBuilt(1.12), field: &[Ahead(Who::NginxLua, 1.0), Ahead(Who::Haproxy, 1.0)] }
        }
        Level::Rs | Level::Es | Level::Ed => Target {
            price: OfSameBuilt(1.15),
            field: &[
                Ahead(Who::NginxLua, 2.0),
                Ahead(Who::Haproxy, 2.0),
                Ahead(Who::Pingap, 2.0),
                Ahead(Who::Envoy, 2.0),
                Ahead(Who::EnvoyCache, 2.0),
            ],
        },
        Level::Limited => Target { price: OfSameBuilt(1.15), field: &[Ahead(Who::Haproxy, 1.0)] },
        Level::Redis => Target { price: OfSameBuilt(1.40), field: &[Tail(1.5), Ahead(Who::NginxLua, 1.0)] },
        Level::BadSignature => Target { price: OfPlain(0.40), field: &[Ahead(Who::NginxLua, 1.0)] },
        Level::Expired | Level::Revoked | Level::OverLimit => Target { price: OfPlain(0.40), field: &[] },
    }
}

/// What was measured of the gateway at one level, as ratios of CPU time unless said otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) to_bare: Option<f64>,
    pub(crate) to_same_built: Option<f64>,
    pub(crate) to_plain: Option<f64>,
    /// The other one's CPU time, in ours.
    pub(crate) others: Vec<(Who, f64)>,
    pub(crate) p99_to_l1: Option<f64>,
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

    fn ahead(who: Who, factor: Option<f64>, least: f64) -> Self {
        // A level that is as dear is not ahead.
        let met = factor.map(|factor| if least > 1.0 { rounded(factor) >= least } else { factor > least });
        let sign = if least > 1.0 { "≥" } else { ">" };
        Self { met, about: format!("{} ÷ gateway {} {sign} {least:.2}", who.name(), shown(factor)) }
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
    let price = match target.price {
        Price::OfSameBuilt(most) => Verdict::at_most("× same-built bare", measured.to_same_built, most),
        Price::OfPlain(most) => Verdict::at_most("× our L0", measured.to_plain, most),
    };
    // What cannot do it at all is not ahead, and no figure is wanted.
    let able = |field: &&Field| !matches!(field, Field::Ahead(who, _) if who.lacks(level).is_some());
    let field = target.field.iter().filter(able).map(|field| match *field {
        Field::OfBare(most) => Verdict::at_most("× bare", measured.to_bare, most),
        Field::Tail(most) => Verdict::at_most("p99 × L1's", measured.p99_to_l1, most),
        Field::Ahead(who, least) => {
            let factor = measured.others.iter().find(|(other, _)| *other == who);
            Verdict::ahead(who, factor.map(|(_, factor)| *factor), least)
        }
    });
    std::iter::once(price).chain(field).collect()
}
