//! All mutants in one program: each change that cargo-mutants would make is written beside the original, behind a switch.
//!
//! ```text
//! a <= b      (if crate::mutant::is(7) { a > b } else { a <= b })
//! ```
//!
//! A program is then compiled once and run once for each mutant, where cargo-mutants compiles it once for each: minutes instead of
//! hours. Operators are exchanged in the syntax tree, so what binds tighter in the original still does. What stands in a constant
//! cannot be switched when the program runs; [`Switched::rest`] has those.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use anyhow::Context as _;
use proc_macro2::{LineColumn, Span};
use serde::Deserialize;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// A mutant as `cargo mutants --list --json` describes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    /// Where and what, for a person.
    pub(crate) name: String,
    /// Relative to the workspace.
    pub(crate) file: String,
    genre: Genre,
    replacement: String,
    span: Place,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Place {
    start: Point,
    end: Point,
}

/// Both count from 1; columns are characters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    line: usize,
    column: usize,
}

/// A file with switches.
pub(crate) struct Switched {
    /// Its text.
    pub(crate) text: String,
    /// The mutants that have no switch.
    pub(crate) rest: Vec<usize>,
}

/// Writes the mutants of one file behind switches. The numbers are what [`is`](super::SWITCH) is asked for.
///
/// # Errors
///
/// The file is not Rust.
pub(crate) fn switch(text: &str, mutants: &[(usize, &Mutant)]) -> anyhow::Result<Switched> {
    let file = syn::parse_file(text).context("a file of mutants is not Rust")?;
    let mut search = Search { text, wanted: BTreeMap::new(), edits: Vec::new() };
    for (number, mutant) in mutants {
        search.wanted.entry(mutant.span.start).or_default().push((*number, mutant));
    }
    search.visit_file(&file);
    let rest = search.wanted.values().flatten().map(|(number, _)| *number).collect();
    let text = search.render(0..text.len(), 0);
    Ok(Switched { text, rest })
}

/// The text with one mutant in the place of the original, as cargo-mutants makes it.
pub(crate) fn replace(text: &str, mutant: &Mutant) -> String {
    let (start, end) = (offset(text, mutant.span.start), offset(text, mutant.span.end));
    format!("{}{}{}", &text[..start], mutant.replacement, &text[end..])
}

/// The mutants whose own code stands in these lines (from 1) of a text with switches.
pub(crate) fn at_lines(text: &str, lines: &[usize]) -> Vec<usize> {
    let mut open = None::<usize>;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match line.rsplit_once(BEGIN) {
            Some((_, number)) => open = number.trim_end_matches("*/").parse().ok(),
            None if line.starts_with(END) => open = None,
            None => {}
        }
        if lines.contains(&(index + 1)) {
            found.extend(open);
        }
    }
    found
}

const BEGIN: &str = "/*mutant ";
const END: &str = "/*end*/";

/// The mutant's code on lines of its own, so that the compiler's complaints find their mutant.
fn alternative(number: usize, code: &str) -> String {
    format!("if crate::mutant::is({number}) {{ {BEGIN}{number}*/\n{code}\n{END}}}")
}

fn offset(text: &str, point: Point) -> usize {
    let line = text.split_inclusive('\n').take(point.line - 1).map(str::len).sum::<usize>();
    let rest = &text[line..];
    line + rest.char_indices().nth(point.column - 1).map_or(rest.len(), |(at, _)| at)
}

/// One place of the text, and what it becomes.
struct Edit {
    range: Range<usize>,
    new: New,
}

enum New {
    /// Put before what stands there.
    Before(String),
    /// An expression: alternatives, and the original last.
    Choice(Vec<(usize, String)>),
    /// A guard of a match arm: switches that turn the arm off, and alternatives to the guard.
    Guard { off: Vec<usize>, alternatives: Vec<(usize, String)>, chained: bool },
}

struct Search<'a> {
    text: &'a str,
    wanted: BTreeMap<Point, Vec<(usize, &'a Mutant)>>,
    /// Outer before inner.
    edits: Vec<Edit>,
}

impl<'a> Search<'a> {
    /// The mutants of a genre that begin here; each is found once.
    fn take(&mut self, start: LineColumn, genre: Genre) -> Vec<(usize, &'a Mutant)> {
        let point = Point { line: start.line, column: start.column + 1 };
        let Some(here) = self.wanted.get_mut(&point) else { return Vec::new() };
        let found = here.iter().filter(|(_, mutant)| mutant.genre == genre).copied().collect::<Vec<_>>();
        here.retain(|(_, mutant)| mutant.genre != genre);
        found
    }

