//! `cargo xtask peers`: what other generators make of the same contracts.
//!
//! Each peer gets the contract as it is, in a process of its own with a time limit: does it write code, does that compile, and for
//! how many of the contract's operations is there a function? The last matters because a generator that leaves operations out
//! compiles easily. The peers are installed below `target/tools/peers`, at the versions that `tool.rs` names; nothing of this runs
//! in CI.
//!
//! Left behind: `target/peers/peers.tsv`, and a log for each peer and contract.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;

pub(crate) mod progenitor;
pub(crate) mod tool;

use crate::corpus::crates::{DEPENDENCIES, Kind, Recipe};
use crate::corpus::limited::{Ended, run_limited};
use crate::workspace::Workspace;
use tool::Tool;

/// Which contracts, which peers, and how far.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of contracts.
    folder: PathBuf,
    /// Only the contracts of these names, comma-separated.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these peers, comma-separated.
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// Compile what was written for contracts of at most this many bytes.
    #[arg(long, default_value_t = 300_000)]
    check_below: u64,
    /// Seconds that writing code may take.
    #[arg(long, default_value_t = 300)]
    generate_limit: u64,
    /// Seconds that `cargo check` may take.
    #[arg(long, default_value_t = 600)]
    check_limit: u64,
}

/// What a peer made of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It refused, panicked, or wrote nothing.
    NoCode,
    /// It wrote code, which was not compiled here.
    Code,
    /// It wrote code that does not compile.
    DoesNotCompile,
    /// It wrote code that compiles.
    Compiles,
    /// A limit was reached.
    TimeOut,
}

struct Row {
    contract: String,
    operations: Option<usize>,
    /// Per peer, with the operations that there is a function for.
    cells: Vec<(Verdict, usize)>,
}

/// Runs the peers and prints a row for each contract.
///
/// # Errors
///
/// A peer cannot be installed, or a file not be written.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let tools = Tool::ALL.into_iter().filter(|tool| wanted(&options.tools, tool.name())).collect::<Vec<_>>();
    ensure!(!tools.is_empty(), "there is no such peer; there are {}", Tool::ALL.map(Tool::name).join(", "));
    let programs = tools.iter().map(|tool| tool.install(workspace)).collect::<anyhow::Result<Vec<_>>>()?;
    let folder = workspace.target.join("peers");
    fs::create_dir_all(&folder)?;
    let recipe = Recipe::read(workspace)?;

    let mut header = vec!["contract".to_owned(), "operations".to_owned()];
    header.extend(tools.iter().map(|tool| tool.name().to_owned()));
    println!("{}", header.join("\t"));
    let mut rows = Vec::new();
    for contract in contracts(&std::path::absolute(&options.folder)?, &options.only)? {
        let name = contract.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut row = Row { operations: operations(&contract, &name), contract: name, cells: Vec::new() };
        for (tool, program) in tools.iter().zip(&programs) {
            row.cells.push(judge(workspace, options, &recipe, &folder, *tool, program, &contract)?);
        }
        println!("{row}");
        rows.push(row);
    }
    let table = rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    fs::write(folder.join("peers.tsv"), format!("{}\n{table}\n", header.join("\t")))?;
    for (index, tool) in tools.iter().enumerate() {
        println!("{}", summary(tool.name(), &rows, index));
    }
    Ok(true)
}

/// One peer, one contract.
fn judge(
    workspace: &Workspace,
    options: &Options,
    recipe: &Recipe,
    folder: &Path,
    tool: Tool,
    program: &Path,
    contract: &Path,
) -> anyhow::Result<(Verdict, usize)> {
    let name = contract.file_stem().unwrap_or_default().to_string_lossy();
    let place = folder.join(tool.name());
    // progenitor's crate stands in a workspace with our dependencies, so that they need not be compiled again.
    let (root, target, packages): (_, _, &[&str]) = match tool {
        Tool::Progenitor => (place.join("workspace"), workspace.target.clone(), &[DEPENDENCIES, "peer"]),
        _ => (place.join("peer"), place.join("target"), &["peer"]),
    };
    let (out, log) =
        (if tool == Tool::Progenitor { root.join("peer") } else { root.clone() }, place.join(format!("{name}.log")));
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    fs::write(&log, "")?;
    let stdout = place.join("stdout.txt");
    let mut command = tool.generate(workspace, program, contract, &out)?;
    match run_limited(&mut command, &stdout, &log, Duration::from_secs(options.generate_limit))? {
        Ended::Success if tool.has_written(&out) => {}
        Ended::TimeOut => return Ok((Verdict::TimeOut, 0)),
        Ended::Success | Ended::Failure(_) => return Ok((Verdict::NoCode, 0)),
    }
    let functions = tool.functions(&out)?;
    if fs::metadata(contract)?.len() > options.check_below {
        return Ok((Verdict::Code, functions));
    }
    tool.complete(&out)?;
    if tool == Tool::Progenitor {
        recipe.write(&root, "none")?;
        for kind in Kind::ALL {
            fs::create_dir_all(root.join(kind.folder()).join("src"))?;
            fs::write(root.join(kind.folder()).join("src").join("lib.rs"), "//! Without code.\n")?;
        }
        add_member(&root)?;
    }
    // Dependencies are resolved once and compiled once for each peer.
    let lock = place.join("Cargo.lock");
    if lock.exists() {
        fs::copy(&lock, root.join("Cargo.lock"))?;
    }
    let mut check = workspace.cargo();
    check.args(["check", "--quiet", "--color", "never", "--manifest-path"]).arg(root.join("Cargo.toml"));
    packages.iter().for_each(|package| _ = check.args(["--package", package]));
    check.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
    let ended = run_limited(&mut check, &stdout, &log, Duration::from_secs(options.check_limit))?;
    if root.join("Cargo.lock").exists() {
        fs::copy(root.join("Cargo.lock"), &lock)?;
    }
    let verdict = match ended {
        Ended::Success => Verdict::Compiles,
        Ended::Failure(_) => Verdict::DoesNotCompile,
        Ended::TimeOut => Verdict::TimeOut,
    };
    Ok((verdict, functions))
}

