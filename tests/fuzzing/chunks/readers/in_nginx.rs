//! nginx, as the server that reads a body whole before it goes on, and as the client of a service.
//! What it made of a body is seen by whoever is behind it, or before it.

use std::net::Shutdown;

use super::{Reader, Reading, Side};
use crate::fuzzing::answering::{Answering, Then};
use crate::fuzzing::chunks::bodies::Case;
use crate::support::nginx::Nginx as Server;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

pub(in crate::fuzzing::chunks) struct Nginx {
    server: Server,
    /// Behind it, for requests.
    upstream: Upstream,
    /// Behind it, for answers.
    answers: Answering,
}

impl Nginx {
    pub(in crate::fuzzing::chunks) fn start() -> Self {
        let (upstream, answers) = (Upstream::start(), Answering::start());
        // The client says that it has no more to say before it has its answer, and is heard to the end.
        let server = Server::start(&format!(
            "listen $listen; lingering_close always; proxy_ignore_client_abort on;
            location / {{ proxy_pass http://{}; }}
            location /answer {{ proxy_http_version 1.1; proxy_pass http://{}; }}",
            upstream.address, answers.address
        ));
        Self { server, upstream, answers }
    }

    fn content(&self, side: Side, case: &Case) -> Option<Vec<u8>> {
        match side {
            Side::Request => self.content_of_request(case),
            Side::Answer => self.content_of_answer(case),
        }
    }

    fn content_of_request(&self, case: &Case) -> Option<Vec<u8>> {
        self.upstream.forget();
        let mut raw = Raw::connect(self.server.address);
        raw.send("POST /first HTTP/1.1\r\nHost: gateway.example\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in case.pieces() {
            raw.send(piece);
        }
        raw.stream().shutdown(Shutdown::Write).ok();
        // When it has closed, everything has arrived that it took for a request.
        raw.rest();
        let arrived = self.upstream.arrived();
        let first = arrived.into_iter().find(|arrived| arrived.target() == "/first");
        first.map(|first| first.body)
    }

    fn content_of_answer(&self, case: &Case) -> Option<Vec<u8>> {
        self.answers.next(case.answer(), Then::Close);
        let mut raw = Raw::connect(self.server.address);
        raw.send("GET /answer HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n\r\n");
        raw.reply().filter(|reply| reply.status == 200).map(|reply| reply.body)
    }

    /// As few bytes as it takes for a whole body, of those that it takes for one.
    fn end(&self, side: Side, case: &Case) -> usize {
        let (mut less, mut enough) = (0, case.bytes.len());
        while less + 1 < enough {
            let middle = usize::midpoint(less, enough);
            match self.content(side, &case.prefix(middle)) {
                Some(_) => enough = middle,
                None => less = middle,
            }
        }
        enough
    }
}

impl Reader for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn reads_one_of(&self) -> usize {
        16
    }

    /// It does not tell what it refuses from what is incomplete.
    fn read(&mut self, side: Side, cases: &[&Case]) -> Vec<Reading> {
        let read = |case: &&Case| match self.content(side, case) {
            Some(content) => Reading::Whole { content, end: self.end(side, case) },
            None => Reading::Refused(String::new()),
        };
        cases.iter().map(read).collect()
    }
}