    fn range(&self, span: Span) -> Range<usize> {
        let point = |at: LineColumn| offset(self.text, Point { line: at.line, column: at.column + 1 });
        point(span.start())..point(span.end())
    }

    fn source(&self, span: Span) -> &'a str {
        &self.text[self.range(span)]
    }

    fn body(&mut self, block: &syn::Block, is_const: bool) {
        let Some(first) = block.stmts.first() else { return };
        if is_const {
            return;
        }
        let found = self.take(first.span().start(), Genre::FnValue);
        let mut code = String::new();
        for (number, mutant) in found {
            let value = alternative(number, &format!("return {};", mutant.replacement));
            write!(code, "\n{value}").expect("writing to a String cannot fail");
        }
        if !code.is_empty() {
            let at = self.range(block.brace_token.span.open()).end;
            self.edits.push(Edit { range: at..at, new: New::Before(code) });
        }
    }

    /// The text of a range, with the edits from a number on.
    fn render(&self, range: Range<usize>, mut from: usize) -> String {
        let mut text = String::new();
        let mut at = range.start;
        loop {
            let within = |edit: &Edit| edit.range.start >= at && edit.range.end <= range.end;
            let candidates = self.edits.iter().enumerate().skip(from).filter(|(_, edit)| within(edit));
            // The outermost of those that begin first.
            let Some((index, edit)) = candidates.min_by_key(|(index, edit)| (edit.range.start, *index)) else {
                text.push_str(&self.text[at..range.end]);
                return text;
            };
            text.push_str(&self.text[at..edit.range.start]);
            self.apply(edit, index, &mut text);
            at = edit.range.end;
            if edit.range.is_empty() {
                // Whatever else begins here comes after it.
                from = index + 1;
            }
        }
    }

    fn apply(&self, edit: &Edit, index: usize, text: &mut String) {
        let original = || self.render(edit.range.clone(), index + 1);
        match &edit.new {
            New::Before(code) => text.push_str(code),
            New::Choice(alternatives) => text.push_str(&choice(alternatives, &original())),
            New::Guard { off, alternatives, chained } => {
                let off = off.iter().map(|number| format!("!crate::mutant::is({number})"));
                let guard = match (edit.range.is_empty(), alternatives.is_empty(), chained) {
                    (true, ..) => None,
                    (false, true, true) => Some(original()),
                    (false, true, false) => Some(format!("({})", original())),
                    (false, false, _) => Some(choice(alternatives, &original())),
                };
                let all = off.chain(guard).collect::<Vec<_>>().join(" && ");
                let word = if edit.range.is_empty() { " if " } else { "" };
                text.push_str(&format!("{word}{all}"));
            }
        }
    }
}

fn choice(alternatives: &[(usize, String)], original: &str) -> String {
    let mut text = "(".to_owned();
    for (number, code) in alternatives {
        text.push_str(&alternative(*number, code));
        text.push_str(" else ");
    }
    text + "{ " + original + " })"
}

/// `if let` and its chains: an expression that stands in no parentheses.
fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.body(&item.block, item.sig.constness.is_some());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.body(&item.block, item.sig.constness.is_some());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.body(block, item.sig.constness.is_some());
        }
        visit::visit_trait_item_fn(self, item);
    }

    /// Constants are computed by the compiler, where there is no switch.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}

    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}

    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let found = if has_let(&binary.left) || has_let(&binary.right) {
            Vec::new()
        } else {
            self.take(binary.op.span().start(), Genre::BinaryOperator)
        };
        if !found.is_empty() {
            let (left, right) = (self.source(binary.left.span()), self.source(binary.right.span()));
            let code = |mutant: &Mutant| format!("{left} {} {right}", mutant.replacement);
            let alternatives = found.iter().map(|(number, mutant)| (*number, code(mutant))).collect();
            self.edits.push(Edit { range: self.range(binary.span()), new: New::Choice(alternatives) });
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let found = self.take(unary.op.span().start(), Genre::UnaryOperator);
        if !found.is_empty() {
            let inner = self.source(unary.expr.span());
            let code = |mutant: &Mutant| format!("{}{inner}", mutant.replacement);
            let alternatives = found.iter().map(|(number, mutant)| (*number, code(mutant))).collect();
            self.edits.push(Edit { range: self.range(unary.span()), new: New::Choice(alternatives) });
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let off = self.take(arm.span().start(), Genre::MatchArm);
        let off = off.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
        let (range, alternatives, chained) = match &arm.guard {
            None => {
                let end = self.range(arm.pat.span()).end;
                (end..end, Vec::new(), false)
            }
            Some((_, guard)) => {
                let chained = has_let(guard);
                let found = if chained { Vec::new() } else { self.take(guard.span().start(), Genre::MatchArmGuard) };
                let alternatives = found.iter().map(|(number, mutant)| (*number, mutant.replacement.clone()));
                (self.range(guard.span()), alternatives.collect(), chained)
            }
        };
        if !off.is_empty() || !alternatives.is_empty() {
            self.edits.push(Edit { range, new: New::Guard { off, alternatives, chained } });
        }
        visit::visit_arm(self, arm);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const TEXT: &str = "fn is_even(number: u32) -> bool {
    number % 2 == 0
}

fn kind(number: u32) -> &'static str {
    match number {
        0 => \"none\",
        few if few < 3 => \"few\",
        _ => \"many\",
    }
}

