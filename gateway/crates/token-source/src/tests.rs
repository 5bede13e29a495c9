//! What is read, what is taken out, and what goes on, by what is done at each place.

use super::*;

#[derive(Clone, Copy)]
enum Place {
    Key,
    Session,
}

impl Place {
    fn name(self) -> HeaderName {
        match self {
            Self::Key => HeaderName::from_static("x-key"),
            Self::Session => HeaderName::from_static("x-session"),
        }
    }
}

impl TokenSource for Place {
    type Request<'a> = &'a HeaderMap;
    type Found<'a> = &'a HeaderValue;
    type Refusal = ();

    const ALL: &'static [Self] = &[Self::Key, Self::Session];

    fn place(self) -> usize {
        self as usize
    }

    fn find<'a>(self, request: &'a HeaderMap, _: Reading<'a>) -> Result<Option<&'a HeaderValue>, ()> {
        Ok(request.get(self.name()))
    }

    fn strip(self, head: &mut impl Outgoing) {
        head.take_out(&self.name());
    }
}

/// Whether the key is read, and how many headers go on, of the key, the session, and another one.
fn done(what: Use) -> (bool, usize) {
    let value = HeaderValue::from_static("x");
    let names = [Place::Key.name(), Place::Session.name(), HeaderName::from_static("x-other")];
    let mut headers: HeaderMap = names.into_iter().map(|name| (name, value.clone())).collect();
    let sources = Sources::none().with(Place::Key, what);
    let read = sources.read(Place::Key, &headers) == Ok(Some(&value));
    assert_eq!(sources.reads(Place::Key), read);
    (read, sources.strip(&mut headers).len())
}

#[test]
fn what_is_read_is_taken_out_unless_its_operator_says_otherwise() {
    assert_eq!(done(Use::Read), (true, 2));
    assert_eq!(done(Use::ReadAndForwarded), (true, 3));
}

#[test]
fn what_is_not_read_goes_on_unless_it_is_ours() {
    assert_eq!(done(Use::Untouched), (false, 3));
    assert_eq!(done(Use::Stripped), (false, 2));
}
