//! A number as fields have it, without the machinery of formats.

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;

/// A number in decimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: [u8; DIGITS_MAX],
    first: usize,
}

impl Decimal {
    pub fn new(number: u64) -> Self {
        let (mut digits, mut left, mut first) = ([b'0'; DIGITS_MAX], number, DIGITS_MAX);
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            *digit += (left % 10) as u8;
            (left, first) = (left / 10, place);
            if left == 0 {
                break;
            }
        }
        Self { digits, first }
    }

    pub fn as_str(&self) -> &str {
        let digits = self.digits.get(self.first..).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_digits() {
        for number in [0, 7, 10, 99, 100, 1_000_000_007, u64::MAX] {
            assert_eq!(Decimal::new(number).as_str(), number.to_string());
        }
    }
}
