//! Generates the contracts that the tests exchange requests with: each into one module, instead of the three crates that a
//! user has, so that no other workspace has to be compiled.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Folders of `codegen/tests/contracts`.
const CONTRACTS: &[&str] = &["answers", "forms", "guards", "methods", "notices", "sequences", "spellings"];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/contracts");
    let mut modules = String::new();
    for name in CONTRACTS {
        let contract = folder.join(name).join("openapi.yaml");
        println!("cargo::rerun-if-changed={}", contract.display());
        let generated = specwright_codegen::generate(&contract)?;
        writeln!(modules, "/// `{name}/openapi.yaml`.\npub mod {name} {{")?;
        for (kind, files) in [("types", &generated.types), ("server", &generated.server), ("client", &generated.client)]
        {
            let root = out.join(name).join(kind);
            for file in files {
                // `crate` and `api_types` are modules here.
                let text = file.text.replace("crate::", &format!("crate::{name}::{kind}::"));
                let text = text.replace("api_types::", &format!("crate::{name}::types::"));
                let path = root.join(&file.path);
                fs::create_dir_all(path.parent().unwrap_or(&root))?;
                fs::write(path, text)?;
            }
            writeln!(modules, "    #[path = {:?}]\n    pub mod {kind};", root.join("lib.rs"))?;
        }
        modules.push_str("}\n");
    }
    fs::write(out.join("contracts.rs"), modules)?;
    Ok(())
}
