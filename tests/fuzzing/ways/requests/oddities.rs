//! What may be odd about a request, one thing at a time; and where others are known to take it otherwise. What
//! is not listed must not differ. Of nginx 1.22.1 and hyper 1.12.0.

mod fields;
mod framing;
mod lines;

use super::parts::Parts;
use crate::fuzzing::dice::Dice;

pub(super) struct Oddity {
    pub(super) what: &'static str,
    pub(super) change: fn(&mut Parts, &mut Dice),
    nginx: Differs,
    hyper: Differs,
}

/// How somebody else differs from us, and why.
#[derive(Clone, Copy, Debug)]
pub(super) enum Differs {
    Not,
    /// It takes what we refuse.
    Takes(&'static str),
    /// It refuses what we take.
    Refuses(&'static str),
}

impl Differs {
    pub(super) fn why(self) -> Option<&'static str> {
        match self {
            Self::Not => None,
            Self::Takes(why) | Self::Refuses(why) => Some(why),
        }
    }
}

impl Oddity {
    pub(super) fn peers(&self) -> [(&'static str, Differs); 2] {
        [("nginx", self.nginx), ("hyper", self.hyper)]
    }
}

const fn odd(
    what: &'static str,
    change: fn(&mut Parts, &mut Dice),
    nginx: Differs,
    hyper: Differs,
) -> Oddity {
    Oddity { what, change, nginx, hyper }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Oddity> {
    lines::LINES.iter().chain(&fields::FIELDS).chain(&framing::FRAMING)
}
