//! What a request says of the connection on which it came, and goes no further (RFC 9110 §7.6.1).

/// Whether a field of a simple request is one of them; `said` is its `Connection`, which has at most one of
/// the two usual words. Either is the name of a field as well.
pub fn is_of_the_connection(name: &str, said: Option<&[u8]>) -> bool {
    let is_close = |said: &[u8]| said.eq_ignore_ascii_case(b"close");
    ALL.iter().any(|of_it| name.eq_ignore_ascii_case(of_it))
        || is_close(name.as_bytes()) && said.is_some_and(is_close)
}

const ALL: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_connection_is_taken_off_and_nothing_else() {
        let left = |said: &str| {
            let names = ["connection", "Keep-Alive", "close", "proxy-authorization", "http2-settings", "te"];
            let names = names.into_iter().chain(["host", "x"]);
            names
                .filter(|name| !is_of_the_connection(name, Some(said.as_bytes())))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(left("keep-alive"), "close host x");
        assert_eq!(left("Close"), "host x");
    }
}
