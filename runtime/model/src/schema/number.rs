//! Numbers as JSON has them: decimal. Comparison and `multipleOf` are exact where binary floating point is not.

use std::cmp::Ordering;

use serde_json::Value;

/// A number of the contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Integer(i128),
    /// Anything else.
    Float(f64),
}

/// `mantissa * 10^exponent`, without trailing zeros in the mantissa, so that equal numbers have equal fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Number {
    pub(super) fn to_value(self) -> Value {
        match self {
            Self::Integer(integer) => i64::try_from(integer)
                .map(Value::from)
                .or_else(|_| u64::try_from(integer).map(Value::from))
                .unwrap_or_else(|_| Value::from(integer as f64)),
            Self::Float(float) => Value::from(float),
        }
    }

    pub(super) fn decimal(self) -> Decimal {
        match self {
            Self::Integer(integer) => Decimal::new(integer, 0),
            Self::Float(float) => Decimal::from_text(&float.to_string()),
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(formatter),
            Self::Float(float) => float.fmt(formatter),
        }
    }
}

impl Decimal {
    pub(super) fn of(number: &serde_json::Number) -> Self {
        match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Self::new(integer.into(), 0),
            (None, Some(integer)) => Self::new(integer.into(), 0),
            // The shortest text that reads back as the same float is the decimal that the sender wrote.
            (None, None) => Self::from_text(&number.to_string()),
        }
    }

    fn new(mut mantissa: i128, mut exponent: i32) -> Self {
        if mantissa == 0 {
            return Self { mantissa: 0, exponent: 0 };
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        Self { mantissa, exponent }
    }

    /// Reads a JSON number's text. Digits beyond the 38 that fit are dropped: no float has that many.
    fn from_text(text: &str) -> Self {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let mut exponent: i32 = exponent.parse().unwrap_or(0);
        let mut mantissa: i128 = 0;
        let mut fraction = false;
        for character in digits.chars() {
            match character {
                '.' => fraction = true,
                '0'..='9' => {
                    let digit = i128::from(character as u8 - b'0');
                    match mantissa.checked_mul(10).and_then(|mantissa| mantissa.checked_add(digit)) {
                        Some(longer) => {
                            mantissa = longer;
                            exponent = exponent.saturating_sub(i32::from(fraction));
                        }
                        None => exponent = exponent.saturating_add(i32::from(!fraction)),
                    }
                }
                _ => {}
            }
        }
        Self::new(if digits.starts_with('-') { -mantissa } else { mantissa }, exponent)
    }

    pub(super) fn is_integer(self) -> bool {
        self.exponent >= 0
    }

    /// The number, where it is an integer of 128 bits.
    pub(super) fn to_integer(self) -> Option<i128> {
        let exponent = u32::try_from(self.exponent).ok()?;
        10_i128.checked_pow(exponent).and_then(|scale| self.mantissa.checked_mul(scale))
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        let sign = self.mantissa.signum().cmp(&other.mantissa.signum());
        if sign != Ordering::Equal || self.mantissa == 0 {
            return sign;
        }
        let magnitude = self.magnitude().cmp(&other.magnitude()).then_with(|| {
            // The same number of digits before the point: scale the shorter mantissa up to the length of the longer.
            let (left, right) = (self.mantissa.unsigned_abs(), other.mantissa.unsigned_abs());
            let (left_digits, right_digits) = (left.ilog10(), right.ilog10());
            match left_digits.cmp(&right_digits) {
                Ordering::Less => scale_and_compare(left, right_digits - left_digits, right),
                Ordering::Equal => left.cmp(&right),
                Ordering::Greater => scale_and_compare(right, left_digits - right_digits, left).reverse(),
            }
        });
        if self.mantissa < 0 { magnitude.reverse() } else { magnitude }
    }

    /// Digits before the decimal point, less one; negative for small fractions.
    fn magnitude(self) -> i64 {
        i64::from(self.mantissa.unsigned_abs().ilog10()) + i64::from(self.exponent)
    }

    /// Whether the number is `other` times an integer. Nothing is a multiple of zero.
    pub(super) fn is_multiple_of(self, other: Self) -> bool {
        if other.mantissa == 0 {
            return false;
        }
        if self.mantissa == 0 {
            return true;
        }
        let (value, modulus) = (self.mantissa.unsigned_abs(), other.mantissa.unsigned_abs());
        let shift = i64::from(self.exponent) - i64::from(other.exponent);
        let steps = u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX);
        if shift >= 0 {
            // value * 10^shift modulo modulus, one digit at a time so that 1e308 stays small.
            let mut remainder = value % modulus;
            for _ in 0..steps.min(1000) {
                if remainder == 0 {
                    return true;
                }
                let Some(next) = remainder.checked_mul(10) else { return false };
                remainder = next % modulus;
            }
            remainder == 0
        } else {
            // A scale that does not fit makes the divisor larger than any value.
            10_u128
                .checked_pow(steps)
                .and_then(|scale| modulus.checked_mul(scale))
                .is_some_and(|modulus| value.is_multiple_of(modulus))
        }
    }
}

fn scale_and_compare(shorter: u128, digits: u32, longer: u128) -> Ordering {
    10_u128
        .checked_pow(digits)
        .and_then(|scale| shorter.checked_mul(scale))
        .map_or(Ordering::Greater, |shorter| shorter.cmp(&longer))
}
