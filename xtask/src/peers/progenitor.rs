//! progenitor as it is: the contract unchanged, its positional interface (the default of its library), one crate.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle};
use serde_json::{Map, Number, Value};
use specwright_codegen::diagnostic::Reporter;
use specwright_codegen::source::{Kind, Node, Sources};

/// Writes `src/lib.rs`. In a process of its own: it panics on what it does not know.
///
/// # Errors
///
/// progenitor refuses the contract, or the file cannot be written.
pub(crate) fn write(contract: &Path, out: &Path) -> anyhow::Result<bool> {
    let reporter = Reporter::default();
    let sources = Sources::load(contract, &reporter);
    let document = sources.root().map(value).context("the contract cannot be read")?;
    let document = serde_json::from_value(document).context("openapiv3 cannot read the contract")?;
    let mut settings = GenerationSettings::new();
    settings.with_interface(InterfaceStyle::Positional);
    let tokens = match Generator::new(&settings).generate_tokens(&document) {
        Ok(tokens) => tokens,
        Err(error) => bail!("progenitor refuses the contract: {error}"),
    };
    let source = out.join("src");
    fs::create_dir_all(&source)?;
    let root = source.join("lib.rs");
    fs::write(&root, tokens.to_string())?;
    let formatted = Command::new("rustfmt").args(["--edition", "2024"]).arg(&root).status()?;
    Ok(formatted.success())
}

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Boolean(boolean) => Value::Bool(*boolean),
        // YAML has spellings that JSON has not.
        Kind::Number(text) => text.parse::<Number>().map_or_else(|_| Value::String(text.clone()), Value::Number),
        Kind::String(text) => Value::String(text.clone()),
        Kind::Sequence(items) => items.iter().map(value).collect(),
        Kind::Mapping(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), value(&entry.value))).collect::<Map<_, _>>().into()
        }
    }
}
