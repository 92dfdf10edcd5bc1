//! `Cargo.toml` of the generated crates, for a workspace that has none yet.
//!
//! The files belong to the user from the moment they exist: versions, features and lints are theirs to choose, so a
//! manifest is written once and never again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::output::Layout;

/// One of the three generated crates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of the crates")]
pub enum Crate {
    Types,
    Server,
    Client,
}

/// The text of a manifest.
///
/// `prefix` is put before `-types`, `-server`, `-client`; `runtime` is the right-hand side of the runtime's dependency
/// without its braces, such as `version = "0.1"` or `path = "../../runtime"`.
pub fn text(which: Crate, prefix: &str, runtime: &str) -> String {
    let runtime_with = |feature: &str| {
        format!("specwright-runtime = {{ {runtime}, default-features = false, features = [\"{feature}\"] }}")
    };
    let (name, mut dependencies) = match which {
        Crate::Types => ("types", vec![format!("specwright-model = {{ {} }}", model(runtime))]),
        Crate::Server => ("server", vec![types(prefix), runtime_with("server")]),
        Crate::Client => (
            "client",
            vec![
                types(prefix),
                runtime_with("client"),
                r#"bytes = "1""#.to_owned(),
                r#"progenitor-client = "0.15.1""#.to_owned(),
                r#"reqwest = { version = "0.13", default-features = false, features = ["rustls", "json", "query", "stream", "multipart"] }"#.to_owned(),
            ],
        ),
    };
    dependencies.extend([
        r#"chrono = { version = "0.4", default-features = false, features = ["std", "serde"] }"#.to_owned(),
        r#"serde = { version = "1", features = ["derive"] }"#.to_owned(),
        r#"serde_json = "1""#.to_owned(),
        r#"uuid = { version = "1", features = ["serde"] }"#.to_owned(),
    ]);
    dependencies.sort();
    format!(
        "[package]\nname = \"{prefix}-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{}\n",
        dependencies.join("\n")
    )
}

/// Where `specwright-model` is: with the runtime, and as a folder in its folder.
fn model(runtime: &str) -> String {
    let Some((before, path)) = runtime.split_once("path = \"") else { return runtime.to_owned() };
    let (path, after) = path.split_once('"').unwrap_or((path, ""));
    format!("{before}path = \"{}/model\"{after}", path.trim_end_matches('/'))
}

fn types(prefix: &str) -> String {
    // Generated code names the crate `api_types`, whatever it is called in its workspace.
    format!(r#"api-types = {{ package = "{prefix}-types", path = "../types" }}"#)
}

/// Writes the manifest of the proof beside the three crates, where it is missing, and returns its path.
///
/// # Errors
///
/// [`Error::Io`].
pub fn write_proof(folder: &Path, runtime: &str) -> Result<Option<PathBuf>, Error> {
    let path = folder.join("Cargo.toml");
    if path.exists() {
        return Ok(None);
    }
    let text = format!(
        "[package]\nname = \"api-proof\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n\
         api-client = {{ path = \"../client\" }}\napi-server = {{ path = \"../server\" }}\napi-types = {{ path = \"../types\" }}\n\
         chrono = {{ version = \"0.4\", default-features = false, features = [\"std\", \"serde\"] }}\nserde_json = \"1\"\n\
         specwright-runtime = {{ {runtime}, default-features = false, features = [\"proof\"] }}\n\
         uuid = {{ version = \"1\", features = [\"serde\"] }}\n"
    );
    let io = |source| Error::Io { path: path.clone(), source };
    fs::create_dir_all(folder).map_err(io)?;
    fs::write(&path, text).map_err(io)?;
    Ok(Some(path))
}

/// Writes the manifests that are missing and returns their paths.
///
/// # Errors
///
/// [`Error::Io`].
pub fn write_missing(layout: &Layout, runtime: &str) -> Result<Vec<PathBuf>, Error> {
    let mut written = Vec::new();
    for (folder, which) in
        [(&layout.types, Crate::Types), (&layout.server, Crate::Server), (&layout.client, Crate::Client)]
    {
        let path: &Path = &folder.join("Cargo.toml");
        if path.exists() {
            continue;
        }
        let io = |source| Error::Io { path: path.to_owned(), source };
        fs::create_dir_all(folder).map_err(io)?;
        fs::write(path, text(which, "api", runtime)).map_err(io)?;
        written.push(path.to_owned());
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_where_the_runtime_is() {
        for (runtime, model) in [
            (r#"version = "0.1""#, r#"specwright-model = { version = "0.1" }"#),
            (
                r#"git = "https://example.org/x", rev = "1""#,
                r#"specwright-model = { git = "https://example.org/x", rev = "1" }"#,
            ),
            (
                r#"path = "../runtime/", version = "0.1""#,
                r#"specwright-model = { path = "../runtime/model", version = "0.1" }"#,
            ),
        ] {
            let manifest = text(Crate::Types, "api", runtime);
            assert!(manifest.lines().any(|line| line == model), "{manifest}");
            assert!(!manifest.contains("specwright-runtime"), "{manifest}");
        }
    }
}
