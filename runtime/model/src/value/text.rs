//! Values that are text in JSON and that no common type holds exactly.
//!
//! Each keeps its text, so that reading and writing changes nothing, and each is made only from text that its `format` allows.
//! Arithmetic is left to the crate of one's choice: `decimal.as_str().parse()`.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::schema::{is_decimal, is_duration, is_time};

/// A decimal number of any length (`format: decimal`): a sign, digits, a point, digits.
///
/// Compared by value, so that `1.50` is `1.5`; written as it was read.
#[derive(Clone, Debug)]
pub struct Decimal(String);

/// A duration (`format: duration`; RFC 3339, appendix A), for example `P1DT12H`.
///
/// Compared by text, since a month has no fixed length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Duration(String);

/// A time of day with its offset from UTC (`format: time`; `full-time` of RFC 3339), for example `12:00:00Z`.
///
/// Compared by text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Time(String);

/// The numbers of a [`Duration`]. Weeks stand alone; what is not there is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the units of ISO 8601")]
pub struct DurationParts {
    pub years: u64,
    pub months: u64,
    pub weeks: u64,
    pub days: u64,
    pub hours: u64,
    pub minutes: u64,
    pub seconds: u64,
}

/// A text that is no value of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOfFormat {
    text: String,
    wanted: &'static str,
}

impl fmt::Display for NotOfFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is not {}", self.text, self.wanted)
    }
}

impl std::error::Error for NotOfFormat {}

impl Decimal {
    /// Sign, digits before the point without leading zeros, digits after it without trailing ones.
    fn canonical(&self) -> (bool, &str, &str) {
        let unsigned = self.0.trim_start_matches(['-', '+']);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        (self.0.starts_with('-') && !is_zero, whole, fraction)
    }

    /// The nearest number of double precision.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl Duration {
    /// A duration of this many seconds.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(format!("PT{seconds}S"))
    }

    /// Its numbers; `None` where one of them is above [`u64::MAX`].
    pub fn parts(&self) -> Option<DurationParts> {
        let mut parts = DurationParts::default();
        let mut number = 0_u64;
        let mut in_time = false;
        for character in self.0.chars().skip(1) {
            let unit = match (character, in_time) {
                ('T', _) => {
                    in_time = true;
                    continue;
                }
                ('Y', _) => &mut parts.years,
                ('M', false) => &mut parts.months,
                ('W', _) => &mut parts.weeks,
                ('D', _) => &mut parts.days,
                ('H', _) => &mut parts.hours,
                ('M', true) => &mut parts.minutes,
                ('S', _) => &mut parts.seconds,
                (digit, _) => {
                    number = number.checked_mul(10)?.checked_add(u64::from(digit.to_digit(10)?))?;
                    continue;
                }
            };
            *unit = std::mem::take(&mut number);
        }
        Some(parts)
    }

    /// The same as a length of time, with days of 24 hours; `None` with years or months, and where it is too long.
    pub fn to_std(&self) -> Option<std::time::Duration> {
        let parts = self.parts()?;
        if parts.years > 0 || parts.months > 0 {
            return None;
        }
        let days = parts.weeks.checked_mul(7)?.checked_add(parts.days)?;
        let units = [(days, 86_400), (parts.hours, 3_600), (parts.minutes, 60), (parts.seconds, 1)];
        let seconds =
            units.into_iter().try_fold(0_u64, |sum, (count, length)| sum.checked_add(count.checked_mul(length)?));
        seconds.map(std::time::Duration::from_secs)
    }
}

impl Time {
    /// A time at an offset; `None` where the offset has seconds, or where a leap second is not at 23:59:60 UTC.
    pub fn new(clock: chrono::NaiveTime, offset: chrono::FixedOffset) -> Option<Self> {
        format!("{}{offset}", clock.format("%H:%M:%S%.f")).parse().ok()
    }

    /// The time of day where it was said, with nanoseconds; digits beyond those are in the text only.
    pub fn clock(&self) -> chrono::NaiveTime {
        let date_time = format!("2000-01-01T{}", self.0);
        chrono::DateTime::parse_from_rfc3339(&date_time).map(|date_time| date_time.time()).unwrap_or_default()
    }

    /// Its offset from UTC.
    pub fn offset(&self) -> chrono::FixedOffset {
        let date_time = format!("2000-01-01T{}", self.0);
        let utc = chrono::FixedOffset::east_opt(0).expect("zero is an offset");
        chrono::DateTime::parse_from_rfc3339(&date_time).map_or(utc, |date_time| *date_time.offset())
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((negative, whole, fraction), (other_negative, other_whole, other_fraction)) =
            (self.canonical(), other.canonical());
        let magnitude = (whole.len(), whole, fraction).cmp(&(other_whole.len(), other_whole, other_fraction));
        match (negative, other_negative) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

macro_rules! text_value {
    ($name:ident, $is_valid:path, $wanted:literal) => {
        impl $name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotOfFormat;

            fn from_str(text: &str) -> Result<Self, NotOfFormat> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotOfFormat;

            fn try_from(text: String) -> Result<Self, NotOfFormat> {
                if $is_valid(&text) { Ok(Self(text)) } else { Err(NotOfFormat { text, wanted: $wanted }) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
            }
        }
    };
}

text_value!(Decimal, is_decimal, "a decimal number");
text_value!(Duration, is_duration, "a duration (RFC 3339, appendix A)");
text_value!(Time, is_time, "a time with an offset (RFC 3339)");

macro_rules! decimal_from {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Decimal {
            fn from(integer: $integer) -> Self {
                Self(integer.to_string())
            }
        }
    )*};
}

decimal_from!(i32, u32, i64, u64, i128, u128);
