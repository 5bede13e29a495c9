//! A local copy of the Pwned Passwords list, ordered by hash: one line for each SHA-1, as its
//! downloader writes them. It is searched in the file, by a few dozen reads, without an index.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use thiserror::Error;

/// Bytes of a line: forty digits, a colon, a count, and room.
const LINE_BYTES_MAX: usize = 128;
/// From here on, the rest is read at once: a page costs as much as a line.
const LAST_READ_BYTES: u64 = 4_096;
/// Places of the file that are looked at when it is opened.
const SPOT_CHECKS: u64 = 64;
/// A file of at most this size is looked at as a whole.
const WHOLE_CHECK_BYTES_MAX: u64 = 1 << 20;

/// Digits of a SHA-1 in hexadecimal.
const DIGITS: usize = 40;

type Hash = [u8; 20];

/// The list, open.
#[derive(Debug)]
pub struct BreachedList {
    file: File,
    path: PathBuf,
    /// Without line ends at the end.
    length: u64,
    count_min: u64,
}

/// The file is no such list.
#[derive(Debug, Error)]
pub enum ListFault {
    #[error("{0}: {1}")]
    Unreadable(PathBuf, io::Error),
    #[error("{0} is no file; the list must be one file, not a folder of ranges")]
    NoFile(PathBuf),
    #[error("{0} is empty")]
    Empty(PathBuf),
    #[error(
        "{0}: near byte {1} there is no line such as 0018A45C4D1DEF81644B54AB7F969B88D65:3 with 40 digits of a SHA-1; download the list of SHA-1 hashes into one file, and unpack it"
    )]
    NoLine(PathBuf, u64),
    #[error(
        "{0}: the line at byte {1} is not ordered by hash; take the list that is, or run `LC_ALL=C sort` on it"
    )]
    Unordered(PathBuf, u64),
}

/// One line, and where it begins and where the next one does.
struct Line {
    hash: Hash,
    count: u64,
    start: u64,
    next: u64,
}

impl BreachedList {
    /// Opens the list, and looks whether it is one: at a few dozen places, as it has forty
    /// gigabytes. A password is in it from `count_min` occurrences on. Blocks.
    pub fn open(path: &Path, count_min: u64) -> Result<Self, ListFault> {
        let unreadable = |fault| ListFault::Unreadable(path.to_owned(), fault);
        // Before it is opened: to open a pipe would wait for somebody to write.
        if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(ListFault::NoFile(path.to_owned()));
        }
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut list = Self { file, path: path.to_owned(), length: size, count_min };
        let mut tail = [0; 64];
        let tail_start = size.saturating_sub(tail.len() as u64);
        let tail = list.read(&mut tail, tail_start).map_err(unreadable)?;
        let tail_length = tail.trim_ascii_end().len();
        if tail_length == 0 {
            return Err(ListFault::Empty(path.to_owned()));
        }
        list.length = tail_start + tail_length as u64;
        list.look_over()?;
        Ok(list)
    }

    /// Whether this password was found in a breach often enough. A list that cannot be read keeps
    /// nobody from having a password: that is said in the log. Blocks.
    pub(super) fn holds(&self, password: &str) -> bool {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let found =
            <Hash>::try_from(hash.as_ref()).map_err(io::Error::other).and_then(|hash| self.count(hash));
        found.map_or_else(
            |error| {
                tracing::warn!(path = %self.path.display(), %error, "the list of breached passwords cannot be read; a password was accepted unchecked");
                false
            },
            |count| count.is_some_and(|count| count >= self.count_min),
        )
    }

    /// How often a password of this hash was found.
    fn count(&self, wanted: Hash) -> io::Result<Option<u64>> {
        // Where a line begins, and where one begins or the file ends.
        let (mut low, mut high) = (0, self.length);
        while high - low > LAST_READ_BYTES {
            let line = self.line_after(low.midpoint(high))?;
            match line.hash.cmp(&wanted) {
                Ordering::Equal => return Ok(Some(line.count)),
                Ordering::Less => low = line.next.min(high),
                Ordering::Greater => high = line.start,
            }
        }
        let mut rest = [0; LAST_READ_BYTES as usize];
        let rest = self.read(&mut rest, low)?;
        let rest = rest.get(..usize::try_from(high - low).unwrap_or(rest.len())).unwrap_or(rest);
        for line in rest.split(|byte| *byte == b'\n') {
            match parsed(line) {
                Some((hash, count)) if hash == wanted => return Ok(Some(count)),
                Some(_) => {}
                // What is behind the last line end is empty where another line follows.
                None if line.is_empty() => {}
                None => return Err(damaged(low)),
            }
        }
        Ok(None)
    }

    /// The first line that begins behind this place.
    fn line_after(&self, place: u64) -> io::Result<Line> {
        let mut text = [0; 2 * LINE_BYTES_MAX];
        let text = self.read(&mut text, place)?;
        let end = text.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n');
        let start = end.ok_or_else(|| damaged(place))? + 1;
        line(text.get(start..).unwrap_or_default(), place + start as u64).ok_or_else(|| damaged(place))
    }

    /// As much of the list as there is from here on, and as fits.
    fn read<'a>(&self, into: &'a mut [u8], from: u64) -> io::Result<&'a [u8]> {
        let there = self.length.saturating_sub(from);
        let fits = usize::try_from(there).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..fits).ok_or_else(|| damaged(from))?;
        self.file.read_exact_at(into, from)?;
        Ok(into)
    }

    /// Whether there are lines in order where one looks: at the first, at the last, which a broken-off
    /// download leaves in pieces, and between them.
    fn look_over(&self) -> Result<(), ListFault> {
        let no_line = |place| ListFault::NoLine(self.path.clone(), place);
        let fault = |place| {
            move |fault: io::Error| match fault.kind() {
                ErrorKind::InvalidData => no_line(place),
                _ => ListFault::Unreadable(self.path.clone(), fault),
            }
        };
        let mut text = [0; LINE_BYTES_MAX];
        let end = self.length.saturating_sub(LINE_BYTES_MAX as u64);
        let tail = self.read(&mut text, end).map_err(fault(end))?;
        let last_break = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| end + index as u64);
        let mut seen = line(self.read(&mut text, 0).map_err(fault(0))?, 0).ok_or_else(|| no_line(0))?;
        let step = if self.length <= WHOLE_CHECK_BYTES_MAX { 0 } else { self.length / SPOT_CHECKS };
        while seen.next < self.length {
            let place = (seen.start + step).max(seen.next - 1).min(last_break.max(seen.next - 1));
            let next = self.line_after(place).map_err(fault(place))?;
            if next.hash <= seen.hash {
                return Err(ListFault::Unordered(self.path.clone(), next.start));
            }
            seen = next;
        }
        Ok(())
    }
}

