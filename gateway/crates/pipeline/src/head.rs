//! A request as the decision sees it: plain values, whoever read them, and from whatever wire.

use std::net::IpAddr;
use std::sync::Arc;

use http::Method;

use super::{CanonicalTarget, Cookies, Refusal, is_own};
use gateway_framing::HeaderSection;
use gateway_token::PeerCertificate;

/// The head of a request, and what is known of who sent it.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    pub method: &'a Method,
    /// `Host` or `:authority`, with its port if it has one; empty where it is not known.
    pub host: &'a str,
    pub target: RequestTarget<'a>,
    pub headers: HeaderSection<'a>,
    /// Whether it offers to go on in another protocol, which only HTTP/1.1 knows (RFC 9110 §7.8).
    pub offers_upgrade: bool,
    /// The client's address, as far as trusted proxies say.
    pub client: IpAddr,
    /// Whether the client's address is its own: not where a trusted proxy leaves it out.
    pub client_is_told: bool,
    /// Whether it came over TLS, to us or to a trusted proxy: a part of our origin.
    pub is_encrypted: bool,
    /// What the client showed in its handshake with us, where it was asked for and has one.
    pub certificate: Option<&'a Arc<PeerCertificate>>,
    /// How cookies of ours are read; there where they are on. Without it none is looked at.
    pub cookies: Option<&'a Cookies>,
    /// The port of HTTPS, where its listener sends everybody there.
    pub redirect_to: Option<u16>,
    pub answered_by: AnsweredBy,
}

/// The side that answers the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    Us,
    /// Another proxy asks us, and hands on no more than a refusal: no 204 of ours would reach a page, and no
    /// cookie a browser.
    Another,
}

impl<'a> Head<'a> {
    /// The head of a request that came to us in the plainest way there is.
    pub fn new(
        method: &'a Method,
        host: &'a str,
        target: RequestTarget<'a>,
        headers: impl Into<HeaderSection<'a>>,
        client: IpAddr,
    ) -> Self {
        Self {
            method,
            host,
            target,
            headers: headers.into(),
            offers_upgrade: false,
            client,
            client_is_told: true,
            is_encrypted: false,
            certificate: None,
            cookies: None,
            redirect_to: None,
            answered_by: AnsweredBy::Us,
        }
    }
}

impl Head<'_> {
    /// Whether a browser, of which this is said, may have its session renewed on the way.
    pub(super) fn may_renew(&self, refused: &Refusal) -> bool {
        self.answered_by == AnsweredBy::Us && refused.may_be_renewed()
    }
}

/// The target of a request (RFC 9112 §3.2), which was read once.
#[derive(Clone, Copy, Debug)]
pub enum RequestTarget<'a> {
    Canonical(&'a CanonicalTarget),
    /// It has no canonical form; some route may take it as it was sent.
    AsSent(&'a str),
}

impl<'a> RequestTarget<'a> {
    /// `canonical` is what reading `sent` came to.
    pub fn new(sent: &'a str, canonical: Option<&'a CanonicalTarget>) -> Self {
        canonical.map_or(Self::AsSent(sent), Self::Canonical)
    }

    /// The same where it is for an endpoint of ours.
    pub fn own(self) -> Option<&'a CanonicalTarget> {
        match self {
            Self::Canonical(target) if is_own(target.path()) => Some(target),
            _ => None,
        }
    }
}
