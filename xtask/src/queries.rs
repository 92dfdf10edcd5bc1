//! The SQL of the handlers against the schema that the migrations make.
//!
//! `sqlx::query!` checks a statement when it is compiled, against a database or against what is kept in `handlers/.sqlx`. A
//! build needs no database, so the files have to be what a database says: here a private Postgres is migrated, and the
//! handlers are compiled against it.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    path::Path,
    time::SystemTime,
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::steps::Outcome;
use crate::workspace::{Workspace, run};

/// What to do with files that differ.
#[derive(Args)]
pub(crate) struct Options {
    /// Say which files are stale instead of writing them.
    #[arg(long)]
    check: bool,
}

/// Brings `handlers/.sqlx` up to date, or says what is stale; whether all is well.
///
/// # Errors
///
/// There is no Postgres, or a statement does not fit the schema.
pub(crate) fn bring_up_to_date(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let fresh = compile_against_a_database(workspace)?;
    let folder = workspace.path("handlers/.sqlx");
    let kept = read(&folder)?;
    let names = fresh.keys().chain(kept.keys()).collect::<std::collections::BTreeSet<_>>();
    let stale: Vec<_> = names.into_iter().filter(|name| fresh.get(*name) != kept.get(*name)).collect();
    println!("{} statements fit the schema of migrations/; {} files differ", fresh.len(), stale.len());
    for name in &stale {
        let path = folder.join(name);
        println!("{}: handlers/.sqlx/{name}", if options.check { "stale" } else { "wrote or removed" });
        match fresh.get(*name) {
            _ if options.check => {}
            Some(text) => fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?,
            None => fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?,
        }
    }
    Ok(!options.check || stale.is_empty())
}

/// The step of `cargo xtask test`.
///
/// # Errors
///
/// A statement does not fit the schema, or a file is stale.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !bring_up_to_date(workspace, &Options { check: true })? {
        bail!("the data of `sqlx::query!` is stale; run `cargo xtask queries` and commit handlers/.sqlx");
    }
    Ok(Outcome::Passed)
}

fn compile_against_a_database(workspace: &Workspace) -> anyhow::Result<BTreeMap<String, String>> {
    let everything = ["--quiet", "--locked", "--workspace", "--all-features"];
    run(workspace.cargo().arg("build").args(everything).args(["--example", "with_postgres"]))?;
    let folder = workspace.target.join("queries");
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    // Cargo does not know that a database has a say in what the macros become.
    touch(&workspace.path("handlers/src/lib.rs"))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = workspace.program(workspace.target.join("debug/examples/with_postgres"));
    // As the step `clippy` compiles, so that all but the handlers is there.
    command.arg("migrations").arg(cargo).arg("clippy").args(everything).arg("--lib");
    command.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &folder);
    let outcome = run(&mut command);
    touch(&workspace.path("handlers/src/lib.rs"))?;
    outcome?;
    read(&folder)
}

/// The files of a folder by name; none where there is no folder.
fn read(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    if !folder.is_dir() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with("query-") {
            files.insert(name, fs::read_to_string(&path)?.trim_end().to_owned() + "\n");
        }
    }
    Ok(files)
}

fn touch(path: &Path) -> anyhow::Result<()> {
    let file = File::options().append(true).open(path).with_context(|| format!("cannot open {}", path.display()))?;
    file.set_modified(SystemTime::now()).with_context(|| format!("cannot touch {}", path.display()))
}
