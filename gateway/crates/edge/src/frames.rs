//! Follows the frames that a client sends on a connection of HTTP/2, and says since when something is
//! open that must come in one piece. It is given bytes and times, and reads neither.

/// A frame's header (RFC 9113 §4.1).
const HEADER_BYTES: usize = 9;
/// What a client begins with (RFC 9113 §3.4).
const PREFACE_BYTES: u32 = 24;
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_HEADERS: u8 = 0x4;

/// Where in the bytes of a client we are.
///
/// Open is all that others wait for behind it: the preface with the first frame, which must be there
/// before anything else; a frame's header; a frame, unless it carries a body, for which there are other
/// deadlines; and a head, from the first byte of its HEADERS to the last of the CONTINUATION that ends it
/// (§6.2, §6.10). What is said here does not depend on how the bytes are divided.
#[derive(Debug)]
pub(super) struct Frames<T> {
    at: At,
    /// The first frame has not ended.
    greets: bool,
    /// A head was begun that its last frame has not ended.
    in_head: bool,
    since: Option<T>,
}

#[derive(Debug)]
enum At {
    Preface { left: u32 },
    Header { bytes: [u8; HEADER_BYTES], filled: usize },
    Payload { left: u32, kind: u8, ends_head: bool },
}

const BEGIN: At = At::Header { bytes: [0; HEADER_BYTES], filled: 0 };

impl<T: Copy> Frames<T> {
    pub(super) fn new() -> Self {
        Self { at: At::Preface { left: PREFACE_BYTES }, greets: true, in_head: false, since: None }
    }

    /// When what is open was begun; `None` while nothing is.
    pub(super) fn open_since(&self) -> Option<T> {
        self.since
    }

    /// The next bytes, and when they came.
    pub(super) fn feed(&mut self, mut bytes: &[u8], now: T) {
        while !bytes.is_empty() {
            self.since.get_or_insert(now);
            bytes = self.step(bytes);
            if !self.is_open() {
                self.since = None;
            }
        }
    }

    /// Goes on to the next border, or to the end of the bytes; returns what is left of them.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match &mut self.at {
            At::Preface { left } => {
                let bytes = skip(bytes, left);
                if *left == 0 {
                    self.at = BEGIN;
                }
                bytes
            }
            At::Header { bytes: header, filled } => {
                let (taken, bytes) = bytes.split_at(bytes.len().min(HEADER_BYTES - *filled));
                header.iter_mut().skip(*filled).zip(taken).for_each(|(place, byte)| *place = *byte);
                *filled += taken.len();
                if *filled == HEADER_BYTES {
                    let header = *header;
                    self.begin(header);
                }
                bytes
            }
            At::Payload { left, .. } => {
                let bytes = skip(bytes, left);
                self.end_if_over();
                bytes
            }
        }
    }

    fn begin(&mut self, header: [u8; HEADER_BYTES]) {
        let [high, middle, low, kind, flags, ..] = header;
        if kind == HEADERS {
            self.in_head = true;
        }
        let ends_head = matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS != 0;
        self.at = At::Payload { left: u32::from_be_bytes([0, high, middle, low]), kind, ends_head };
        self.end_if_over();
    }

    fn end_if_over(&mut self) {
        if let At::Payload { left: 0, ends_head, .. } = self.at {
            self.greets = false;
            self.in_head &= !ends_head;
            self.at = BEGIN;
        }
    }

    fn is_open(&self) -> bool {
        let in_frame = match self.at {
            At::Preface { .. } => true,
            At::Header { filled, .. } => filled > 0,
            At::Payload { kind, .. } => kind != DATA,
        };
        in_frame || self.greets || self.in_head
    }
}

