//! `format`: the names of JSON Schema and of the OpenAPI format registry, and what a value of each looks like.
//!
//! The judgement follows the RFC that defines the format and stays on the near side of it: a value that passes here is taken by
//! the Rust type that generated code gives it.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{number::Decimal, pattern::compile};

/// A format that is asserted. Formats that are not listed are annotations, and generated code leaves them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of the format registry")]
pub enum Format {
    Binary,
    Byte,
    Date,
    DateTime,
    Decimal,
    Double,
    Duration,
    Email,
    Float,
    Hostname,
    IdnEmail,
    IdnHostname,
    Int8,
    Int16,
    Int32,
    Int64,
    Ipv4,
    Ipv6,
    Iri,
    IriReference,
    JsonPointer,
    Password,
    Regex,
    RelativeJsonPointer,
    Time,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uri,
    UriReference,
    UriTemplate,
    Uuid,
}

impl Format {
    /// The format of a name, for example `date-time`; `None` for names that are annotations only.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "binary" => Self::Binary,
            "byte" => Self::Byte,
            "date" => Self::Date,
            "date-time" => Self::DateTime,
            "decimal" => Self::Decimal,
            "double" => Self::Double,
            "duration" => Self::Duration,
            "email" => Self::Email,
            "float" => Self::Float,
            "hostname" => Self::Hostname,
            "idn-email" => Self::IdnEmail,
            "idn-hostname" => Self::IdnHostname,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "iri" => Self::Iri,
            "iri-reference" => Self::IriReference,
            "json-pointer" => Self::JsonPointer,
            "password" => Self::Password,
            "regex" => Self::Regex,
            "relative-json-pointer" => Self::RelativeJsonPointer,
            "time" => Self::Time,
            "uint8" => Self::Uint8,
            "uint16" => Self::Uint16,
            "uint32" => Self::Uint32,
            "uint64" => Self::Uint64,
            "uri" => Self::Uri,
            "uri-reference" => Self::UriReference,
            "uri-template" => Self::UriTemplate,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// What is wrong with the value, as the end of the sentence "must be ...". `None`: nothing, or the format says nothing
    /// about a value of this type.
    pub(super) fn judge(self, value: &Value) -> Option<&'static str> {
        match value {
            Value::String(text) => self.judge_text(text),
            Value::Number(number) => self.judge_number(number),
            _ => None,
        }
    }

    fn judge_number(self, number: &serde_json::Number) -> Option<&'static str> {
        let (minimum, maximum, wanted) = match self {
            Self::Int8 => (i8::MIN.into(), i8::MAX.into(), "an integer of 8 bits"),
            Self::Int16 => (i16::MIN.into(), i16::MAX.into(), "an integer of 16 bits"),
            Self::Int32 => (i32::MIN.into(), i32::MAX.into(), "an integer of 32 bits"),
            Self::Int64 => (i64::MIN.into(), i64::MAX.into(), "an integer of 64 bits"),
            Self::Uint8 => (0_i128, u8::MAX.into(), "an integer of 8 bits without a sign"),
            Self::Uint16 => (0, u16::MAX.into(), "an integer of 16 bits without a sign"),
            Self::Uint32 => (0, u32::MAX.into(), "an integer of 32 bits without a sign"),
            Self::Uint64 => (0, u64::MAX.into(), "an integer of 64 bits without a sign"),
            Self::Float => {
                let fits = number.as_f64().is_none_or(|float| float.abs() <= f64::from(f32::MAX));
                return (!fits).then_some("a number of single precision");
            }
            _ => return None,
        };
        let fits = Decimal::of(number).to_integer().is_some_and(|integer| minimum <= integer && integer <= maximum);
        (!fits).then_some(wanted)
    }

    fn judge_text(self, text: &str) -> Option<&'static str> {
        let (holds, wanted) = match self {
            Self::Byte => (STANDARD.decode(text).is_ok(), "base64 text (RFC 4648)"),
            Self::Date => (is_date(text), "a date such as 2026-01-31 (RFC 3339)"),
            Self::DateTime => (is_date_time(text), "a date and time such as 2026-01-31T12:00:00Z (RFC 3339)"),
            Self::Time => (is_time(text), "a time such as 12:00:00Z (RFC 3339)"),
            Self::Duration => (is_duration(text), "a duration such as P1DT12H (ISO 8601)"),
            Self::Decimal => (is_decimal(text), "a decimal number"),
            Self::Email => (text.is_ascii() && is_email(text), "an e-mail address"),
            Self::IdnEmail => (is_email(text), "an e-mail address"),
            Self::Hostname => (text.is_ascii() && is_hostname(text), "a host name (RFC 1123)"),
            Self::IdnHostname => (is_hostname(text), "a host name"),
            Self::Ipv4 => (text.parse::<Ipv4Addr>().is_ok(), "an IPv4 address"),
            Self::Ipv6 => (text.parse::<Ipv6Addr>().is_ok(), "an IPv6 address"),
            Self::Uri => (text.is_ascii() && is_uri(text), "an absolute URI (RFC 3986)"),
            Self::UriReference => (text.is_ascii() && is_reference(text), "a URI reference (RFC 3986)"),
            Self::Iri => (is_uri(text), "an absolute IRI (RFC 3987)"),
            Self::IriReference => (is_reference(text), "an IRI reference (RFC 3987)"),
            Self::UriTemplate => (is_template(text), "a URI template (RFC 6570)"),
            Self::Uuid => (is_uuid(text), "a UUID (RFC 9562)"),
            Self::Regex => (compile(text).is_some(), "a regular expression (ECMA-262)"),
            Self::JsonPointer => (is_pointer(text), "a JSON pointer (RFC 6901)"),
            Self::RelativeJsonPointer => (is_relative_pointer(text), "a relative JSON pointer"),
            Self::Int64 => (text.parse::<i64>().is_ok(), "an integer of 64 bits"),
            Self::Uint64 => (text.parse::<u64>().is_ok(), "an integer of 64 bits without a sign"),
            _ => return None,
        };
        (!holds).then_some(wanted)
    }
}

