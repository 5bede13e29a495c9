//! The chunked coding (RFC 9112 §7.1), by its grammar and no wider.

use super::Malformed;
use super::request::is_token;

/// Digits of a chunk size, leading zeros among them.
const SIZE_DIGITS_MAX: u8 = 16;
/// Largest chunk: what others keep in a signed number must not become negative.
const CHUNK_BYTES_MAX: u64 = i64::MAX as u64;
/// Bytes of all chunk extensions of a body. Nobody uses them; what is unbounded makes a body of a
/// few bytes cost as much as one of many.
const EXTENSION_BYTES_MAX: u16 = 1_024;
/// Bytes of a trailer section, the ends of its lines among them.
const TRAILER_BYTES_MAX: u16 = 8_192;
/// Fields of a trailer section: others take no more than so many either.
const TRAILER_FIELDS_MAX: u8 = 100;
/// Fields that say where a message ends or whom it is for have no place behind it (RFC 9110 §6.5.1).
const NOT_IN_TRAILERS: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"host"];
/// Names are looked at up to here, which is longer than those above.
const NAME_BYTES_SEEN: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    SizeBegins,
    Size,
    Extension(Extension),
    /// After the CR of the line of a size.
    SizeEnds,
    Content,
    /// After the content of a chunk.
    ContentEnds,
    ContentEndsLf,
    /// Where a field line of the trailer section, or the end of it, begins.
    LineBegins,
    Name,
    Value,
    ValueEnds,
    /// After the CR of the last, empty line.
    LastLf,
    Ended,
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// White space, and a semicolon to come.
    BeforeSemicolon,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    QuotedPair,
    AfterQuoted,
}

/// Follows a chunked body, in pieces of any size, to its end.
#[derive(Debug)]
pub struct Chunked {
    state: State,
    /// Of the size so far, or of the content to come.
    left: u64,
    digits: u8,
    extensions: u16,
    trailer: u16,
    fields: u8,
    name: [u8; NAME_BYTES_SEEN],
    name_length: usize,
}

impl Default for Chunked {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunked {
    pub fn new() -> Self {
        Self {
            state: State::SizeBegins,
            left: 0,
            digits: 0,
            extensions: 0,
            trailer: 0,
            fields: 0,
            name: [0; NAME_BYTES_SEEN],
            name_length: 0,
        }
    }

    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// How many of these bytes belong to the body, and its content in them, piece by piece.
    ///
    /// # Errors
    ///
    /// Where they are no chunks. The body has no end then, and must not be read on.
    pub fn read(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let mut rest = bytes;
        while let Some((byte, behind)) = rest.split_first()
            && self.state != State::Ended
        {
            if self.state == State::Content {
                let left = usize::try_from(self.left).unwrap_or(usize::MAX);
                let (taken, behind) = rest.split_at_checked(left).unwrap_or((rest, &[]));
                content(taken);
                rest = behind;
                self.left -= taken.len() as u64;
                if self.left == 0 {
                    self.state = State::ContentEnds;
                }
                continue;
            }
            self.state = self.step(*byte)?;
            rest = behind;
        }
        Ok(bytes.len() - rest.len())
    }

