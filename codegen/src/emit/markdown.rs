//! CommonMark of the contract as CommonMark that rustdoc takes: the same words, none of the traps.
//!
//! A description may hold anything. In a doc comment some of it would mean something else: a code block is compiled and
//! run as a test, `[name]` is looked up as an item, `<id>` is an HTML tag that vanishes, a bare URL is a lint. The text is
//! parsed by the parser that rustdoc uses and edited where it would be misread, until nothing is left to edit. Text that
//! resists becomes one code block: ugly, and still every word of it.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::text::is_invisible;

/// What rustdoc switches on (`rustdoc::html::markdown::main_body_opts`).
const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_SMART_PUNCTUATION);

/// One edit can uncover the next, as a URL within a tag: more rounds than any text has needed.
const ROUNDS: usize = 8;

/// Languages of code blocks that rustdoc knows not to be Rust and that are worth keeping.
const LANGUAGES: [&str; 12] =
    ["bash", "console", "css", "csv", "graphql", "html", "http", "json", "sh", "sql", "xml", "yaml"];

/// The text for a doc comment: no carriage returns, no tabs, nothing invisible, no space at the end of a line.
pub(crate) fn for_rustdoc(text: &str) -> String {
    let mut text = visible(text);
    for _ in 0..ROUNDS {
        let edits = edits(&text);
        if edits.is_empty() {
            return wrapped(text);
        }
        text = tidy(&applied(&text, edits));
    }
    fenced(&visible(&text))
}

/// A replacement of a range of bytes.
type Edit = (Range<usize>, Cow<'static, str>);

/// What rustdoc would misread.
fn edits(text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut links = 0_usize;
    let mut containers = 0_usize;
    let mut in_code_block = false;
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::List(_) | Tag::Item | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_)) => containers += 1,
            Event::End(TagEnd::List(_) | TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition) => {
                containers = containers.saturating_sub(1);
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                in_code_block = true;
                edits.extend(language(text, range, &info));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                in_code_block = true;
                edits.push(indented_block(text, range, containers > 0));
            }
            Event::End(TagEnd::CodeBlock) => in_code_block = false,
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                links += 1;
                if !is_url(&dest_url) && !matches!(link_type, LinkType::Email) {
                    edits.push((range.start..range.start, "\\".into()));
                }
            }
            Event::End(TagEnd::Link) => links = links.saturating_sub(1),
            Event::Html(_) | Event::InlineHtml(_) => edits.extend(tag(text, range)),
            Event::Text(_) if !in_code_block => edits.extend(plain(text, range, links > 0)),
            _ => {}
        }
    }
    edits
}

/// A fenced block whose language is none that rustdoc would leave alone is text.
fn language(text: &str, block: Range<usize>, info: &str) -> Option<Edit> {
    let language = info.split([',', ' ', '{']).next().unwrap_or_default();
    if info == "text" || (info == language && LANGUAGES.contains(&language)) {
        return None;
    }
    let keep = LANGUAGES.iter().find(|known| known.eq_ignore_ascii_case(language)).copied().unwrap_or("text");
    let line_end = text[block.start..].find('\n').map_or(text.len(), |end| block.start + end);
    let fence = text[block.start..line_end].chars().next()?;
    let info_start = block.start
        + text[block.start..line_end].find(|character| character != fence).unwrap_or(line_end - block.start);
    Some((info_start..line_end, keep.into()))
}

/// An indented block becomes a fenced one; within a list it loses its indentation instead, since the fence would have
/// to stand at the list's.
fn indented_block(text: &str, block: Range<usize>, contained: bool) -> Edit {
    let line_start = text[..block.start].rfind('\n').map_or(0, |end| end + 1);
    if contained {
        let spaces = text[..block.start].len() - text[..block.start].trim_end_matches(' ').len();
        return (block.start - spaces.min(block.start - line_start)..block.start, " ".into());
    }
    let block = line_start..block.end;
    let lines = text[block.clone()].lines().map(|line| line.get(4..).unwrap_or_else(|| line.trim_start()));
    let body = lines.collect::<Vec<_>>().join("\n");
    let fence = fence_for(&body);
    (block, format!("{fence}text\n{}\n{fence}\n", body.trim_end()).into())
}

