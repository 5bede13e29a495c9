//! Which way a request went through the gateway, as it is counted.

/// The lane, or why it was not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    Lane,
    /// Its client speaks HTTP/2.
    #[default]
    Http2,
    /// The operator has it closed.
    Closed,
    /// Its service speaks HTTP/2.
    Service,
    Version,
    Target,
    Upgrade,
    Trailers,
    Connection,
}

impl Way {
    /// Each in its place.
    pub const ALL: [Self; 9] = [
        Self::Lane,
        Self::Http2,
        Self::Closed,
        Self::Service,
        Self::Version,
        Self::Target,
        Self::Upgrade,
        Self::Trailers,
        Self::Connection,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Http2 => "http2",
            Self::Closed => "closed",
            Self::Service => "service_http2",
            Self::Version => "version",
            Self::Target => "target",
            Self::Upgrade => "upgrade",
            Self::Trailers => "trailers",
            Self::Connection => "connection",
        }
    }

    /// For an operator who asks.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Lane => "the lane",
            Self::Http2 => "Pingora's, for its client speaks HTTP/2",
            Self::Closed => "Pingora's, for server.fast_path is false",
            Self::Service => "Pingora's, for its service speaks HTTP/2",
            Self::Version => "Pingora's, for it is one of HTTP/1.0",
            Self::Target => "Pingora's, for its target does not go on as it was sent",
            Self::Upgrade => "Pingora's, for it would go on in another protocol",
            Self::Trailers => "Pingora's, for it has trailers, or takes those of its answer",
            Self::Connection => "Pingora's, for it says more of its connection than close or keep-alive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_stands_in_its_place_and_has_a_word_of_its_own() {
        for (place, way) in Way::ALL.into_iter().enumerate() {
            assert_eq!(way as usize, place, "{way:?}");
        }
        for words in [Way::ALL.map(Way::as_str), Way::ALL.map(Way::in_words)] {
            let words: std::collections::BTreeSet<_> = words.into();
            assert_eq!(words.len(), Way::ALL.len());
        }
    }
}
