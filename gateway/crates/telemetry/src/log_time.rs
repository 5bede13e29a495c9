//! The moment of a log line, as its form in JSON has it. Of each second the text is made once a thread.

use std::cell::Cell;
use std::time::SystemTime;

use gateway_clock::Timestamp;

/// A date and a time to the second (RFC 3339), without its zone.
type Second = [u8; "2024-02-29T13:00:00".len()];

/// RFC 3339 in UTC, with microseconds.
pub(super) fn write(at: SystemTime, line: &mut Vec<u8>) {
    thread_local!(static LAST: Cell<(u64, Second)> = const { Cell::new((u64::MAX, [0; _])) });
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (mut second, mut text) = LAST.get();
    if second != since.as_secs() {
        second = since.as_secs();
        text = text_of(second);
        LAST.set((second, text));
    }
    line.extend_from_slice(&text);
    line.push(b'.');
    line.extend_from_slice(&digits(since.subsec_micros()));
    line.push(b'Z');
}

fn text_of(second: u64) -> Second {
    let text = Timestamp::from_seconds(second).to_string();
    // It has four digits of a year in any case.
    text.as_bytes().first_chunk().copied().unwrap_or([b'0'; _])
}

/// Six of them.
fn digits(micros: u32) -> [u8; 6] {
    let mut left = micros;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        // The remainder is below ten.
        *digit += u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_has_its_second_and_six_digits_of_the_next() {
        for (micros, shown) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_211_600_000_042, "2024-02-29T13:00:00.000042Z"),
            (1_709_211_600_999_999, "2024-02-29T13:00:00.999999Z"),
            (1_709_211_601_000_000, "2024-02-29T13:00:01.000000Z"),
            (1_709_211_599_100_000, "2024-02-29T12:59:59.100000Z"),
        ] {
            let mut line = Vec::new();
            write(SystemTime::UNIX_EPOCH + Duration::from_micros(micros), &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), shown);
        }
    }
}
