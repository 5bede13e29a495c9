//! A field line of a request, strictly (RFC 9112 §5): where its name ends, and its value.

use super::Flaw;

/// Name and value of the first field line, and where the next one begins. The name may be none.
pub(super) fn field_line(bytes: &[u8]) -> Result<(&[u8], &[u8], usize), Flaw> {
    // Short, as names are: to call for help would take longer.
    let colon = bytes.iter().position(|byte| *byte == b':');
    let named = colon.and_then(|colon| bytes.split_at_checked(colon)).filter(|_| !bytes.starts_with(b"\n"));
    let Some((name, [_, rest @ ..])) = named else {
        let is_line = !bytes.starts_with(b"\n") && bytes.contains(&b'\n');
        return Err(if is_line { Flaw::Field } else { Flaw::LineEnd });
    };
    let (value, end) = control(rest).and_then(|end| rest.split_at_checked(end)).ok_or(Flaw::LineEnd)?;
    match end {
        [b'\r', b'\n', ..] => Ok((name, value, name.len() + value.len() + b":\r\n".len())),
        [b'\n', ..] | [b'\r'] => Err(Flaw::LineEnd),
        _ => Err(Flaw::Field),
    }
}

/// Where the first character is that no value has (RFC 9110 §5.5). Most values are short; of a long one,
/// blocks are passed over that have none.
fn control(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    if let Some(beginning) = bytes.first_chunk::<SHORT_BYTES>() {
        if let Some(place) = control_by_eights(beginning) {
            return Some(place);
        }
        at = SHORT_BYTES;
        // All of a block is looked at, which is quicker than to stop.
        let may_have = |block: &[u8; 32]| block.iter().fold(false, |found, byte| found | is_control(*byte));
        let (blocks, _) = bytes.get(at..).unwrap_or_default().as_chunks();
        at += 32 * blocks.iter().take_while(|block| !may_have(block)).count();
    }
    control_by_eights(bytes.get(at..).unwrap_or_default()).map(|place| at + place)
}

/// A value is short up to here.
const SHORT_BYTES: usize = 64;

/// Eight are looked at together, and each of them only where there may be one.
fn control_by_eights(bytes: &[u8]) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let (eights, rest) = bytes.as_chunks::<8>();
    for (place, eight) in eights.iter().enumerate() {
        let all = u64::from_le_bytes(*eight);
        let below = all.wrapping_sub(EACH * u64::from(b' ')) & !all;
        let delete = all ^ (EACH * 0x7f);
        let delete = delete.wrapping_sub(EACH) & !delete;
        // A tab is one of these.
        if (below | delete) & (EACH << 7) != 0
            && let Some(at) = eight.iter().position(|byte| is_control(*byte))
        {
            return Some(place * 8 + at);
        }
    }
    rest.iter().position(|byte| is_control(*byte)).map(|at| bytes.len() - rest.len() + at)
}

fn is_control(byte: u8) -> bool {
    ((byte < b' ') & (byte != b'\t')) | (byte == 0x7f)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::super::request::is_token;
    use super::*;

    /// Names are left to their type.
    #[test]
    fn a_name_is_a_token_and_a_value_has_no_control_characters() {
        for byte in 0..=u8::MAX {
            assert_eq!(HeaderName::from_bytes(&[byte]).is_ok(), is_token(byte), "{byte}");
            assert_eq!(HeaderName::from_bytes(&[&[byte][..], &[b'a'; 100]].concat()).is_ok(), is_token(byte));
            for length in [1, 8, 9, 20, 64, 150] {
                for place in 0..length {
                    let mut value = vec![b'\t'; length];
                    value[place] = byte;
                    let odd = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
                    assert_eq!(control(&value), odd.then_some(place), "{byte} at {place} of {length}");
                }
            }
        }
    }
}
