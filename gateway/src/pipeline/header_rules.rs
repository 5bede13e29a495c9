//! Headers that an operator adds, sets or removes on the way of a route.

use http::header::{HeaderName, HeaderValue};

/// Applied in this order: removed, set, added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    pub remove: Vec<HeaderName>,
    /// Replaces all values of the name.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// One more value of the name.
    pub add: Vec<(HeaderName, HeaderValue)>,
}

/// The headers of a message, whatever type carries them.
pub trait Headers {
    fn remove(&mut self, name: &HeaderName);
    /// Replaces all values of the name by this one.
    fn set(&mut self, name: HeaderName, value: HeaderValue);
    fn add(&mut self, name: HeaderName, value: HeaderValue);
}

impl HeaderRules {
    pub fn apply(&self, headers: &mut impl Headers) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.set(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.add(name.clone(), value.clone());
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let given = self.set.iter().chain(&self.add).map(|(name, _)| name);
        self.remove.iter().chain(given)
    }
}