    fn step(&mut self, byte: u8) -> Result<State, Malformed> {
        use State::{
            Content, ContentEnds, ContentEndsLf, Ended, LastLf, LineBegins, Name, Size, SizeBegins, SizeEnds,
            Value, ValueEnds,
        };
        match (self.state, byte) {
            (SizeBegins | Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte),
            (Size, b'\r') => Ok(SizeEnds),
            (Size, b';') => self.extension(Extension::BeforeName),
            (Size, b' ' | b'\t') => self.extension(Extension::BeforeSemicolon),
            (State::Extension(extension), _) => self.in_extension(extension, byte),
            (SizeEnds, b'\n') if self.left == 0 => Ok(LineBegins),
            (SizeEnds, b'\n') => Ok(Content),
            (SizeBegins | Size | SizeEnds, _) => Err(Malformed::ChunkSize),
            (ContentEnds, b'\r') => Ok(ContentEndsLf),
            (ContentEndsLf, b'\n') => {
                (self.left, self.digits) = (0, 0);
                Ok(SizeBegins)
            }
            (Content | ContentEnds | ContentEndsLf, _) => Err(Malformed::ChunkEnd),
            (LineBegins, b'\r') => Ok(LastLf),
            (LastLf, b'\n') => Ok(Ended),
            (LineBegins, _) => self.field(byte),
            (Name, b':') => self.named(),
            (Name, _) => self.in_name(byte),
            (Value, b'\r') => self.in_trailer(ValueEnds),
            (Value, b'\t' | b' '..=b'~' | 0x80..) => self.in_trailer(Value),
            (ValueEnds, b'\n') => self.in_trailer(LineBegins),
            (Value | ValueEnds | LastLf | Ended, _) => Err(Malformed::Trailer),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<State, Malformed> {
        let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
        self.digits += 1;
        self.left = self.left.checked_mul(16).ok_or(Malformed::ChunkSize)? | digit;
        if self.digits > SIZE_DIGITS_MAX || self.left > CHUNK_BYTES_MAX {
            return Err(Malformed::ChunkSize);
        }
        Ok(State::Size)
    }

    fn extension(&mut self, next: Extension) -> Result<State, Malformed> {
        self.extensions += 1;
        if self.extensions > EXTENSION_BYTES_MAX {
            return Err(Malformed::ChunkExtension);
        }
        Ok(State::Extension(next))
    }

    fn in_extension(&mut self, extension: Extension, byte: u8) -> Result<State, Malformed> {
        use Extension::{
            AfterName, AfterQuoted, BeforeName, BeforeSemicolon, BeforeValue, Name, Quoted, QuotedPair, Value,
        };
        let blank = matches!(byte, b' ' | b'\t');
        let next = match (extension, byte) {
            (Name | Value | AfterQuoted, b'\r') => return Ok(State::SizeEnds),
            (BeforeSemicolon | Name | AfterName | Value | AfterQuoted, b';') => BeforeName,
            (BeforeSemicolon | BeforeName | AfterName | BeforeValue, _) if blank => extension,
            (Name, _) if blank => AfterName,
            (Value | AfterQuoted, _) if blank => BeforeSemicolon,
            (Name | AfterName, b'=') => BeforeValue,
            (BeforeName | Name, _) if is_token(byte) => Name,
            (BeforeValue, b'"') => Quoted,
            (BeforeValue | Value, _) if is_token(byte) => Value,
            (Quoted, b'"') => AfterQuoted,
            (Quoted, b'\\') => QuotedPair,
            (Quoted | QuotedPair, b'\t' | b' '..=b'~' | 0x80..) => Quoted,
            _ => return Err(Malformed::ChunkExtension),
        };
        self.extension(next)
    }

    fn field(&mut self, byte: u8) -> Result<State, Malformed> {
        self.fields += 1;
        if self.fields > TRAILER_FIELDS_MAX {
            return Err(Malformed::Trailer);
        }
        self.name_length = 0;
        self.in_name(byte)
    }

    fn in_name(&mut self, byte: u8) -> Result<State, Malformed> {
        if !is_token(byte) {
            return Err(Malformed::Trailer);
        }
        if let Some(place) = self.name.get_mut(self.name_length) {
            *place = byte.to_ascii_lowercase();
        }
        self.name_length += 1;
        self.in_trailer(State::Name)
    }

    fn named(&mut self) -> Result<State, Malformed> {
        let name = self.name.get(..self.name_length);
        if name.is_some_and(|name| NOT_IN_TRAILERS.contains(&name)) {
            return Err(Malformed::Trailer);
        }
        self.in_trailer(State::Value)
    }

    fn in_trailer(&mut self, next: State) -> Result<State, Malformed> {
        self.trailer += 1;
        if self.trailer > TRAILER_BYTES_MAX { Err(Malformed::Trailer) } else { Ok(next) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The content and what is left behind the end, however the bytes are cut.
    fn read(bytes: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
        let (mut chunked, mut content, mut at) = (Chunked::new(), Vec::new(), 0);
        while at < bytes.len() && !chunked.is_ended() {
            let piece = &bytes[at..bytes.len().min(at.saturating_add(step))];
            at += chunked.read(piece, |part| content.extend_from_slice(part))?;
        }
        Ok(chunked.is_ended().then_some((content, bytes.len() - at)))
    }

    #[test]
    fn chunks_by_the_grammar_end_where_it_says() {
        for (body, content, behind) in [
            ("0\r\n\r\n", "", 0),
            ("5\r\nhello\r\n0\r\n\r\nGET /", "hello", 5),
            ("005\r\nhello\r\n000\r\n\r\n", "hello", 0),
            ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0),
            ("5;x\r\nhello\r\n0\r\n\r\n", "hello", 0),
            ("5 ; x = \"a;\\\"b\" ;y=1\r\nhello\r\n0;z\r\n\r\n", "hello", 0),
            ("0\r\nX-Sum: 1\r\nY:\r\n\r\n", "", 0),
        ] {
            for step in [1, 2, 3, 100] {
                let expected = Some((content.as_bytes().to_vec(), behind));
                assert_eq!(read(body.as_bytes(), step), Ok(expected), "{body:?} in pieces of {step}");
            }
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error_and_has_no_end() {
        use Malformed::{ChunkEnd, ChunkExtension, ChunkSize, Trailer};
        let long = |before: &str, count: usize| format!("{before}{}", "x".repeat(count));
        for (body, fault) in [
            ("\r\nhello", ChunkSize),
            ("zz\r\n", ChunkSize),
            ("0x5\r\n", ChunkSize),
            ("+5\r\n", ChunkSize),
            (" 5\r\n", ChunkSize),
            ("5\n", ChunkSize),
            ("5\rh", ChunkSize),
            ("00000000000000005\r\n", ChunkSize),
            ("8000000000000000\r\n", ChunkSize),
            ("5 \r\n", ChunkExtension),
            ("5;\r\n", ChunkExtension),
            ("5;x\n", ChunkExtension),
            ("5;x\0\r\n", ChunkExtension),
            ("5;x=\r\n", ChunkExtension),
            ("5;x=\"a\nb\"\r\n", ChunkExtension),
            ("5\r\nhello0", ChunkEnd),
            ("5\r\nhello\n", ChunkEnd),
            ("0\r\n\0\r\n\r\n", Trailer),
            ("0\r\n\n", Trailer),
            ("0\r\n: x\r\n", Trailer),
            ("0\r\n x: y\r\n", Trailer),
            ("0\r\nX y: z\r\n", Trailer),
            ("0\r\nX: y\n", Trailer),
            ("0\r\nContent-Length: 5\r\n", Trailer),
            ("0\r\nTRANSFER-ENCODING: chunked\r\n", Trailer),
            (&long("5;", 1_024), ChunkExtension),
            (&long("0\r\nX: ", 8_192), Trailer),
        ] {
            for step in [1, 2, 3, 10_000] {
                assert_eq!(read(body.as_bytes(), step), Err(fault), "{body:?} in pieces of {step}");
            }
        }
    }

    #[test]
    fn a_trailer_section_has_so_many_fields_and_bytes_and_no_more() {
        let of = |fields: String| read(format!("0\r\n{fields}\r\n").as_bytes(), 1_000);
        let taken = Ok(Some((Vec::new(), 0)));
        assert_eq!(of("x:\r\n".repeat(100)), taken);
        assert_eq!(of("x:\r\n".repeat(101)), Err(Malformed::Trailer));
        // The ends of the lines count: 64 times 128 bytes, and one more.
        let line = format!("x:{}\r\n", "y".repeat(124));
        assert_eq!(of(line.repeat(64)), taken);
        assert_eq!(of(line.repeat(63) + &line.replacen('x', "xx", 1)), Err(Malformed::Trailer));
    }

    proptest! {
        #[test]
        fn where_a_body_ends_does_not_depend_on_how_it_came(
            bytes in proptest::collection::vec(proptest::sample::select(b"05aF;= \t\r\n\"\\x:\0\x80".to_vec()), 0..80),
            step in 1usize..9,
        ) {
            prop_assert_eq!(read(&bytes, step), read(&bytes, usize::MAX));
        }

        #[test]
        fn what_was_cut_into_chunks_comes_out_whole(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
            behind in proptest::collection::vec(any::<u8>(), 0..9),
            step in 1usize..50,
        ) {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            bytes.extend_from_slice(&behind);
            let whole = read(&bytes, step).unwrap().unwrap();
            prop_assert_eq!(whole.0, chunks.concat());
            prop_assert!(whole.1 <= behind.len());
        }
    }
}
