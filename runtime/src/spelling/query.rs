//! The raw pairs of a query, of a form and of the `Cookie` header.

use percent_encoding::percent_decode;

/// A pair as sent; the key is decoded, the value not yet, because a delimiter that is encoded is no delimiter.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) raw: String,
    /// Whether a parameter has asked for the key.
    pub(crate) claimed: bool,
}

/// Text that is not percent-encoded UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undecodable;

/// `a=1&b=2`. A key that cannot be decoded keeps its raw form, so that it is an unknown one.
pub(crate) fn pairs(query: &str) -> Vec<Pair> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, raw) = pair.split_once('=').unwrap_or((pair, ""));
            Pair { key: decode(key, true).unwrap_or_else(|_| key.to_owned()), raw: raw.to_owned(), claimed: false }
        })
        .collect()
}

/// `a=1; b=2` (RFC 6265, section 4.2). Not all senders escape, so that a lone percent sign stands for itself.
pub(crate) fn cookies(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| pair.trim().split_once('=')).map(|(name, value)| {
        let value = value.trim();
        (name.trim(), value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
    })
}

/// Undoes percent-encoding. `plus`: a plus sign is a space, as in queries and forms.
pub(crate) fn decode(text: &str, plus: bool) -> Result<String, Undecodable> {
    let spaced = if plus && text.contains('+') { text.replace('+', " ") } else { text.to_owned() };
    if !spaced.contains('%') {
        return Ok(spaced);
    }
    let bytes = spaced.as_bytes();
    let whole = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(index, _)| bytes.get(index + 1..index + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    if !whole {
        return Err(Undecodable);
    }
    String::from_utf8(percent_decode(bytes).collect()).map_err(|_| Undecodable)
}
