//! Which requests are simple: those in whose head nothing asks for more than an answer, whatever content they
//! have. What is odd in any way is not, and goes another way; what contradicts itself was refused before.

use gateway_framing::{Connection, RequestHead};

/// Why a request is not simple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusual {
    /// HTTP/1.0, which knows neither chunks nor interim answers.
    Version,
    /// Not a path, or one that does not go on as it was sent.
    Target,
    /// It would go on in another protocol.
    Upgrade,
    /// It has trailers, or takes them.
    Trailers,
    /// It names fields of its connection, or says more than one thing of it.
    Connection,
}

/// Why this request is not simple, if it is not.
pub fn unusual(request: &RequestHead<'_>) -> Option<Unusual> {
    let found = [
        (request.is_old, Unusual::Version),
        (request.target.first() != Some(&b'/'), Unusual::Target),
        (request.asks_for_upgrade, Unusual::Upgrade),
        (request.speaks_of_trailers, Unusual::Trailers),
        (request.connection == Connection::Other, Unusual::Connection),
    ];
    found.into_iter().find_map(|(is_so, why)| is_so.then_some(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_framing::read_request;

    #[test]
    fn what_asks_for_no_more_than_an_answer_is_simple() {
        let why = |line: &str, fields: &str| {
            let head = format!("{line}\r\nHost: a\r\n{fields}\r\n");
            unusual(&read_request(head.as_bytes()).unwrap())
        };
        for line in ["GET / HTTP/1.1", "HEAD /a?b HTTP/1.1", "POST /a HTTP/1.1", "PURGE //a HTTP/1.1"] {
            for fields in [
                "",
                "Content-Length: 0\r\n",
                "Content-Length: 16385\r\n",
                "Transfer-Encoding: chunked\r\n",
                "Expect: 100-continue\r\nContent-Length: 1\r\n",
                "Connection: close\r\n",
                "Connection: keep-alive\r\n",
            ] {
                assert_eq!(why(line, fields), None, "{line} {fields:?}");
            }
        }
        for (line, fields, reason) in [
            ("GET / HTTP/1.0", "", Unusual::Version),
            ("OPTIONS * HTTP/1.1", "", Unusual::Target),
            ("GET http://a/ HTTP/1.1", "", Unusual::Target),
            ("GET / HTTP/1.1", "Upgrade: websocket\r\n", Unusual::Upgrade),
            ("GET / HTTP/1.1", "TE: trailers\r\n", Unusual::Trailers),
            ("GET / HTTP/1.1", "Trailer: x\r\n", Unusual::Trailers),
            ("GET / HTTP/1.1", "Connection: x-own\r\n", Unusual::Connection),
        ] {
            assert_eq!(why(line, fields), Some(reason), "{line} {fields:?}");
        }
    }
}
