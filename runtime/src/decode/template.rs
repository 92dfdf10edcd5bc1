//! Path templates: how the contract's `/files/{owner}/{name}.{extension}` becomes a route and matches a path.
//!
//! axum routes whole segments; a contract may put several parameters into one, or text beside them. So the route has one
//! positional name per segment that is not plain text, and the template is matched again on the raw path, which also keeps an
//! encoded slash apart from a real one.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What RFC 3986 does not allow in a path segment.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'^')
    .add(b'|')
    .add(b'\\');

/// A path template of the contract, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    segments: Vec<Vec<Piece>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Text(&'static str),
    Parameter(&'static str),
}

impl Template {
    pub(crate) fn new(path: &'static str) -> Self {
        Self { segments: path.strip_prefix('/').unwrap_or(path).split('/').map(pieces).collect() }
    }

    /// The pattern for axum's router.
    pub(crate) fn route(&self) -> String {
        let mut route = String::new();
        for (index, segment) in self.segments.iter().enumerate() {
            route.push('/');
            match segment.as_slice() {
                [] => {}
                // axum refuses a plain segment that starts with its former syntax, so that one is matched here only.
                [Piece::Text(text)] if !text.starts_with([':', '*']) => {
                    route.push_str(&utf8_percent_encode(text, SEGMENT).to_string());
                }
                _ => route.push_str(&format!("{{p{}}}", index + 1)),
            }
        }
        route
    }

    /// How specific the template is: of two that match, the one with more plain text wins.
    pub(crate) fn weight(&self) -> (usize, usize) {
        let pieces = || self.segments.iter().flatten();
        let text = pieces().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 0 }).sum();
        (text, pieces().count())
    }

    /// The parameters' texts, still percent-encoded. `None`: the path is another one.
    pub(crate) fn matches<'p>(&self, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
        let mut values = Vec::new();
        let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
        for pieces in &self.segments {
            if !matches(pieces, segments.next()?, &mut values) {
                return None;
            }
        }
        segments.next().is_none().then_some(values)
    }
}

fn pieces(segment: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = segment;
    while let Some((text, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        pieces.push(Piece::Parameter(name));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Each parameter takes as much as it can, so that `{name}.{extension}` parts `a.tar.gz` before `gz`; none is empty.
fn matches<'p>(pieces: &[Piece], text: &'p str, values: &mut Vec<(&'static str, &'p str)>) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Text(literal), rest @ ..] => {
            after_literal(literal, text).is_some_and(|text| matches(rest, text, values))
        }
        [Piece::Parameter(name)] => {
            values.push((name, text));
            !text.is_empty()
        }
        [Piece::Parameter(name), rest @ ..] => {
            let kept = values.len();
            // Not inside of a percent triplet: those are ASCII, so every boundary of a literal is fine.
            for (end, _) in text.char_indices().skip(1).collect::<Vec<_>>().into_iter().rev() {
                values.push((name, &text[..end]));
                if matches(rest, &text[end..], values) {
                    return true;
                }
                values.truncate(kept);
            }
            false
        }
    }
}

/// What follows a literal that may be sent percent-encoded or not.
fn after_literal<'p>(literal: &str, text: &'p str) -> Option<&'p str> {
    text.strip_prefix(literal)
        .or_else(|| text.strip_prefix(utf8_percent_encode(literal, SEGMENT).to_string().as_str()))
        .or_else(|| {
            // Any other spelling, such as `%2E` for a dot: decoded, the whole segment must be the literal.
            (percent_decode_str(text).decode_utf8().ok()? == literal).then_some("")
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Template;

    fn check(template: &'static str, route: &str, path: &str, expected: Option<&[(&str, &str)]>) {
        let template = Template::new(template);
        assert_eq!(template.route(), route);
        assert_eq!(template.matches(path).as_deref(), expected, "{path}");
    }

    #[test]
    fn templates() {
        check("/", "/", "/", Some(&[]));
        check("/tasks", "/tasks", "/tasks", Some(&[]));
        check("/tasks/", "/tasks/", "/tasks", None);
        check("/tasks/{id}", "/tasks/{p2}", "/tasks/a%2Fb", Some(&[("id", "a%2Fb")]));
        check("/tasks/{id}", "/tasks/{p2}", "/tasks/", None);
        check("/tasks/{id}/x", "/tasks/{p2}/x", "/tasks/1/y", None);
        check("/f/{name}.{ext}", "/f/{p2}", "/f/a.tar.gz", Some(&[("name", "a.tar"), ("ext", "gz")]));
        check("/c/{base}...{head}", "/c/{p2}", "/c/v1.0...v2", Some(&[("base", "v1.0"), ("head", "v2")]));
        check("/{a}{b}", "/{p1}", "/xyz", Some(&[("a", "xy"), ("b", "z")]));
        check("/v1/{name}:cancel", "/v1/{p2}", "/v1/n:cancel", Some(&[("name", "n")]));
        check("/v1/{name}:cancel", "/v1/{p2}", "/v1/n:start", None);
        check("/:batch/*x", "/{p1}/{p2}", "/:batch/*x", Some(&[]));
        check("/a b/é", "/a%20b/%C3%A9", "/a%20b/%C3%A9", Some(&[]));
        check("/x/{é}", "/x/{p2}", "/x/%C3%A9", Some(&[("é", "%C3%A9")]));
        check("/x/{i}.a", "/x/{p2}", "/x/é.a", Some(&[("i", "é")]));
    }

    #[test]
    fn more_text_is_more_specific() {
        assert!(Template::new("/a/{x}.{y}").weight() > Template::new("/a/{x}").weight());
        assert!(Template::new("/a/p-{x}").weight() > Template::new("/a/{x}.{y}").weight());
    }
}
