//! Mutated contracts: whatever text is given, the generator ends with files or with diagnostics, never with a panic.
//!
//! Contracts of this repository, and those beside it where they are, are changed in a few places at random: lines and
//! values move, vanish, repeat, and get values and keywords that do not belong there. Ten seconds by default;
//! `SPECWRIGHT_FUZZ_SECONDS` says how long instead, and `SPECWRIGHT_FUZZ_SEED` with which seed to begin. A failure
//! names its seed and leaves the contract in the target folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use specwright_codegen::{emit, lower};

/// The largest contract that is mutated: larger ones say the same for more time.
const LARGEST: usize = 150_000;

/// Values that are taken for each other.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e400",
    "0.1",
    "9223372036854775808",
    "170141183460469231731687303715884105728",
    "''",
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "{a: 1}",
    "string",
    "object",
    "array",
    "integer",
    "'3.0.3'",
    "'3.1.0'",
    "'3.2.0'",
    "\"\\u0000\"",
    "'*/'",
    "'{{'",
    "'{'",
    "'\"'",
    "'r#\"'",
    "'💙'",
    "self",
    "'$ref'",
    "'#'",
    "'#/'",
    "'#/components/schemas'",
    "'#/paths'",
    "'#/components/schemas/Task'",
    "'#anchor'",
    "'other.yaml#/a'",
    "'^(?=a'",
    "'(a+)+$'",
    "'/{a}/{a}'",
    "'{$request.body#/a}'",
    "application/json",
    "multipart/form-data",
    "text/event-stream",
    "'*/*'",
    "deepObject",
    "matrix",
    "form",
    "date-time",
    "uuid",
    "[string, 'null']",
    "{type: string}",
    "{$ref: '#/components/schemas/Task'}",
    "{allOf: [{}]}",
    "[{type: integer}, {}]",
];

/// Keys that are put where they may not belong.
const KEYS: &[&str] = &[
    "type",
    "items",
    "prefixItems",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "enum",
    "const",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "discriminator",
    "mapping",
    "$ref",
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$defs",
    "default",
    "nullable",
    "readOnly",
    "writeOnly",
    "format",
    "pattern",
    "minimum",
    "exclusiveMinimum",
    "multipleOf",
    "maxLength",
    "minItems",
    "uniqueItems",
    "contains",
    "unevaluatedProperties",
    "dependentSchemas",
    "in",
    "name",
    "style",
    "explode",
    "schema",
    "content",
    "parameters",
    "requestBody",
    "responses",
    "default",
    "'200'",
    "4XX",
    "headers",
    "security",
    "servers",
    "callbacks",
    "webhooks",
    "operationId",
    "tags",
    "x-rust-name",
    "deprecated",
    "description",
    "example",
    "encoding",
    "itemSchema",
    "get",
    "post",
    "query",
    "additionalOperations",
    "<<",
];

#[test]
fn mutated_contracts_are_accepted_or_refused() {
    let seconds = number("SPECWRIGHT_FUZZ_SECONDS").unwrap_or(10);
    let first = number("SPECWRIGHT_FUZZ_SEED").unwrap_or(1);
    let contracts = contracts();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut accepted, mut refused, mut seed) = (0, 0, first);
    while Instant::now() < end || seed < first + 50 {
        let mut random = StdRng::seed_from_u64(seed);
        let (name, original) = contracts.choose(&mut random).unwrap();
        let text = mutated(original, &mut random);
        let path = folder.join(if original.trim_start().starts_with('{') { "openapi.json" } else { "openapi.yaml" });
        fs::write(&path, &text).unwrap();
        match std::panic::catch_unwind(|| outcome(&path, seed)) {
            Ok(true) => accepted += 1,
            Ok(false) => refused += 1,
            Err(panic) => {
                let kept = folder.with_file_name(format!("fuzz-{seed}-{name}"));
                fs::rename(&path, &kept).unwrap();
                let said = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).into()));
                panic!("seed {seed}: {}, with {}", said.unwrap_or_default(), kept.display());
            }
        }
        seed += 1;
    }
    fs::remove_dir_all(&folder).unwrap();
    println!("{accepted} accepted, {refused} refused, seeds {first} to {}", seed - 1);
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is not a number")))
}

