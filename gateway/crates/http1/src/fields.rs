//! The fields of a head as a list: a head has few, and to look through them costs less than a map of them.

use http::{HeaderName, HeaderValue};
use token_source::Outgoing;

/// Fields in their order.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(HeaderName, HeaderValue)>);

impl Fields {
    pub fn with_capacity(fields: usize) -> Self {
        Self(Vec::with_capacity(fields))
    }

    /// Each name with its value, as they are written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// The first value of a name.
    pub fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.0.iter().find_map(|(other, value)| (other == name).then_some(value))
    }
}

impl Outgoing for Fields {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h> {
        // They begin where the first one is, if there is one: for a name that is not there nothing is done.
        let first = self.0.iter().position(|(other, _)| other == name).unwrap_or(self.0.len());
        let (name, rest) = (name.clone(), self.0.get(first..).unwrap_or_default());
        rest.iter().filter_map(move |(other, value)| (*other == name).then_some(value.as_bytes()))
    }

    fn take_out(&mut self, name: &HeaderName) {
        self.0.retain(|(other, _)| other != name);
    }

    fn take_out_all(&mut self, is_out: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| !is_out(name.as_str()));
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, VIA};

    use super::*;

    #[test]
    fn values_of_a_name_keep_their_order_and_go_together() {
        let mut fields = Fields::with_capacity(4);
        for (name, value) in [(ACCEPT, "1"), (COOKIE, "2"), (ACCEPT, "3")] {
            fields.put(name, HeaderValue::from_static(value));
        }
        let values = |fields: &Fields, name| {
            let values = fields.values(&name).map(|value| String::from_utf8(value.to_vec()).unwrap());
            values.collect::<Vec<_>>().join(" ")
        };
        assert_eq!((&*values(&fields, ACCEPT), &*values(&fields, VIA)), ("1 3", ""));
        assert_eq!(fields.get(&ACCEPT).unwrap(), "1");
        fields.take_out(&ACCEPT);
        assert!(fields.get(&ACCEPT).is_none() && fields.iter().count() == 1);
        fields.take_out_all(|name| name == COOKIE);
        assert_eq!(fields.iter().count(), 0);
    }
}
