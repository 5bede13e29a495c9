//! Places in a request where a token may be: how it is read there, and how it is taken out of what goes on,
//! side by side. What the places are is said by whoever implements [`TokenSource`].
//!
//! Nothing is read at a place but by [`Sources::read`], and the same [`Sources`] take it out:
//!
//! ```
//! use http::{HeaderMap, HeaderName};
//! use token_source::{Outgoing, Reading, Sources, Stripped, TokenSource, Use};
//!
//! #[derive(Clone, Copy)]
//! struct ApiKey;
//!
//! const NAME: HeaderName = HeaderName::from_static("x-api-key");
//!
//! impl TokenSource for ApiKey {
//!     type Request<'a> = &'a HeaderMap;
//!     type Found<'a> = &'a [u8];
//!     type Refusal = ();
//!     const ALL: &'static [Self] = &[Self];
//!
//!     fn place(self) -> usize {
//!         0
//!     }
//!     fn find<'a>(self, request: &'a HeaderMap, _: Reading<'a>) -> Result<Option<&'a [u8]>, ()> {
//!         Ok(request.get(NAME).map(|value| value.as_bytes()))
//!     }
//!     fn strip(self, head: &mut impl Outgoing) {
//!         head.take_out(&NAME);
//!     }
//! }
//!
//! fn forward(head: &Stripped<'_, HeaderMap>) -> usize {
//!     head.len()
//! }
//!
//! let sources = Sources::none().with(ApiKey, Use::Read);
//! let mut headers = HeaderMap::from_iter([(NAME, "secret".parse().unwrap())]);
//! assert_eq!(sources.read(ApiKey, &headers), Ok(Some(&b"secret"[..])));
//! assert_eq!(forward(&sources.strip(&mut headers)), 0);
//! ```
//!
//! A place that is read and cannot be taken out does not compile:
//!
//! ```compile_fail,E0046
//! use http::{HeaderMap, HeaderName};
//! use token_source::{Reading, TokenSource};
//!
//! #[derive(Clone, Copy)]
//! struct ApiKey;
//!
//! const NAME: HeaderName = HeaderName::from_static("x-api-key");
//!
//! impl TokenSource for ApiKey {
//!     type Request<'a> = &'a HeaderMap;
//!     type Found<'a> = &'a [u8];
//!     type Refusal = ();
//!     const ALL: &'static [Self] = &[Self];
//!
//!     fn place(self) -> usize {
//!         0
//!     }
//!     fn find<'a>(self, request: &'a HeaderMap, _: Reading<'a>) -> Result<Option<&'a [u8]>, ()> {
//!         Ok(request.get(NAME).map(|value| value.as_bytes()))
//!     }
//! }
//! ```
//!
//! Nor does one of several that its `strip` leaves out, where they are an enumeration:
//!
//! ```compile_fail,E0004
//! # use http::{HeaderMap, HeaderName};
//! # use token_source::{Outgoing, Reading, TokenSource};
//! # #[derive(Clone, Copy)]
//! enum Place {
//!     ApiKey,
//!     Session,
//! }
//! # const NAME: HeaderName = HeaderName::from_static("x-api-key");
//! # impl TokenSource for Place {
//! #     type Request<'a> = &'a HeaderMap;
//! #     type Found<'a> = &'a [u8];
//! #     type Refusal = ();
//! #     const ALL: &'static [Self] = &[Self::ApiKey, Self::Session];
//! #     fn place(self) -> usize {
//! #         self as usize
//! #     }
//! #     fn find<'a>(self, request: &'a HeaderMap, _: Reading<'a>) -> Result<Option<&'a [u8]>, ()> {
//! #         Ok(request.get(NAME).map(|value| value.as_bytes()))
//! #     }
//! // …
//! fn strip(self, head: &mut impl Outgoing) {
//!     match self {
//!         Self::ApiKey => head.take_out(&NAME),
//!     }
//! }
//! # }
//! ```
//!
//! Nor does reading beside the sources that take it out, as only they have a [`Reading`]:
//!
//! ```compile_fail,E0423
//! # use http::HeaderMap;
//! # use token_source::{Reading, TokenSource};
//! fn peek<'a, S: TokenSource<Request<'a> = &'a HeaderMap>>(source: S, headers: &'a HeaderMap) -> bool {
//!     source.find(headers, Reading(std::marker::PhantomData)).is_ok_and(|found| found.is_some())
//! }
//! ```
//!
//! Nor does forwarding a head out of which nothing was taken:
//!
//! ```compile_fail,E0308
//! # use http::HeaderMap;
//! # use token_source::Stripped;
//! fn forward(head: &Stripped<'_, HeaderMap>) -> usize {
//!     head.len()
//! }
//!
//! forward(&HeaderMap::new());
//! ```
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use http::{HeaderMap, HeaderName, HeaderValue};

