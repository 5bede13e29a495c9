//! The fields of a request on their way to its service: those that its client sent, of which no copy is made,
//! without what is taken off, and with what is put in place.

use http::header::CONNECTION;
use http::{HeaderName, HeaderValue};
use token_source::Outgoing;

use crate::http1::{Fields, is_of_the_connection};
use crate::pipeline::Headers;

/// Room for the fields that are put on most requests.
const PUT_USUAL: usize = 12;

/// A head has few names, and they are looked through: to find one by its hash costs more.
pub(super) struct Overlay<'a> {
    /// Of what was sent, what goes on.
    sent: Vec<(&'a HeaderName, &'a HeaderValue)>,
    put: Fields,
}

impl<'a> Overlay<'a> {
    pub(super) fn over(headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Self {
        let sent = headers.into_iter().collect();
        Self { sent, put: Fields::with_capacity(PUT_USUAL) }
    }

    /// Takes off what is about the connection of a simple request.
    pub(super) fn take_off_the_connection(&mut self) {
        let said = self.sent.iter().find(|(name, _)| **name == CONNECTION).map(|(_, said)| *said);
        self.sent.retain(|(name, _)| !is_of_the_connection(name, said));
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> + Clone {
        self.sent.iter().copied().chain(self.put.iter())
    }

    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.fields().any(|(other, _)| other == name)
    }
}

impl Headers for Overlay<'_> {
    fn remove(&mut self, name: &HeaderName) {
        self.sent.retain(|(other, _)| *other != name);
        self.put.take_out(name);
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.put.put(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        self.put.put(name, value);
    }
}

impl<'a> Outgoing for Overlay<'a> {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h HeaderValue> + use<'h, 'a> {
        let first = self.sent.iter().position(|(other, _)| *other == name);
        let found = first.map(|first| (name.clone(), self.sent.get(first..).unwrap_or_default()));
        let sent = found.into_iter().flat_map(|(name, rest)| {
            rest.iter().filter_map(move |(other, value)| (**other == name).then_some(*value))
        });
        sent.chain(self.put.values(name))
    }

    fn take_out(&mut self, name: &HeaderName) {
        self.remove(name);
    }

    fn take_out_all(&mut self, is_out: impl Fn(&HeaderName) -> bool) {
        self.sent.retain(|(name, _)| !is_out(name));
        self.put.take_out_all(is_out);
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        self.add(name, value);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{ACCEPT, COOKIE};

    use super::*;

    fn sent() -> HeaderMap {
        let fields = [("accept", "1"), ("cookie", "2"), ("x-user-id", "3"), ("accept", "4"), ("close", "5")];
        let field = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut headers = HeaderMap::new();
        for (name, value) in fields.map(field) {
            headers.append(name, value);
        }
        headers
    }

    fn told(overlay: &Overlay<'_>) -> String {
        let field =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}={}", value.to_str().unwrap());
        let mut fields: Vec<_> = overlay.fields().map(field).collect();
        fields.sort();
        fields.join(" ")
    }

    /// The same is done to a map, which is what rules are written for.
    #[track_caller]
    fn does_as_a_map(act: impl Fn(&mut dyn Headers), left: &str) {
        let (client, mut map) = (sent(), sent());
        let mut overlay = Overlay::over(&client);
        act(&mut overlay);
        act(&mut crate::edge::message::Plain(&mut map));
        assert_eq!((&*told(&overlay), &*told(&Overlay::over(&map))), (left, left));
    }

    #[test]
    fn it_is_what_a_map_would_be() {
        let x = HeaderName::from_static("x");
        let value = HeaderValue::from_static;
        does_as_a_map(|head| head.remove(&ACCEPT), "close=5 cookie=2 x-user-id=3");
        let set = |head: &mut dyn Headers| head.set(ACCEPT, value("6"));
        does_as_a_map(set, "accept=6 close=5 cookie=2 x-user-id=3");
        let add = |head: &mut dyn Headers| head.add(ACCEPT, value("6"));
        does_as_a_map(add, "accept=1 accept=4 accept=6 close=5 cookie=2 x-user-id=3");
        let several = |head: &mut dyn Headers| {
            head.add(x.clone(), value("7"));
            head.add(x.clone(), value("8"));
            head.set(COOKIE, value("9"));
            head.set(x.clone(), value("10"));
            head.remove(&COOKIE);
        };
        does_as_a_map(several, "accept=1 accept=4 close=5 x-user-id=3 x=10");
    }

    #[test]
    fn what_is_read_of_it_is_what_goes_on() {
        let client = sent();
        let mut overlay = Overlay::over(&client);
        overlay.take_out_all(|name| name.as_str().starts_with("x-user"));
        assert_eq!(told(&overlay), "accept=1 accept=4 close=5 cookie=2");
        overlay.put(ACCEPT, HeaderValue::from_static("6"));
        let values: Vec<_> = overlay.values(&ACCEPT).collect();
        assert_eq!(values, ["1", "4", "6"]);
        overlay.take_out(&ACCEPT);
        assert!(!overlay.has(&ACCEPT) && overlay.has(&COOKIE));
    }

    #[test]
    fn what_is_about_the_connection_is_taken_off() {
        let mut client = sent();
        client.insert(CONNECTION, HeaderValue::from_static("Close"));
        let mut overlay = Overlay::over(&client);
        overlay.take_off_the_connection();
        assert_eq!(told(&overlay), "accept=1 accept=4 cookie=2 x-user-id=3");
    }
}