/// The line at the beginning of a text that lies at `start` of the list.
fn line(text: &[u8], start: u64) -> Option<Line> {
    let end = text.iter().position(|byte| *byte == b'\n');
    let (hash, count) = parsed(end.map_or(Some(text), |end| text.get(..end))?)?;
    let next = start + end.map_or(text.len(), |end| end + 1) as u64;
    Some(Line { hash, count, start, next })
}

/// `SHA1:count`, and perhaps the first half of a line end.
fn parsed(line: &[u8]) -> Option<(Hash, u64)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, count) = line.split_at_checked(DIGITS)?;
    let mut hash = Hash::default();
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = pair.iter().try_fold(0, |value, digit| {
            let digit = char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())?;
            Some(value << 4 | digit)
        })?;
    }
    let count = std::str::from_utf8(count.strip_prefix(b":")?).ok()?;
    Some((hash, count.parse().ok()?))
}

fn damaged(place: u64) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("there is no line of the list at byte {place}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn sha1(password: &str) -> Hash {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()).as_ref().try_into().unwrap()
    }

    fn digits(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        file
    }

    fn list(passwords: &[(&str, u64)]) -> String {
        let lines: BTreeMap<_, _> = passwords.iter().map(|(text, count)| (sha1(text), count)).collect();
        lines.iter().map(|(hash, count)| format!("{}:{count}\r\n", digits(hash))).collect()
    }

    #[test]
    fn a_password_is_found_by_its_sha_1_and_from_the_count_on() {
        let file = file(list(&[("Correct1", 2), ("Correct2", 0), ("P@ssw0rd", 1_000_000)]).as_bytes());
        let found = |count_min, password| BreachedList::open(file.path(), count_min).unwrap().holds(password);
        assert_eq!(digits(&sha1("P@ssw0rd")), "21BD12DC183F740EE76F27B78EB39C8AD972A757");
        for (count_min, password, is_found) in [
            (1, "Correct1", true),
            (2, "Correct1", true),
            (3, "Correct1", false),
            // The service pads its answers with counts of nought.
            (1, "Correct2", false),
            (3, "P@ssw0rd", true),
            (1, "Correct3", false),
        ] {
            assert_eq!(found(count_min, password), is_found, "{count_min} {password}");
        }
    }

    #[test]
    fn what_is_no_such_list_is_refused_with_its_place() {
        let right = list(&[("a", 1), ("b", 2), ("c", 3)]);
        let lines: Vec<_> = right.lines().collect();
        let swapped = format!("{}\n{}\n", lines[1], lines[0]);
        let open = |text: &[u8]| BreachedList::open(file(text).path(), 1).map(drop).unwrap_err().to_string();
        for (text, words) in [
            (&b""[..], "is empty"),
            (b"\r\n\n", "is empty"),
            (swapped.as_bytes(), "the line at byte 43 is not ordered by hash"),
            (format!("{0}\n{0}", lines[0]).as_bytes(), "not ordered"),
            (b"a:1\n", "near byte 0 there is no line such as"),
            (&right.as_bytes()[..right.len() - 5], "near byte 87 there is no line"),
            (right.replacen(":2", ":x", 1).as_bytes(), "there is no line"),
            (right.replacen("\r\n", "\r\n\r\n", 1).as_bytes(), "there is no line"),
            (&b"PK\x03\x04".repeat(1_000), "near byte 0 there is no line"),
            // Hashes of NTLM.
            (format!("{}:3\n", &lines[0][..32]).as_bytes(), "40 digits of a SHA-1"),
        ] {
            assert!(open(text).contains(words), "{words}: {}", open(text));
        }
        let folder = tempfile::tempdir().unwrap();
        let fault = |path: &Path| BreachedList::open(path, 1).unwrap_err().to_string();
        assert!(fault(folder.path()).contains("is no file"));
        assert!(fault(&folder.path().join("absent")).contains("No such file"));
    }

    #[test]
    fn a_long_list_is_looked_at_here_and_there_to_its_end() {
        let hash = |number: u64| [&number.to_be_bytes()[..], &[7; 12]].concat().try_into().unwrap();
        let lines: Vec<_> =
            (0..60_000).map(|number| format!("{}:{number}\n", digits(&hash(number)))).collect();
        let right = lines.concat();
        assert!(right.len() as u64 > 2 * WHOLE_CHECK_BYTES_MAX);
        let file_of_it = file(right.as_bytes());
        let list = BreachedList::open(file_of_it.path(), 1).unwrap();
        for number in [0, 1, 29_999, 59_998, 59_999] {
            assert_eq!(list.count(hash(number)).unwrap(), Some(number));
        }
        assert_eq!(list.count(hash(60_000)).unwrap(), None);
        let half = right.len() / 2;
        let cut = &right.as_bytes()[..right.len() - 10];
        let turned = [&right.as_bytes()[half + half % 2..], &right.as_bytes()[..half]].concat();
        for wrong in [cut, &turned] {
            assert!(BreachedList::open(file(wrong).path(), 1).is_err());
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_any_more_keeps_nobody_out() {
        let file = file(list(&[("Correct1", 2), ("Correct2", 1)]).as_bytes());
        let list = BreachedList::open(file.path(), 1).unwrap();
        assert!(list.holds("Correct1"));
        file.as_file().set_len(10).unwrap();
        assert!(!list.holds("Correct1"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn exactly_what_is_in_the_list_is_found(
            hashes in proptest::collection::btree_map(any::<Hash>(), 0_u64..100_000_000_000, 1..600),
            ends in proptest::collection::vec(any::<bool>(), 600),
            last_end in any::<bool>(),
            others in proptest::collection::vec(any::<Hash>(), 30),
            lower in any::<bool>(),
        ) {
            let line = |((hash, count), end): ((&Hash, &u64), &bool)| {
                let digits = if lower { digits(hash).to_lowercase() } else { digits(hash) };
                format!("{digits}:{count}{}", if *end { "\r\n" } else { "\n" })
            };
            let text: String = hashes.iter().zip(&ends).map(line).collect();
            let text = if last_end { &text } else { text.trim_end() };
            let file = file(text.as_bytes());
            let list = BreachedList::open(file.path(), 1).unwrap();
            for (hash, count) in &hashes {
                prop_assert_eq!(list.count(*hash).unwrap(), Some(*count));
            }
            let near = hashes.keys().flat_map(|hash| {
                let (mut before, mut after) = (*hash, *hash);
                (before[19], after[19]) = (before[19].wrapping_sub(1), after[19].wrapping_add(1));
                [before, after]
            });
            let all_or_none = [[0; 20], [0xff; 20]];
            for hash in near.chain(others).chain(all_or_none) {
                prop_assert_eq!(list.count(hash).unwrap(), hashes.get(&hash).copied());
            }
        }
    }
}