const LIMIT: u32 = 2 * 3;
";

    /// A mutant of [`TEXT`], at the place of a text in it.
    fn mutant(genre: &str, at: &str, replaced: &str, replacement: &str) -> Mutant {
        let start = TEXT.find(at).unwrap() + at.find(replaced).unwrap();
        let point = |offset: usize| {
            let before = &TEXT[..offset];
            let line = before.matches('\n').count() + 1;
            json!({ "line": line, "column": offset - before.rfind('\n').map_or(0, |at| at + 1) + 1 })
        };
        let span = json!({ "start": point(start), "end": point(start + replaced.len()) });
        let name = format!("{genre} {replaced}");
        let value = json!({ "name": name, "file": "", "genre": genre, "replacement": replacement, "span": span });
        serde_json::from_value(value).unwrap()
    }

    fn check(mutants: &[Mutant], expected: &str, rest: &[usize]) {
        let numbered = mutants.iter().enumerate().map(|(index, mutant)| (index + 1, mutant)).collect::<Vec<_>>();
        let switched = switch(TEXT, &numbered).unwrap();
        assert!(switched.text.contains(expected), "{}", switched.text);
        assert_eq!(switched.rest, rest);
        syn::parse_file(&switched.text).unwrap();
    }

    #[test]
    fn each_kind_of_mutant_has_its_switch() {
        let body = mutant("FnValue", "number % 2 == 0", "number % 2 == 0", "true");
        check(std::slice::from_ref(&body), "if crate::mutant::is(1) { /*mutant 1*/\nreturn true;\n/*end*/}", &[]);
        let equal = mutant("BinaryOperator", "2 == 0", "==", "!=");
        let modulo = mutant("BinaryOperator", "% 2", "%", "/");
        // The one within the other, in the original only.
        check(
            &[body, equal, modulo],
            "(if crate::mutant::is(2) { /*mutant 2*/\nnumber % 2 != 0\n/*end*/} else { (if crate::mutant::is(3) { /*mutant \
             3*/\nnumber / 2\n/*end*/} else { number % 2 }) == 0 })",
            &[],
        );
        check(
            &[mutant("MatchArm", "0 => \"none\",", "0 => \"none\",", "")],
            "0 if !crate::mutant::is(1) => \"none\"",
            &[],
        );
        let guard = mutant("MatchArmGuard", "few < 3", "few < 3", "true");
        let arm = mutant("MatchArm", "few if few < 3 => \"few\",", "few if few < 3 => \"few\",", "");
        check(
            &[guard, arm],
            "few if !crate::mutant::is(2) && (if crate::mutant::is(1) { /*mutant 1*/\ntrue\n/*end*/} else { few < 3 }) =>",
            &[],
        );
    }

    #[test]
    fn a_constant_has_no_switch() {
        let product = mutant("BinaryOperator", "2 * 3", "*", "+");
        check(std::slice::from_ref(&product), "const LIMIT: u32 = 2 * 3;", &[1]);
        assert!(replace(TEXT, &product).contains("const LIMIT: u32 = 2 + 3;"));
    }

    #[test]
    fn a_line_belongs_to_the_mutant_that_stands_there() {
        let text = "(if a { /*mutant 7*/\nx\n/*end*/} else if b { /*mutant 8*/\ny\n/*end*/} else { z })";
        for (line, expected) in [(2, &[7][..]), (4, &[8]), (5, &[])] {
            assert_eq!(at_lines(text, &[line]), expected, "{line}");
        }
    }
}