fn skip<'a>(bytes: &'a [u8], left: &mut u32) -> &'a [u8] {
    let here = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    // Not more than was left.
    *left = left.saturating_sub(u32::try_from(here).unwrap_or(u32::MAX));
    bytes.get(here..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: u8 = 0x4;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], &vec![0x82; payload]].concat()
    }

    fn greeted() -> Frames<u32> {
        let mut frames = Frames::new();
        frames.feed(&[PREFACE, &frame(SETTINGS, 0, 6)].concat(), 0);
        assert_eq!(frames.open_since(), None);
        frames
    }

    #[test]
    fn the_preface_is_open_until_the_first_frame_has_ended() {
        let mut frames = Frames::new();
        assert_eq!(frames.open_since(), None, "nobody has said anything");
        let begin = [PREFACE, &frame(SETTINGS, 0, 6)].concat();
        for (time, byte) in begin.iter().enumerate() {
            frames.feed(&[*byte], time);
            let wanted = (time + 1 < begin.len()).then_some(0);
            assert_eq!(frames.open_since(), wanted, "after {} bytes", time + 1);
        }
    }

    #[test]
    fn a_head_is_open_from_its_first_byte_to_the_end_of_its_last_continuation() {
        let mut frames = greeted();
        frames.feed(&frame(HEADERS, 0, 10), 1);
        frames.feed(&frame(CONTINUATION, 0, 10), 2);
        frames.feed(&frame(CONTINUATION, 0, 0), 3);
        assert_eq!(frames.open_since(), Some(1));
        let last = frame(CONTINUATION, END_HEADERS, 5);
        frames.feed(&last[..last.len() - 1], 4);
        assert_eq!(frames.open_since(), Some(1));
        frames.feed(&last[last.len() - 1..], 5);
        assert_eq!(frames.open_since(), None);
    }

    #[test]
    fn a_body_is_never_open_but_the_header_of_its_frame_is() {
        let mut frames = greeted();
        let data = frame(DATA, END_HEADERS, 100);
        frames.feed(&data[..8], 1);
        assert_eq!(frames.open_since(), Some(1));
        frames.feed(&data[8..50], 2);
        assert_eq!(frames.open_since(), None);
        frames.feed(&data[50..], 3);
        assert_eq!(frames.open_since(), None);
    }

    #[test]
    fn what_begins_where_another_ends_has_its_own_time() {
        let mut frames = greeted();
        let two = [frame(HEADERS, END_HEADERS, 3), frame(HEADERS, END_HEADERS, 3)].concat();
        frames.feed(&two[..5], 1);
        frames.feed(&two[5..15], 2);
        assert_eq!(frames.open_since(), Some(2));
    }

    /// The beginning of what is open after so many of these bytes, by looking at all of them at once.
    fn open_from(frames: &[(u8, bool, usize)], seen: usize) -> Option<usize> {
        let (mut at, mut head) = (0, Some(0));
        let preface = std::iter::once((None, PREFACE.len()));
        let frames =
            frames.iter().map(|(kind, ends, payload)| (Some((*kind, *ends)), HEADER_BYTES + payload));
        for (number, (frame, length)) in preface.chain(frames).enumerate() {
            let begin = head.unwrap_or(at);
            if seen <= at {
                return head.filter(|_| seen > 0);
            }
            let kind = frame.map(|(kind, _)| kind);
            if seen < at + length {
                let in_body = kind == Some(DATA) && seen >= at + HEADER_BYTES;
                return if in_body { head } else { Some(begin) };
            }
            head = match frame {
                None => Some(0),
                Some((HEADERS | CONTINUATION, true)) => None,
                Some((HEADERS, false)) => Some(begin),
                // The first frame ends what the preface began, if it begins no head itself.
                Some(_) if number == 1 => None,
                Some(_) => head,
            };
            at += length;
        }
        head
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_are_divided(
            sent in proptest::collection::vec(
                (prop_oneof![Just(DATA), Just(HEADERS), Just(CONTINUATION), 2_u8..=20], any::<bool>(), 0_usize..40),
                1..12,
            ),
            cuts in proptest::collection::vec(1_usize..30, 1..200),
        ) {
            let flags = |ends: bool| if ends { END_HEADERS } else { 0 };
            let frames = sent.iter().map(|(kind, ends, payload)| frame(*kind, flags(*ends), *payload));
            let bytes = [PREFACE.to_vec(), frames.collect::<Vec<_>>().concat()].concat();
            let mut watched = Frames::new();
            // Pieces, each with the place of its first byte for a time.
            let (mut at, mut pieces) = (0, Vec::new());
            for cut in cuts.iter().cycle() {
                let end = (at + cut).min(bytes.len());
                watched.feed(&bytes[at..end], at);
                pieces.push(at..end);
                let begun = open_from(&sent, end);
                let piece = begun.map(|begun| pieces.iter().find(|piece| piece.contains(&begun)).unwrap().start);
                prop_assert_eq!(watched.open_since(), piece, "after {} bytes of {:?}", end, sent);
                at = end;
                if at == bytes.len() {
                    break;
                }
            }
        }

        #[test]
        fn no_bytes_are_too_odd_for_it(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
            let mut frames = Frames::new();
            for (time, piece) in pieces.iter().enumerate() {
                frames.feed(piece, time);
                prop_assert!(frames.open_since().is_none_or(|since| since <= time));
            }
        }
    }
}
