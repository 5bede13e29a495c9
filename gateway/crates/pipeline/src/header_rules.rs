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

/// The headers of a message, whatever type carries them. What is not a value is not put there.
pub trait Headers {
    fn remove(&mut self, name: &HeaderName);
    /// Replaces all values of the name by this one.
    fn set(&mut self, name: &HeaderName, value: Value<'_>);
    fn add(&mut self, name: &HeaderName, value: Value<'_>);
}

/// What a header is to say. Who writes it as text makes no value of it first.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Is(&'a HeaderValue),
    /// Known to be a value.
    Static(&'static str),
    /// Made for this message: perhaps no value.
    Text(&'a [u8]),
}

impl<'a> Value<'a> {
    /// As it is written; `None` where it is no value (RFC 9110 §5.5).
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Is(value) => Some(value.as_bytes()),
            Self::Static(text) => Some(text.as_bytes()),
            // All of them, whatever the first ones say: so they are looked at several at a time.
            Self::Text(text) => (!text.iter().fold(false, |odd, byte| odd | is_odd(*byte))).then_some(text),
        }
    }

    pub fn to_value(self) -> Option<HeaderValue> {
        match self {
            Self::Is(value) => Some(value.clone()),
            Self::Static(text) => Some(HeaderValue::from_static(text)),
            Self::Text(text) => HeaderValue::from_bytes(text).ok(),
        }
    }
}

/// What no value has. The same as [`HeaderValue`] has it.
fn is_odd(byte: u8) -> bool {
    byte < b' ' && byte != b'\t' || byte == 0x7f
}

impl HeaderRules {
    pub fn apply(&self, headers: &mut impl Headers) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.set(name, Value::Is(value));
        }
        for (name, value) in &self.add {
            headers.add(name, Value::Is(value));
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let given = self.set.iter().chain(&self.add).map(|(name, _)| name);
        self.remove.iter().chain(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_others_take_for_a_value() {
        for byte in 0..=u8::MAX {
            let text = [b'a', byte, b'b'];
            let value = HeaderValue::from_bytes(&text);
            assert_eq!(Value::Text(&text).bytes(), value.as_ref().ok().map(HeaderValue::as_bytes), "{byte}");
            assert_eq!(Value::Text(&text).to_value(), value.ok(), "{byte}");
        }
    }
}
