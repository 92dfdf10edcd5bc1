//! The throw-away workspace in which the crates of one contract are compiled.
//!
//! Its manifests are made of this repository's: the dependency lists of `generated/*/Cargo.toml`, and the versions,
//! lints and profiles of the root. So what compiles there compiles here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::workspace::Workspace;

/// The package that names every dependency of this repository. It is checked together with each crate, so that Cargo
/// settles on the features that the whole workspace has. Measured: the first check of a contract then compiles none of
/// the 300 dependencies after `cargo clippy`, where the three crates alone compile 70 of them again (71 s on two cores).
pub(crate) const DEPENDENCIES: &str = "corpus-dependencies";

/// Which of the three crates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Types,
    Server,
    Client,
}

impl Kind {
    /// Each after those that it depends on.
    pub(crate) const ALL: [Self; 3] = [Self::Types, Self::Server, Self::Client];

    /// The name of its folder, and the end of its package's name.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Types => "types",
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// The end of the name of the package that proves the three crates.
pub(super) const PROOF: &str = "proof";

/// A package name for a contract: what Cargo does not allow in one becomes a dash.
pub(crate) fn package_name(contract: &str) -> String {
    let dashed = |character: char| if character.is_ascii_alphanumeric() || character == '-' { character } else { '-' };
    let name = contract.chars().map(dashed).collect::<String>();
    // Neither may a package name start with a digit.
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name } else { format!("contract-{name}") }
}

/// What the manifests are made of.
pub(crate) struct Recipe {
    /// Sections of the root manifest, ready to be written: edition, dependencies, lints, profiles.
    root: String,
    /// The dependency section of each crate, in the order of [`Kind::ALL`].
    dependencies: [String; 3],
    /// The dependency sections of [`DEPENDENCIES`].
    union: String,
    lock: String,
}

impl Recipe {
    /// Reads the manifests of a checkout.
    ///
    /// # Errors
    ///
    /// A manifest or the lock file cannot be read.
    pub(crate) fn read(workspace: &Workspace) -> anyhow::Result<Self> {
        let read = |path: &str| fs::read_to_string(workspace.path(path)).with_context(|| format!("cannot read {path}"));
        let packages = Packages::read(workspace)?;
        let crates = [packages.get("api-types")?, packages.get("api-server")?, packages.get("api-client")?];
        Ok(Self {
            root: root_sections(&read("Cargo.toml")?, &workspace.root),
            dependencies: crates.map(|package| table("dependencies", &listed(package, "normal"))),
            union: packages.union()?,
            lock: read("Cargo.lock")?,
        })
    }

    /// Writes the manifests and the lock file of a contract's workspace; the crates' sources are not written here.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(crate) fn write(&self, folder: &Path, package: &str) -> anyhow::Result<()> {
        fs::create_dir_all(folder.join("dependencies"))?;
        let types = format!("api-types = {{ path = \"types\", package = \"{package}-types\" }}");
        let root = self.root.replace("#types#", &types);
        fs::write(folder.join("Cargo.toml"), root)?;
        fs::write(folder.join("Cargo.lock"), &self.lock)?;
        for kind in Kind::ALL {
            let crate_folder = folder.join(kind.folder());
            fs::create_dir_all(&crate_folder)?;
            let name = format!("{package}-{}", kind.folder());
            fs::write(crate_folder.join("Cargo.toml"), member(&name, &self.dependencies[kind as usize]))?;
        }
        fs::create_dir_all(folder.join(PROOF))?;
        let proved: String = Kind::ALL
            .map(|kind| format!("api-{0} = {{ path = \"../{0}\", package = \"{package}-{0}\" }}\n", kind.folder()))
            .concat();
        let proof = format!(
            "\n[dependencies]\n{proved}chrono.workspace = true\nserde_json.workspace = true\nuuid.workspace = true\n\
                     specwright-runtime = {{ workspace = true, features = [\"proof\"] }}\n"
        );
        fs::write(folder.join(PROOF).join("Cargo.toml"), member(&format!("{package}-{PROOF}"), &proof))?;
        let dependencies = folder.join("dependencies");
        fs::write(dependencies.join("Cargo.toml"), member(DEPENDENCIES, &self.union) + "\n[lib]\npath = \"lib.rs\"\n")?;
        fs::write(dependencies.join("lib.rs"), "//! Without code.\n")?;
        Ok(())
    }
}

/// The packages of this workspace, as `cargo metadata` describes them.
struct Packages(Vec<Value>);

/// Names of dependencies, each with the features that are asked of it.
type Listed = BTreeMap<String, BTreeSet<String>>;

impl Packages {
    fn read(workspace: &Workspace) -> anyhow::Result<Self> {
        let mut command = workspace.cargo();
        let output = command.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]).output()?;
        if !output.status.success() {
            bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
        Ok(Self(metadata["packages"].as_array().cloned().context("cargo metadata lists no packages")?))
    }

    fn get(&self, name: &str) -> anyhow::Result<&Value> {
        self.0.iter().find(|package| package["name"] == name).with_context(|| format!("there is no package {name}"))
    }

    /// The dependencies of every package of the workspace, and those of the code generator for build scripts: what the
    /// clippy of the whole workspace compiles is then found in the target folder, down to the last feature.
    fn union(&self) -> anyhow::Result<String> {
        let mut normal = Listed::new();
        for package in &self.0 {
            for kind in ["normal", "dev"] {
                for (name, features) in listed(package, kind) {
                    normal.entry(name).or_default().extend(features);
                }
            }
        }
        let mut build = listed(self.get("specwright-codegen")?, "normal");
        for dependencies in [&mut normal, &mut build] {
            dependencies.retain(|name, _| self.get(name).is_err());
        }
        let runtime = self.get("specwright-runtime")?;
        let features = runtime["features"].as_object().context("the runtime has no features")?;
        normal.insert("specwright-runtime".to_owned(), features.keys().cloned().collect());
        Ok(table("dependencies", &normal) + &table("build-dependencies", &build))
    }
}