/// Names and texts.
fn contracts() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = support::cases().into_iter().map(|case| case.join("openapi.yaml")).collect();
    paths.push(support::workspace::root().join("openapi.yaml"));
    let corpus = std::env::var_os("SPECWRIGHT_SPECS")
        .map_or_else(|| support::workspace::root().join("../shared/specs"), PathBuf::from);
    paths.extend(fs::read_dir(corpus).into_iter().flatten().map(|entry| entry.unwrap().path()));
    paths.sort();
    let texts = paths.iter().filter(|path| path.extension().is_some_and(|kind| kind != "tsv")).map(|path| {
        let folder = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        (format!("{folder}-{}", path.file_name().unwrap().to_string_lossy()), fs::read_to_string(path).unwrap())
    });
    texts.filter(|(_, text)| text.len() < LARGEST).collect()
}

/// Whether the contract is accepted. What is accepted is printed, and now and then formatted.
fn outcome(path: &Path, seed: u64) -> bool {
    if specwright_codegen::check(path).is_err() {
        return false;
    }
    if seed.is_multiple_of(25) {
        specwright_codegen::generate(path).unwrap_or_else(|error| panic!("{error}"));
    } else if let Ok(lowered) = lower::load(path) {
        emit::types::files(&lowered.api);
        emit::server::files(&lowered.api);
        emit::client::files(&lowered.api).unwrap_or_else(|error| panic!("{error}"));
    }
    true
}

fn mutated(text: &str, random: &mut StdRng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let json = text.trim_start().starts_with('{');
    for _ in 0..random.random_range(1..=4) {
        if lines.is_empty() {
            break;
        }
        let (here, there) = (random.random_range(0..lines.len()), random.random_range(0..lines.len()));
        let indent: String = lines[here].chars().take_while(|character| *character == ' ').collect();
        match random.random_range(0..9) {
            0 => drop(lines.remove(here)),
            1 => lines.insert(here, lines[there].clone()),
            2 => lines.swap(here, there),
            3..=5 => {
                let value = VALUES.choose(random).unwrap();
                let value = if json { in_json(value) } else { (*value).to_owned() };
                if let Some((key, rest)) = lines[here].split_once(": ") {
                    let comma = if json && rest.ends_with(',') { "," } else { "" };
                    lines[here] = format!("{key}: {value}{comma}");
                }
            }
            6 => {
                let (key, value) = (KEYS.choose(random).unwrap(), VALUES.choose(random).unwrap());
                let line = if json {
                    format!("{indent}\"{}\": {},", key.trim_matches('\''), in_json(value))
                } else {
                    format!("{indent}{key}: {value}")
                };
                lines.insert(here, line);
            }
            7 => {
                if let Some((key, rest)) = lines[here].split_once(':') {
                    let other = KEYS.choose(random).unwrap();
                    let start = key.len() - key.trim_start().len();
                    let quote = if json { "\"" } else { "" };
                    lines[here] = format!("{}{quote}{}{quote}:{rest}", &key[..start], other.trim_matches('\''));
                }
            }
            _ => {
                let end = (here + random.random_range(1..20)).min(lines.len());
                let block = lines[here..end].to_vec();
                lines.splice(there..there, block);
            }
        }
    }
    lines.join("\n")
}

/// A value of [`VALUES`] as JSON, where it is not already.
fn in_json(value: &str) -> String {
    let plain = serde_json::from_str::<serde_json::Value>(value).is_ok() || value == "1e400";
    if plain { value.to_owned() } else { serde_json::to_string(value.trim_matches('\'')).unwrap() }
}