/// HTML: paragraphs and line breaks become those of CommonMark, any other tag becomes text.
fn tag(text: &str, range: Range<usize>) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (offset, _) in text[range.clone()].match_indices('<') {
        let start = range.start + offset;
        if is_escaped(text, start) {
            continue;
        }
        let end = text[start..range.end].find('>').map(|end| start + end + 1);
        let name = end.map(|end| text[start + 1..end - 1].trim_matches(['/', ' ']).to_ascii_lowercase());
        match (name.as_deref(), end) {
            (Some("p"), Some(end)) => edits.push((start..end, "\n\n".into())),
            (Some("br"), Some(end)) => edits.push((start..end, "\\\n".into())),
            _ => edits.push((start..start, "\\".into())),
        }
    }
    edits
}

/// Text: brackets that look like a link to an item, and URLs that are not links yet.
fn plain(text: &str, range: Range<usize>, in_link: bool) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..];
        if !in_link && (rest.starts_with("https://") || rest.starts_with("http://")) && !ends_in_word(&text[..at]) {
            let length = url_length(rest);
            edits.push((at..at, "<".into()));
            edits.push((at + length..at + length, ">".into()));
            at += length;
            continue;
        }
        if rest.starts_with(['[', ']']) && !is_escaped(text, at) {
            edits.push((at..at, "\\".into()));
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    edits
}

/// Length of the URL at the start, without the punctuation that ends a sentence.
fn url_length(text: &str) -> usize {
    let end = text
        .find(|character: char| character.is_whitespace() || "<>\"'`\\|*".contains(character))
        .unwrap_or(text.len());
    let mut url = &text[..end];
    loop {
        let shorter = url.trim_end_matches(['.', ',', ';', ':', '!', '?', ']', '_']);
        let shorter = match shorter.strip_suffix(')') {
            Some(inner) if !inner.contains('(') => inner,
            _ => shorter,
        };
        if shorter.len() == url.len() {
            return url.len();
        }
        url = shorter;
    }
}

/// Whether a link goes somewhere that rustdoc does not look up among the items of the crate.
fn is_url(destination: &str) -> bool {
    destination.contains('/') || destination.starts_with('#') || destination.starts_with("mailto:")
}

/// Whether the character at the offset has a backslash before it that escapes it.
fn is_escaped(text: &str, at: usize) -> bool {
    let before = &text[..at];
    (before.len() - before.trim_end_matches('\\').len()) % 2 == 1
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(|character| character.is_alphanumeric() || character == '<')
}

/// Long lines of paragraphs broken between words, as a person would write them. Lists, tables and quotes stay as they
/// are: their lines have prefixes.
fn wrapped(text: String) -> String {
    if text.lines().all(|line| line.chars().count() <= WIDTH) {
        return text;
    }
    let mut breaks = Vec::new();
    let (mut depth, mut paragraph) = (0_usize, false);
    for (event, range) in Parser::new_ext(&text, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::Paragraph) if depth == 0 => paragraph = true,
            Event::End(TagEnd::Paragraph) => paragraph = false,
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough)
            | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough) => {}
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(_) if paragraph && depth == 0 => {
                breaks.extend(text[range.clone()].match_indices(' ').map(|(offset, _)| range.start + offset));
            }
            _ => {}
        }
    }
    let mut result = String::with_capacity(text.len() + 16);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (end, mut from) = (start + line.len(), start);
        while text[from..end].trim_end().chars().count() > WIDTH {
            let limit = text[from..end].char_indices().nth(WIDTH).map_or(end, |(offset, _)| from + offset);
            let fits = |at: &&usize| **at > from && **at <= limit && starts_no_block(&text[**at + 1..end]);
            let Some(at) = breaks.iter().rev().find(fits) else { break };
            result.push_str(&text[from..*at]);
            result.push('\n');
            from = at + 1;
        }
        result.push_str(&text[from..end]);
        start = end;
    }
    // The words and what they mean are the same, or nothing was gained.
    if edits(&result).is_empty() { result } else { text }
}

/// Columns of a comment's text: `max_width` less the marker and an indentation.
const WIDTH: usize = 110;

/// Whether a line that starts so goes on with the paragraph.
fn starts_no_block(line: &str) -> bool {
    line.chars().next().is_some_and(|first| first.is_alphabetic() || matches!(first, '(' | '"' | '\''))
}

fn applied(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut result = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for (range, replacement) in edits {
        // Two rules may see the same place; the first wins, the next round looks again.
        if range.start < at {
            continue;
        }
        result.push_str(&text[at..range.start]);
        result.push_str(&replacement);
        at = range.end;
    }
    result.push_str(&text[at..]);
    result
}