/// Digits at fixed places: the whole text is `length` bytes of digits, read as a number.
fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn is_date(text: &str) -> bool {
    let mut fields = text.splitn(3, '-');
    let (Some(year), Some(month), Some(day)) = (fields.next(), fields.next(), fields.next()) else { return false };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    i32::try_from(year).is_ok_and(|year| chrono::NaiveDate::from_ymd_opt(year, month, day).is_some())
}

fn is_date_time(text: &str) -> bool {
    // RFC 3339, section 5.6: `T` may be small; the note allows a space, which ISO 8601 and most clients do not.
    let (Some(date), Some(separator), Some(time)) = (text.get(..10), text.as_bytes().get(10), text.get(11..)) else {
        return false;
    };
    is_date(date) && matches!(separator, b'T' | b't') && is_time(time)
}

pub(crate) fn is_time(text: &str) -> bool {
    let Some((clock, rest)) = text.split_at_checked(8) else { return false };
    let mut fields = clock.splitn(3, ':').map(|field| digits(field, 2));
    let (Some(Some(hour)), Some(Some(minute)), Some(Some(second))) = (fields.next(), fields.next(), fields.next())
    else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let end = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if end == 0 {
                return false;
            }
            &fraction[end..]
        }
        None => rest,
    };
    let Some(offset) = offset_minutes(offset) else { return false };
    let in_utc = (i64::from(hour) * 60 + i64::from(minute) - offset).rem_euclid(24 * 60);
    hour < 24 && minute < 60 && (second < 60 || (second == 60 && in_utc == 23 * 60 + 59))
}

/// `Z` or `+hh:mm`, in minutes east of Greenwich.
fn offset_minutes(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hour, minute) = rest.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    (hour < 24 && minute < 60).then(|| sign * (i64::from(hour) * 60 + i64::from(minute)))
}

/// RFC 3339, appendix A: units in order and without gaps, weeks alone.
pub(crate) fn is_duration(text: &str) -> bool {
    let Some(text) = text.strip_prefix('P') else { return false };
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if time.is_none() && units(date, "W").is_some_and(|count| count == 1) {
        return true;
    }
    let date = units(date, "YMD");
    match time {
        None => date.is_some_and(|count| count > 0),
        Some(time) => date.is_some() && units(time, "HMS").is_some_and(|count| count > 0),
    }
}