/// Makes the folder `peer` a member of the throw-away workspace.
///
/// # Errors
///
/// The manifest cannot be read or written.
pub(crate) fn add_member(root: &Path) -> anyhow::Result<()> {
    let manifest = root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    fs::write(manifest, text.replacen("\"dependencies\"", "\"dependencies\", \"peer\"", 1))?;
    Ok(())
}

fn wanted(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|wanted| wanted == name)
}

/// The contracts of a folder, the smallest first.
fn contracts(folder: &Path, only: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("yaml" | "yml" | "json")) && wanted(only, &stem) {
            found.push((fs::metadata(&path)?.len(), path));
        }
    }
    ensure!(!found.is_empty(), "there is no such contract in {}", folder.display());
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// How many operations the contract has, as the folder's `INDEX.tsv` says.
fn operations(contract: &Path, name: &str) -> Option<usize> {
    let index = fs::read_to_string(contract.parent()?.join("INDEX.tsv")).ok()?;
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let column = lines.next()?.iter().position(|column| *column == "operations")?;
    lines.find(|fields| fields[0] == name)?.get(column)?.parse().ok()
}

/// One line about one peer.
fn summary(name: &str, rows: &[Row], index: usize) -> String {
    let cells = rows.iter().map(|row| (row.operations.unwrap_or(0), row.cells[index])).collect::<Vec<_>>();
    let count = |verdicts: &[Verdict]| cells.iter().filter(|(_, (verdict, _))| verdicts.contains(verdict)).count();
    let written = [Verdict::Code, Verdict::DoesNotCompile, Verdict::Compiles];
    let sum = |verdicts: &[Verdict]| {
        let chosen = cells.iter().filter(|(_, (verdict, _))| verdicts.contains(verdict));
        chosen.fold((0, 0), |(asked, given), (operations, (_, functions))| (asked + operations, given + functions))
    };
    let (asked, given) = sum(&written);
    let (compiled_asked, compiled_given) = sum(&[Verdict::Compiles]);
    format!(
        "{name}: writes code for {} of {}, with {given} functions for {asked} operations; {} of the {} that were checked \
         compile, with {compiled_given} functions for {compiled_asked} operations; {} time-outs",
        count(&written),
        rows.len(),
        count(&[Verdict::Compiles]),
        count(&[Verdict::DoesNotCompile, Verdict::Compiles]),
        count(&[Verdict::TimeOut]),
    )
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations.map_or_else(|| "-".to_owned(), |count| count.to_string());
        write!(formatter, "{}\t{operations}", self.contract)?;
        for (verdict, functions) in &self.cells {
            match verdict {
                Verdict::NoCode => formatter.write_str("\tno code")?,
                Verdict::Code => write!(formatter, "\tcode, {functions}")?,
                Verdict::DoesNotCompile => write!(formatter, "\tdoes not compile, {functions}")?,
                Verdict::Compiles => write!(formatter, "\tcompiles, {functions}")?,
                Verdict::TimeOut => formatter.write_str("\ttime-out")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_what_was_asked_of_those_that_gave() {
        let row = |operations, cell| Row { contract: "c".into(), operations: Some(operations), cells: vec![cell] };
        let rows = [
            row(10, (Verdict::Compiles, 8)),
            row(5, (Verdict::DoesNotCompile, 5)),
            row(7, (Verdict::NoCode, 0)),
            row(3, (Verdict::Code, 3)),
        ];
        assert_eq!(
            summary("peer", &rows, 0),
            "peer: writes code for 3 of 4, with 16 functions for 18 operations; 1 of the 2 that were checked compile, with 8 \
             functions for 10 operations; 0 time-outs"
        );
        assert_eq!(rows[1].to_string(), "c\t5\tdoes not compile, 5");
    }
}
