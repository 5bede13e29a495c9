//! Where a message of HTTP/1.1 ends, and how its content does: with as little work as a load and a
//! service can do that must not be the limit. What is odd is an error.

use memchr::memmem;

/// How much of the end of a content is kept.
const TAIL_BYTES: usize = 32;

/// Follows one message in a buffer that holds it from its first byte on, and may still grow.
#[derive(Default)]
pub(crate) struct Message {
    framing: Option<Framing>,
    /// Where the next chunk begins.
    next: usize,
    content_bytes: usize,
    tail: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Framing {
    /// It ends here.
    Until(usize),
    Chunks,
}

impl Message {
    /// The end of the message, once it is there.
    pub(crate) fn end(&mut self, read: &[u8]) -> Result<Option<usize>, String> {
        let framing = match self.framing {
            Some(framing) => framing,
            None => {
                let Some(head) = memmem::find(read, b"\r\n\r\n") else { return Ok(None) };
                let begun = self.begin(&read[..head + 2], head + 4)?;
                *self.framing.insert(begun)
            }
        };
        match framing {
            Framing::Until(end) if read.len() < end => Ok(None),
            Framing::Until(end) => {
                let content = &read[self.next..end];
                self.tail = content[content.len().saturating_sub(TAIL_BYTES)..].to_vec();
                Ok(Some(end))
            }
            Framing::Chunks => self.chunks(read),
        }
    }

    pub(crate) fn content_bytes(&self) -> usize {
        self.content_bytes
    }

    /// The last bytes of its content.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Reads the head, whose lines are whole.
    fn begin(&mut self, head: &[u8], behind: usize) -> Result<Framing, String> {
        self.next = behind;
        if field(head, b"transfer-encoding:").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked")) {
            return Ok(Framing::Chunks);
        }
        let length =
            field(head, b"content-length:").map(|value| std::str::from_utf8(value).ok()?.parse().ok());
        self.content_bytes = match length {
            Some(length) => length.ok_or("a length that is none")?,
            None if head.starts_with(b"HTTP/") => return Err("an answer of no length".to_owned()),
            None => 0,
        };
        Ok(Framing::Until(behind + self.content_bytes))
    }

    fn chunks(&mut self, read: &[u8]) -> Result<Option<usize>, String> {
        loop {
            let rest = read.get(self.next..).unwrap_or_default();
            let Some(line) = memmem::find(rest, b"\r\n") else { return Ok(None) };
            let size = std::str::from_utf8(&rest[..line]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or("what should be a chunk is none")?;
            let begin = self.next + line + 2;
            let end = begin + size + 2;
            if read.len() < end {
                return Ok(None);
            }
            if &read[end - 2..end] != b"\r\n" {
                return Err("a chunk of another length, or trailers".to_owned());
            }
            if size == 0 {
                return Ok(Some(end));
            }
            self.content_bytes += size;
            self.tail.extend_from_slice(&read[end - 2 - size.min(TAIL_BYTES)..end - 2]);
            self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
            self.next = end;
        }
    }
}

/// The value of the first field of that name, which is written in lower case with its colon.
pub(crate) fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut begin = 0;
    memchr::memchr_iter(b'\n', head).find_map(|end| {
        let line = &head[begin..end];
        begin = end + 1;
        let (own, value) = line.split_at_checked(name.len())?;
        own.eq_ignore_ascii_case(name).then_some(value.trim_ascii())
    })
}