/// How many `<digits><unit>` there are, where the units are a run of `allowed`.
fn units(text: &str, allowed: &str) -> Option<usize> {
    let mut rest = text;
    let mut next: Option<usize> = None;
    let mut count = 0;
    while !rest.is_empty() {
        let end = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest[end..].chars().next().and_then(|unit| allowed.find(unit))?;
        if end == 0 || next.is_some_and(|next| next != unit) {
            return None;
        }
        next = Some(unit + 1);
        count += 1;
        rest = &rest[end + 1..];
    }
    Some(count)
}

pub(crate) fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    !whole.is_empty() && !fraction.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
}

/// RFC 5321: a dot-atom or a quoted string, `@`, a host name or an address in brackets.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    if local.is_empty() || local.len() > 64 || text.len() > 254 {
        return false;
    }
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"') && {
        let inner = &local[1..local.len() - 1];
        let mut escaped = false;
        let clean = inner.chars().all(|character| {
            let fine = escaped || !matches!(character, '"' | '\r' | '\n');
            escaped = !escaped && character == '\\';
            fine
        });
        clean && !escaped
    };
    let atom = local.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|character| {
                character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character) || !character.is_ascii()
            })
    });
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(|address| {
        match address.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => address.parse::<Ipv4Addr>().is_ok(),
        }
    });
    (quoted || atom) && address.unwrap_or_else(|| is_hostname(domain))
}

fn is_hostname(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.chars().count() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|character| {
                    character.is_ascii_alphanumeric()
                        || character == '-'
                        || (!character.is_ascii() && character.is_alphanumeric())
                })
        })
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && is_reference(text)
}

/// RFC 3986: the right characters, whole percent triplets, one fragment, brackets in the authority only, a numeric port.
fn is_reference(text: &str) -> bool {
    let clean = text.char_indices().all(|(index, character)| match character {
        '%' => text.as_bytes().get(index + 1..index + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        _ => {
            character.is_ascii_alphanumeric()
                || "-._~:/?#[]@!$&'()*+,;=".contains(character)
                || (!character.is_ascii() && !character.is_control())
        }
    });
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let hierarchy = text.split_once('?').map_or(text, |(hierarchy, _)| hierarchy);
    let query = &text[hierarchy.len()..];
    let (before, authority) = match hierarchy.split_once("//") {
        Some((before, rest)) if before.is_empty() || (before.ends_with(':') && !before.contains('/')) => {
            (before, Some(rest.split('/').next().unwrap_or_default()))
        }
        _ => (hierarchy, None),
    };
    let path = &hierarchy[before.len()..];
    let path = authority.map_or(hierarchy, |authority| &path[2 + authority.len()..]);
    // Without a scheme the first segment must not hold a colon, or it would be one.
    let scheme_like = hierarchy.find(':').is_some_and(|colon| !hierarchy[..colon].contains('/'));
    let scheme_fine = !scheme_like
        || hierarchy.starts_with(|first: char| first.is_ascii_alphabetic())
            && hierarchy.split(':').next().is_some_and(|scheme| {
                scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            });
    let brackets = |part: &str| part.contains(['[', ']']);
    clean
        && scheme_fine
        && !fragment.contains('#')
        && !brackets(path)
        && !brackets(query)
        && !brackets(fragment)
        && authority.is_none_or(is_authority)
}

fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(['@', '[', ']']) {
        return false;
    }
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() || address.starts_with(['v', 'V']) => {
                ("", port)
            }
            _ => return false,
        },
        None => host.split_once(':').map_or((host, ""), |(name, _)| (name, &host[name.len()..])),
    };
    !host.contains(['[', ']'])
        && (port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())))
}

fn is_template(text: &str) -> bool {
    let mut open = false;
    let mut name_length = 0;
    for character in text.chars() {
        match character {
            '{' if !open => (open, name_length) = (true, 0),
            '}' if open && name_length > 0 => open = false,
            '{' | '}' => return false,
            ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '|' if !open => return false,
            _ if open => name_length += 1,
            _ => {}
        }
    }
    !open
}

/// 8-4-4-4-12 hexadecimal digits. The `uuid` crate also reads braces, URNs and plain digits; the RFC's text form is this one.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(|after| after.starts_with('0') || after.starts_with('1'))
}

fn is_relative_pointer(text: &str) -> bool {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    end > 0 && (end == 1 || !text.starts_with('0')) && (&text[end..] == "#" || is_pointer(&text[end..]))
}