/// The text with its invisible characters replaced, and tidy.
fn visible(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n").replace('\t', "    ");
    let text: String = text
        .chars()
        .map(|character| if character != '\n' && is_invisible(character) { '\u{fffd}' } else { character })
        .collect();
    tidy(&text)
}

/// No space at the ends of lines (two of them are a line break, which a backslash is too), no blank lines in a row, none
/// around the text.
fn tidy(text: &str) -> String {
    let mut lines: Vec<Cow<str>> = Vec::new();
    let mut source = text.lines().peekable();
    while let Some(line) = source.next() {
        let trimmed = line.trim_end();
        let blank = trimmed.is_empty();
        if blank && lines.last().is_none_or(|line| line.is_empty()) {
            continue;
        }
        let breaks = line.ends_with("  ") && !blank && source.peek().is_some_and(|next| !next.trim().is_empty());
        lines.push(if breaks && !trimmed.ends_with('\\') { format!("{trimmed}\\").into() } else { trimmed.into() });
    }
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.join("\n")
}

/// The whole text as a code block.
fn fenced(text: &str) -> String {
    let fence = fence_for(text);
    format!("{fence}text\n{text}\n{fence}")
}

/// A fence that nothing in the text closes.
fn fence_for(text: &str) -> String {
    let longest_run = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest_run.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(for_rustdoc(input), expected);
    }

    #[test]
    fn prose_is_left_alone() {
        for text in ["A task.", "*One* `two[0]` **three** [four](https://example.com).", "1. a\n2. b", "a < b & c"] {
            check(text, text);
        }
    }

    #[test]
    fn code_blocks_are_not_tests() {
        check("```\nlet x = 1;\n```", "```text\nlet x = 1;\n```");
        check("```rust,no_run\nlet x = 1;\n```", "```text\nlet x = 1;\n```");
        check("```JSON\n{}\n```", "```json\n{}\n```");
        check("~~~\nx\n~~~", "~~~text\nx\n~~~");
        check("See:\n\n    let x = 1;\n      y\n\nDone.", "See:\n\n```text\nlet x = 1;\n  y\n```\n\nDone.");
        check("    indented from the start", "```text\nindented from the start\n```");
    }

    #[test]
    fn brackets_are_no_links_to_items() {
        check("the [foo] of [bar][baz]", "the \\[foo\\] of \\[bar\\]\\[baz\\]");
        check("[text](Item)", "\\[text\\](Item)");
        check("filter[name]=x", "filter\\[name\\]=x");
        check("already \\[escaped\\]", "already \\[escaped\\]");
    }

    #[test]
    fn html_becomes_text() {
        check("the <id> of it", "the \\<id> of it");
        check("a<br>b", "a\\\nb");
        check("<p>One.</p><p>Two.</p>", "One.\n\nTwo.");
        check("<script>alert(1)</script>", "\\<script>alert(1)\\</script>");
    }

    #[test]
    fn urls_become_links() {
        check("see https://example.com/a_b?c=d.", "see <https://example.com/a_b?c=d>.");
        check("(http://example.com)", "(<http://example.com>)");
        check("<https://example.com>", "<https://example.com>");
        check("[x](https://example.com)", "[x](https://example.com)");
    }

    #[test]
    fn lines_are_tidy() {
        check("\r\na\tb  \r\nc \n\n\n\nd\n", "a    b\\\nc\n\nd");
        check("x\u{202e}y\u{0}", "x\u{fffd}y\u{fffd}");
    }

    #[test]
    fn paragraphs_are_wrapped() {
        let words = "word ".repeat(40);
        assert!(for_rustdoc(&words).lines().all(|line| line.len() <= WIDTH));
        assert_eq!(for_rustdoc(&words).lines().count(), 2);
        let span = format!("`{}`", words.trim());
        check(&span, &span);
        let item = format!("- {}", words.trim());
        check(&item, &item);
    }

    #[test]
    fn whatever_comes_it_ends() {
        for text in [
            "<",
            "<<<<a",
            "[[[[",
            "`",
            "````",
            "* \n    * \n\n          x",
            "> ```\n> x",
            "<!-- x",
            "<![CDATA[",
            "[a]: b\n\n[a]",
            "|a|\n|-|\n|[b]|",
        ] {
            let once = for_rustdoc(text);
            assert_eq!(for_rustdoc(&once), once, "{text:?}");
            assert!(edits(&once).is_empty(), "{text:?} -> {once:?}");
        }
    }
}
