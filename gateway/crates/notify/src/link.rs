//! The page to which a letter leads, and how the token gets there.

use std::fmt::Write as _;

use http::Uri;
use thiserror::Error;

/// A page of the operator's that takes a token: https, or http on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(Box<str>);

/// Why a text is no such page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkFault {
    #[error("is no address of a page; write for example \"https://app.example.com/reset\"")]
    Unreadable,
    #[error(
        "must begin with https://, as whoever reads the token on its way takes the account; http:// only leads to this machine"
    )]
    NotSecure,
    #[error("has a name or password before the host; a letter is no place for them")]
    Credentials,
}

impl Link {
    pub fn parse(text: &str) -> Result<Self, LinkFault> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        // `Uri` forgets a fragment, which is kept here.
        let (before, _) = text.split_once('#').unwrap_or((text, ""));
        let uri: Uri = before.parse().map_err(|_| LinkFault::Unreadable)?;
        let (Some(scheme), Some(authority), true) = (uri.scheme_str(), uri.authority(), plain) else {
            return Err(LinkFault::Unreadable);
        };
        if authority.as_str().contains('@') {
            return Err(LinkFault::Credentials);
        }
        match scheme {
            "https" => Ok(Self(text.into())),
            "http" if is_loopback(authority.host()) => Ok(Self(text.into())),
            _ => Err(LinkFault::NotSecure),
        }
    }

    /// The page with `token` as a parameter of its query; of the fragment where there is one, as
    /// pages that find their way in the browser have it, and which no server gets to see.
    pub(super) fn with_token(&self, token: &str) -> String {
        let (before, fragment) = match self.0.split_once('#') {
            Some((_, fragment)) => (fragment, true),
            None => (&*self.0, false),
        };
        let joint = match before {
            "" if fragment => "",
            _ if before.ends_with(['?', '&']) => "",
            _ if before.contains('?') => "&",
            _ => "?",
        };
        let mut link = format!("{}{joint}token=", self.0);
        for byte in token.bytes() {
            // RFC 3986 §2.3.
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                link.push(char::from(byte));
            } else {
                write!(link, "%{byte:02X}").ok();
            }
        }
        link
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let named = host.eq_ignore_ascii_case("localhost");
    named || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_becomes_a_parameter_of_the_page() {
        for (page, link) in [
            ("https://app.example.com/reset", "https://app.example.com/reset?token=a-b"),
            ("https://app.example.com", "https://app.example.com?token=a-b"),
            ("https://app.example.com/?page=reset", "https://app.example.com/?page=reset&token=a-b"),
            ("https://app.example.com/reset?", "https://app.example.com/reset?token=a-b"),
            ("https://app.example.com/reset#", "https://app.example.com/reset#token=a-b"),
            ("https://app.example.com/?x=1#", "https://app.example.com/?x=1#token=a-b"),
            ("https://app.example.com/#/reset", "https://app.example.com/#/reset?token=a-b"),
            ("https://app.example.com/#/reset?x=1", "https://app.example.com/#/reset?x=1&token=a-b"),
            ("http://localhost:3000/reset", "http://localhost:3000/reset?token=a-b"),
            ("http://127.0.0.1/reset", "http://127.0.0.1/reset?token=a-b"),
            ("http://[::1]:3000/reset", "http://[::1]:3000/reset?token=a-b"),
        ] {
            assert_eq!(Link::parse(page).unwrap().with_token("a-b"), link, "{page}");
        }
        let link = Link::parse("https://a.example/").unwrap();
        assert_eq!(link.with_token("a b&c=\"é"), "https://a.example/?token=a%20b%26c%3D%22%C3%A9");
    }

    #[test]
    fn a_page_that_others_could_read_on_the_way_is_refused() {
        for (page, fault) in [
            ("http://app.example.com/reset", LinkFault::NotSecure),
            ("http://localhost.example.com/", LinkFault::NotSecure),
            ("ftp://app.example.com/", LinkFault::NotSecure),
            ("javascript:alert(1)", LinkFault::Unreadable),
            ("/reset", LinkFault::Unreadable),
            ("app.example.com/reset", LinkFault::Unreadable),
            ("https://", LinkFault::Unreadable),
            ("https://app.example.com/a b", LinkFault::Unreadable),
            ("https://app.example.com/\"onclick", LinkFault::Unreadable),
            ("https://app.example.com/\r\nBcc: x", LinkFault::Unreadable),
            ("https://user:word@app.example.com/", LinkFault::Credentials),
        ] {
            assert_eq!(Link::parse(page), Err(fault), "{page}");
        }
    }
}