/// The dependencies of one kind (`normal`, `dev`) of a package.
fn listed(package: &Value, kind: &str) -> Listed {
    let of_kind = |dependency: &&Value| dependency["kind"].as_str().unwrap_or("normal") == kind;
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    dependencies
        .iter()
        .filter(of_kind)
        .map(|dependency| {
            let name = dependency["rename"].as_str().or(dependency["name"].as_str()).unwrap_or_default();
            let features = dependency["features"].as_array().map(Vec::as_slice).unwrap_or_default();
            (name.to_owned(), features.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        })
        .collect()
}

/// A table of a manifest whose entries take their versions from the workspace.
fn table(name: &str, dependencies: &Listed) -> String {
    let mut text = format!("\n[{name}]\n");
    for (name, features) in dependencies {
        let features = features.iter().map(|feature| format!("\"{feature}\"")).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("{name} = {{ workspace = true, features = [{features}] }}\n"));
    }
    text
}

/// The manifest of a crate.
fn member(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition.workspace = true\n\
         rust-version.workspace = true\npublish = false\n\n[lints]\nworkspace = true\n{dependencies}"
    )
}

/// The root manifest of the throw-away workspace, with `#types#` where the types crate is named.
fn root_sections(manifest: &str, root: &Path) -> String {
    let mut text = String::from(
        "[workspace]\nresolver = \"3\"\nmembers = [\"types\", \"server\", \"client\", \"proof\", \"dependencies\"]\n",
    );
    text.push_str("\n[workspace.package]\n");
    text.push_str(&section(manifest, "workspace.package"));
    text.push_str("\n[workspace.dependencies]\n#types#\n");
    for line in section(manifest, "workspace.dependencies").lines() {
        match line.split_once("path = \"") {
            None => text.push_str(line),
            // The crates of this repository's contract have no place here, the framework's own stay where they are.
            Some(_) if line.starts_with("api-") || line.starts_with("handlers") => continue,
            Some((before, after)) => text.push_str(&format!("{before}path = \"{}/{after}", root.display())),
        }
        text.push('\n');
    }
    text.push_str("\n[workspace.lints.rust]\nwarnings = { level = \"deny\", priority = 1 }\n");
    text.push_str(&section(manifest, "workspace.lints.rust"));
    for header in manifest.lines().filter_map(|line| line.strip_prefix("[profile.")?.strip_suffix(']')) {
        text.push_str(&format!("\n[profile.{header}]\n{}", section(manifest, &format!("profile.{header}"))));
    }
    text
}

/// The lines of a table of a manifest, without its header.
fn section(manifest: &str, name: &str) -> String {
    let header = format!("[{name}]");
    let lines = manifest.lines().skip_while(|line| line.trim_end() != header).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MANIFEST: &str = "[workspace]\nmembers = []\n\n[workspace.package]\nedition = \"2024\"\n\n\
        [workspace.dependencies]\nruntime = { path = \"runtime\" }\napi-types = { path = \"generated/types\" }\nserde = \"1\"\n\n\
        [workspace.lints.rust]\nunsafe_code = \"forbid\"\n\n[profile.dev]\ndebug = 1\n\n[profile.dev.package.\"*\"]\ndebug = false\n";

    #[test]
    fn the_root_keeps_versions_lints_and_profiles() {
        let text = root_sections(MANIFEST, Path::new("/repo"));
        for expected in [
            "[workspace.package]\nedition = \"2024\"\n",
            "[workspace.dependencies]\n#types#\nruntime = { path = \"/repo/runtime\" }\nserde = \"1\"\n",
            "[workspace.lints.rust]\nwarnings = { level = \"deny\", priority = 1 }\nunsafe_code = \"forbid\"\n",
            "[profile.dev]\ndebug = 1\n",
            "[profile.dev.package.\"*\"]\ndebug = false\n",
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
        assert!(!text.contains("generated/types"), "{text}");
    }

    fn package(name: &str, dependencies: &Value) -> Value {
        json!({ "name": name, "features": { "default": [], "server": [] }, "dependencies": dependencies })
    }

    #[test]
    fn the_union_has_every_feature_and_no_package_of_the_workspace() {
        let packages = Packages(vec![
            package("specwright-codegen", &json!([{ "name": "syn", "kind": null, "features": ["full"] }])),
            package(
                "specwright-runtime",
                &json!([{ "name": "axum", "kind": null, "features": ["http1"], "optional": true }]),
            ),
            package(
                "handlers",
                &json!([
                    { "name": "axum", "kind": null, "features": ["json"] },
                    { "name": "specwright-runtime", "kind": null, "features": [] },
                    { "name": "tempfile", "kind": "dev", "features": [] },
                    { "name": "specwright-codegen", "kind": "build", "features": [] },
                ]),
            ),
        ]);
        assert_eq!(
            packages.union().unwrap(),
            "\n[dependencies]\n\
             axum = { workspace = true, features = [\"http1\", \"json\"] }\n\
             specwright-runtime = { workspace = true, features = [\"default\", \"server\"] }\n\
             syn = { workspace = true, features = [\"full\"] }\n\
             tempfile = { workspace = true, features = [] }\n\
             \n[build-dependencies]\n\
             syn = { workspace = true, features = [\"full\"] }\n"
        );
    }

    #[test]
    fn a_package_name_is_one_that_cargo_accepts() {
        assert_eq!(package_name("2ch"), "contract-2ch");
        assert_eq!(package_name("a_b.c"), "a-b-c");
    }
}
