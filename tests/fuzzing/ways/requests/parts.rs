//! One request in its parts, good by the grammar (RFC 9112 §3, §5, §6), which are odd in no way yet.

use crate::fuzzing::dice::Dice;

pub(super) const HOST: &[u8] = b"Host: gateway.example";

/// What goes over the wire of a request, part by part.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// What comes before its line.
    pub(super) before: Vec<u8>,
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) version: Vec<u8>,
    /// Lines without their ends; framing among them.
    pub(super) fields: Vec<Vec<u8>>,
    pub(super) line_end: &'static [u8],
    /// The content as it is framed.
    pub(super) framed: Vec<u8>,
    /// What it is the frame of.
    pub(super) content: Vec<u8>,
    pub(super) behind: Vec<u8>,
}

impl Parts {
    pub(super) fn good(path: &str, dice: &mut Dice) -> Self {
        let method = dice.one_of(&["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);
        let query = dice.one_of(&["", "?a=b%20c", "?x=1&y=//"]);
        let mut parts = Self {
            before: Vec::new(),
            method: method.into(),
            target: format!("{path}{query}").into(),
            version: b"HTTP/1.1".to_vec(),
            fields: vec![HOST.to_vec()],
            line_end: b"\r\n",
            framed: Vec::new(),
            content: Vec::new(),
            behind: Vec::new(),
        };
        for number in 0..dice.below(4) {
            let value = dice.one_of(&["", "a", "b c", "\tpadded \t", "\"quoted, it\"", "k=v; w"]);
            parts.fields.push(format!("x-F{number}: {value}").into());
        }
        let length = dice.one_of(&[1, 5, 5, 40, 3_000, 17_000, 70_000]);
        let content = dice.some_of(b"abc\r\n0 :", length);
        match dice.below(8) {
            0..4 => {}
            4 => parts.fields.push(b"Content-Length: 0".to_vec()),
            5 | 6 => parts.measured(&content),
            _ => parts.in_chunks(&content, dice),
        }
        parts
    }

    /// Its content is this, of a length that its head says.
    pub(super) fn measured(&mut self, content: &[u8]) {
        self.unframed();
        self.fields.push(format!("Content-Length: {}", content.len()).into());
        self.framed = content.to_vec();
        self.content = content.to_vec();
    }

    pub(super) fn in_chunks(&mut self, content: &[u8], dice: &mut Dice) {
        self.unframed();
        self.fields.push(b"Transfer-Encoding: chunked".to_vec());
        let mut rest = content;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(dice.between(1, rest.len()));
            self.framed.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            self.framed.extend_from_slice(piece);
            self.framed.extend_from_slice(b"\r\n");
            rest = behind;
        }
        self.framed.extend_from_slice(b"0\r\n\r\n");
        self.content = content.to_vec();
    }

    /// Its head says nothing of content, of which there is none.
    pub(super) fn unframed(&mut self) {
        self.fields.retain(|field| !field.starts_with(b"Content-Length") && !field.starts_with(b"Transfer-"));
        if self.method == b"GET" || self.method == b"HEAD" {
            self.method = b"POST".to_vec();
        }
        (self.framed, self.content) = (Vec::new(), Vec::new());
    }

    /// The same content, and this is what is said of its length.
    pub(super) fn says(&mut self, length: &[&[u8]]) {
        self.measured(b"hello");
        self.fields.pop();
        self.fields.extend(length.iter().map(|field| field.to_vec()));
    }

    /// The same chunks, and this is what is said of them.
    pub(super) fn codes(&mut self, coding: &[&[u8]]) {
        self.unframed();
        self.fields.extend(coding.iter().map(|field| field.to_vec()));
        self.framed = b"5\r\nhello\r\n0\r\n\r\n".to_vec();
        self.content = b"hello".to_vec();
    }

    /// Chunks as they are given, of `hello` or nearly so.
    pub(super) fn chunks(&mut self, chunks: &[u8]) {
        self.codes(&[b"Transfer-Encoding: chunked"]);
        self.framed = chunks.to_vec();
    }

    pub(super) fn field(&mut self, field: &[u8], dice: &mut Dice) {
        // Behind the host or at the end, before any framing or behind it.
        let at = dice.between(self.fields.len().min(1), self.fields.len());
        self.fields.insert(at, field.to_vec());
    }

    /// In place of another one: two of them are too many for nginx.
    pub(super) fn expects(&mut self, field: &[u8], dice: &mut Dice) {
        self.fields.retain(|other| !other.starts_with(b"Expect:"));
        self.field(field, dice);
    }

    pub(super) fn asks_for_upgrade(&self) -> bool {
        self.fields.iter().any(|field| field.starts_with(b"Upgrade:"))
    }

    pub(super) fn host(&mut self, lines: &[&[u8]]) {
        self.fields.retain(|field| field != HOST);
        self.fields.extend(lines.iter().map(|line| line.to_vec()));
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.before.clone();
        bytes.extend([&self.method[..], b" ", &self.target, b" ", &self.version, self.line_end].concat());
        for field in &self.fields {
            bytes.extend([field, self.line_end].concat());
        }
        bytes.extend([self.line_end, &self.framed, &self.behind].concat());
        bytes
    }
}