/// A place in a request where a token may be.
pub trait TokenSource: Copy + 'static {
    /// What it is looked for in.
    type Request<'a>: Copy;
    type Found<'a>;
    /// Why what is there cannot be taken for anything.
    type Refusal;

    /// All there are, at most [`PLACES_MAX`], in the order in which they are looked at.
    const ALL: &'static [Self];

    /// Another number below [`PLACES_MAX`] for each.
    fn place(self) -> usize;

    /// What is there, if anything. Called by [`Sources::read`] alone, which has a [`Reading`].
    ///
    /// # Errors
    ///
    /// Where it could be read in two ways.
    fn find<'a>(
        self,
        request: Self::Request<'a>,
        by: Reading<'a>,
    ) -> Result<Option<Self::Found<'a>>, Self::Refusal>;

    /// Takes it out of a request that goes on, with all that [`TokenSource::find`] could find there.
    fn strip(self, head: &mut impl Outgoing);
}

/// Room for so many places.
pub const PLACES_MAX: usize = 8;

/// That [`Sources`] read, who take out what they find. Nobody else has one.
pub struct Reading<'a>(PhantomData<&'a ()>);

/// What is done at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Use {
    /// Nothing: what is there is for whoever gets the request.
    #[default]
    Untouched,
    /// It is not read, and taken out: it is ours, and nobody else's.
    Stripped,
    /// It is read, and taken out.
    Read,
    /// It is read, and goes on all the same, as its operator asks for.
    ReadAndForwarded,
}

/// What is done at each place.
#[derive(Debug)]
pub struct Sources<S> {
    uses: [Use; PLACES_MAX],
    of: PhantomData<S>,
}

impl<S: TokenSource> Sources<S> {
    /// Nothing is done at any.
    #[must_use]
    pub const fn none() -> Self {
        Self { uses: [Use::Untouched; PLACES_MAX], of: PhantomData }
    }

    /// The same, but for this place.
    #[must_use]
    pub fn with(mut self, source: S, what: Use) -> Self {
        if let Some(done) = self.uses.get_mut(source.place()) {
            *done = what;
        }
        self
    }

    /// Where there is no room for a place it is not read either.
    fn at(&self, source: S) -> Use {
        self.uses.get(source.place()).copied().unwrap_or_default()
    }

    #[must_use]
    pub fn reads(&self, source: S) -> bool {
        matches!(self.at(source), Use::Read | Use::ReadAndForwarded)
    }

    /// What is at a place that is read.
    ///
    /// # Errors
    ///
    /// As [`TokenSource::find`] has it.
    pub fn read<'a>(&self, source: S, request: S::Request<'a>) -> Result<Option<S::Found<'a>>, S::Refusal> {
        if self.reads(source) { source.find(request, Reading(PhantomData)) } else { Ok(None) }
    }

    /// Takes out what is not to go on.
    pub fn strip<'o, H: Outgoing>(&self, head: &'o mut H) -> Stripped<'o, H> {
        for source in S::ALL {
            if matches!(self.at(*source), Use::Stripped | Use::Read) {
                source.strip(head);
            }
        }
        Stripped(head)
    }
}

impl<S> Clone for Sources<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Sources<S> {}

/// The head of a request that goes on, whatever type carries it.
pub trait Outgoing {
    /// The values of a name, in their order.
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h, Self>;

    /// Takes out all of them.
    fn take_out(&mut self, name: &HeaderName);

    /// Takes out all that have such a name, however it is written. Each name that is there is looked at once.
    fn take_out_all(&mut self, is_out: impl Fn(&str) -> bool);

    /// One more of them.
    fn put(&mut self, name: HeaderName, value: HeaderValue);
}

impl Outgoing for HeaderMap {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h> {
        self.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }

    fn take_out(&mut self, name: &HeaderName) {
        self.remove(name);
    }

    fn take_out_all(&mut self, is_out: impl Fn(&str) -> bool) {
        let out: Vec<_> = self.keys().filter(|name| is_out(name.as_str())).cloned().collect();
        out.iter().for_each(|name| self.take_out(name));
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        // Fails only where there are tens of thousands already, which no head has room for.
        self.try_append(name, value).ok();
    }
}

/// The head of a request out of which all was taken that is not to go on. Only [`Sources::strip`] makes one.
pub struct Stripped<'o, H>(&'o mut H);

impl<H> Deref for Stripped<'_, H> {
    type Target = H;

    fn deref(&self) -> &H {
        self.0
    }
}

impl<H> DerefMut for Stripped<'_, H> {
    fn deref_mut(&mut self) -> &mut H {
        self.0
    }
}

#[cfg(test)]
mod tests;
