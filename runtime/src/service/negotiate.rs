//! Content negotiation by `Accept` (RFC 9110, section 12.5.1).

use http::{HeaderMap, header};
use mime::Mime;

/// The index of the media type that the client likes best; of equals the first. `None`: it takes none of them.
///
/// An operation without response bodies is never refused, nor is a client that sends no readable `Accept`.
pub(super) fn negotiate(headers: &HeaderMap, produces: &[&str]) -> Option<usize> {
    let ranges: Vec<(Mime, u16)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(elements)
        .filter_map(range)
        .collect();
    if produces.is_empty() || ranges.is_empty() {
        return Some(0);
    }
    let mut best: Option<(usize, u16)> = None;
    for (index, offer) in produces.iter().enumerate() {
        let Ok(offer) = offer.parse::<Mime>() else { continue };
        let quality = quality(&offer, &ranges);
        if quality > 0 && best.is_none_or(|(_, other)| quality > other) {
            best = Some((index, quality));
        }
    }
    best.map(|(index, _)| index)
}

/// The quality of the most specific range that covers the offer; zero where none does.
fn quality(offer: &Mime, ranges: &[(Mime, u16)]) -> u16 {
    ranges
        .iter()
        .filter_map(|(range, quality)| specificity(range, offer).map(|specificity| (specificity, *quality)))
        .max()
        .map_or(0, |(_, quality)| quality)
}

fn specificity(range: &Mime, offer: &Mime) -> Option<u8> {
    let same_type = range.type_() == offer.type_();
    let same_subtype = range.subtype() == offer.subtype() && range.suffix() == offer.suffix();
    if range.type_() == mime::STAR || offer.type_() == mime::STAR {
        Some(0)
    } else if same_type && (range.subtype() == mime::STAR || offer.subtype() == mime::STAR) {
        Some(1)
    } else {
        (same_type && same_subtype).then_some(2)
    }
}

/// Splits at commas that are not quoted.
fn elements(line: &str) -> Vec<&str> {
    let mut elements = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (index, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                elements.push(&line[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    elements.push(&line[start..]);
    elements
}

/// A media range and its quality in thousandths. `*` alone is what some old clients send for everything.
fn range(element: &str) -> Option<(Mime, u16)> {
    let element = element.trim();
    let range: Mime = match element.strip_prefix('*') {
        Some(rest) if !rest.starts_with('/') => format!("*/*{rest}").parse().ok()?,
        _ => element.parse().ok()?,
    };
    let quality = match range.get_param("q") {
        None => 1.0,
        Some(text) => text.as_str().parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality))?,
    };
    Some((range, (quality * 1000.0) as u16))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http::{HeaderMap, header};

    use super::negotiate;

    fn check(accept: &str, produces: &[&str], expected: Option<usize>) {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        assert_eq!(negotiate(&headers, produces), expected, "{accept}");
    }

    #[test]
    fn preferences() {
        let three = ["application/json", "text/csv", "application/x-ndjson"];
        check("", &three, Some(0));
        check("*/*", &three, Some(0));
        check("*", &three, Some(0));
        check("text/csv", &three, Some(1));
        check("text/*", &three, Some(1));
        check("TEXT/CSV; charset=utf-8", &three, Some(1));
        check("application/*;q=0.2, text/csv;q=0.1", &three, Some(0));
        check("application/json;q=0.5, text/csv", &three, Some(1));
        check("application/json;q=0, */*", &three, Some(1));
        check("application/json;q=0", &three, None);
        check("image/png", &three, None);
        check("image/png, */*;q=0.1", &three, Some(0));
        check("image/png", &[], Some(0));
        check("not a type", &three, Some(0));
        check("application/json", &["application/problem+json"], None);
        check("application/json;x=\"a,b\", text/csv;q=0.1", &three, Some(0));
        check("image/png", &["image/*"], Some(0));
        check("text/html,application/xhtml+xml,*/*;q=0.8", &three, Some(0));
    }
}
