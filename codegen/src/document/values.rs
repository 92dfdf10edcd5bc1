//! Values of keywords: what is nearly right is taken as it was meant, with a warning; what is wrong is reported.

use super::normalise::{Schemas, strings};
use super::pattern::{self, Regularity};
use super::schema::Schema;
use crate::diagnostic::Diagnostic;
use crate::ir::Number;
use crate::source::{Entry, Kind, Node};

/// Dialects that are read as they are meant.
const DIALECTS: &[&str] = &[
    "https://json-schema.org/draft/2020-12/schema",
    "https://spec.openapis.org/oas/3.1/dialect/",
    "https://spec.openapis.org/oas/3.2/dialect/",
];

impl<'a> Schemas<'a> {
    /// `$schema` and `jsonSchemaDialect`: another dialect changes what keywords mean, and is not read. Said once for each.
    pub(super) fn dialect(&mut self, entry: &'a Entry) {
        let name = entry.value.as_str().unwrap_or_default().trim_end_matches('#');
        if !DIALECTS.iter().any(|known| name.starts_with(known)) && self.unknown.insert(name.to_owned(), ()).is_none() {
            self.report().add(
                Diagnostic::warning("unsupported-dialect", format!("`{name}` is not a dialect that specwright knows"))
                    .at(&entry.value)
                    .note("the schema is read as JSON Schema 2020-12 with the keywords of OpenAPI"),
            );
        }
    }

    /// `dependencies` of older drafts: `dependentRequired` and `dependentSchemas` in one.
    pub(super) fn dependencies(&mut self, schema: &mut Schema<'a>, entry: &'a Entry) {
        self.report().add(
            Diagnostic::warning(
                "old-keyword",
                "`dependencies` is a keyword of older drafts; it is taken as it was meant there",
            )
            .at_key(entry)
            .help("write `dependentRequired` or `dependentSchemas`"),
        );
        for member in entry.value.entries() {
            match &member.value.kind {
                Kind::Sequence(_) => schema.dependent_required.push((member.key.clone(), strings(&member.value))),
                _ => schema
                    .dependent_schemas
                    .extend(self.intern(&member.value).map(|dependent| (member.key.clone(), dependent))),
            }
        }
    }

    /// The pattern, if it is a regular expression.
    pub(super) fn pattern(&mut self, pattern: String, place: &'a Node) -> Option<String> {
        let checked = self.patterns.entry(pattern.clone()).or_insert_with(|| Regularity::of(&pattern)).clone();
        match checked {
            Regularity::Fine => Some(pattern),
            Regularity::Foreign(meant) => {
                self.report().add(
                    Diagnostic::warning(
                        "pattern-dialect",
                        "`\\A`, `\\Z` and `\\z` are not of ECMA-262; they are taken as `^` and `$`",
                    )
                    .at(place),
                );
                Some(meant)
            }
            Regularity::Explosive => {
                self.report().add(
                    Diagnostic::error(
                        "unsupported-pattern",
                        "to match this pattern can take exponential time, which whoever sends a request would choose",
                    )
                    .at(place)
                    .note("look-around, back-references and `\\p` need an engine that backtracks, and a repetition is repeated")
                    .help("repeat without repeating what repeats, or do without look-around, back-references and `\\p`"),
                );
                None
            }
            Regularity::Wrong(error) => {
                self.report().add(
                    Diagnostic::error("invalid-pattern", format!("this is not a regular expression of ECMA-262: {}", pattern::lower_first(&error)))
                        .at(place)
                        .help("patterns are those of JavaScript: no inline flags such as `(?i)`, no `\\A`, no possessive quantifiers"),
                );
                None
            }
        }
    }

    pub(super) fn bound(&self, entry: &'a Entry) -> Option<Number> {
        let quoted = || entry.value.as_str().and_then(crate::source::number);
        let number = entry.value.as_number().or_else(quoted);
        if entry.value.as_number().is_none() && !matches!(entry.value.kind, Kind::Null) {
            self.tolerated(entry, "a number", number.is_some());
        }
        number
    }

    pub(super) fn count(&self, entry: &'a Entry) -> Option<u64> {
        let quoted = || entry.value.as_str().and_then(|text| text.parse().ok());
        let count = entry.value.as_count().or_else(quoted);
        if entry.value.as_count().is_none() && !matches!(entry.value.kind, Kind::Null) {
            self.tolerated(entry, "a number that counts", count.is_some());
        }
        count
    }

    pub(super) fn boolean(&self, entry: &'a Entry) -> bool {
        match (&entry.value.kind, entry.value.as_str()) {
            (Kind::Boolean(value), _) => *value,
            (_, Some(text @ ("true" | "false"))) => {
                self.tolerated(entry, "true or false", true);
                text == "true"
            }
            _ => {
                self.tolerated(entry, "true or false", false);
                false
            }
        }
    }

    pub(super) fn string(&self, value: &'a Node) -> Option<String> {
        if value.as_str().is_none() && !matches!(value.kind, Kind::Null) {
            self.report().add(
                Diagnostic::warning("ignored-keyword", format!("this must be a string, not {}", value.describe()))
                    .at(value),
            );
        }
        value.as_str().map(str::to_owned)
    }

    pub(super) fn tolerated(&self, entry: &'a Entry, wanted: &str, used: bool) {
        let outcome = if used { "its text is taken" } else { "it is left out" };
        self.report().add(
            Diagnostic::warning(
                "ignored-keyword",
                format!("`{}` must be {wanted}, not {}; {outcome}", entry.key, entry.value.describe()),
            )
            .at(&entry.value),
        );
    }

    pub(super) fn wrong(&self, entry: &'a Entry, wanted: &str) {
        self.report().add(
            Diagnostic::error(
                "invalid-schema",
                format!("`{}` must be {wanted}, not {}", entry.key, entry.value.describe()),
            )
            .at(&entry.value),
        );
    }

    /// A keyword that nobody knows: perhaps a misspelt one. Said once for each.
    pub(super) fn unknown(&mut self, entry: &'a Entry) {
        if self.unknown.insert(entry.key.clone(), ()).is_none() {
            self.report().add(
                Diagnostic::warning(
                    "unknown-keyword",
                    format!("`{}` is no keyword of a schema and says nothing", entry.key),
                )
                .at_key(entry),
            );
        }
    }
}
