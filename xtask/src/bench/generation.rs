//! How generation grows with the size of the contract: `specwright generate` in a release build, over a folder.
//!
//! Each contract is generated into an empty folder by a process of its own, rustfmt included. Processor time is that of
//! the process and its children; memory is the largest that any one of them had. Both say less about the machine's other
//! work than the time on the clock, which is printed too.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::workspace::{Workspace, run as run_program};

/// What to generate, and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the contracts; `SPECWRIGHT_SPECS` or `../shared/specs` where it is not given.
    folder: Option<PathBuf>,
    /// Only contracts whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// How often each is generated; the median is printed.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// One contract.
struct Row {
    name: String,
    bytes: u64,
    operations: String,
    seconds: f64,
    processor: f64,
    mebibytes: f64,
}

/// Runs a command and prints seconds, processor seconds and the largest resident set in KiB on its last line.
const MEASURE: &str = "
import resource, subprocess, sys, time
start = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
seconds = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.stdout.strip().splitlines()[-1] if done.returncode == 0 else 'refused')
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss)
";

/// Generates and prints a table in Markdown, smallest contract first.
///
/// # Errors
///
/// There is no such folder, no Python, or the generator does not build.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let folder = options.folder.clone().unwrap_or_else(|| {
        std::env::var_os("SPECWRIGHT_SPECS").map_or_else(|| workspace.path("../shared/specs"), PathBuf::from)
    });
    let mut cargo = workspace.cargo();
    run_program(cargo.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "specwright-codegen",
        "--bin",
        "specwright",
    ]))?;
    let entries = std::fs::read_dir(&folder).with_context(|| format!("no folder {}", folder.display()))?;
    let mut contracts: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    contracts.retain(|path| path.extension().is_some_and(|kind| kind == "yaml" || kind == "json"));
    // New folders for every run: files where others were just removed cost a journalled file system several times as much.
    let fresh = tempfile::tempdir_in(&workspace.target)?;
    let mut rows = Vec::new();
    for contract in contracts {
        let name = contract.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if options.only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let mut runs = Vec::new();
        for run in 0..options.runs.max(1) {
            runs.push(measured(workspace, &contract, &fresh.path().join(format!("{name}{run}")))?);
        }
        let Some((operations, ..)) = runs.first().filter(|(said, ..)| said != "refused") else {
            println!("{name}: refused");
            continue;
        };
        let row = Row {
            operations: operations.split(' ').next().unwrap_or_default().to_owned(),
            bytes: std::fs::metadata(&contract)?.len(),
            seconds: median(runs.iter().map(|run| run.1)),
            processor: median(runs.iter().map(|run| run.2)),
            mebibytes: median(runs.iter().map(|run| run.3)),
            name,
        };
        println!("{}", row.line());
        rows.push(row);
    }
    rows.sort_by_key(|row| row.bytes);
    println!("\n| contract | KiB | operations | seconds | processor seconds | MiB |\n|---|--:|--:|--:|--:|--:|");
    for row in &rows {
        println!("{}", row.line());
    }
    // Small contracts take as long as starting the programs does.
    let large: Vec<&Row> = rows.iter().filter(|row| row.bytes > 100_000).collect();
    if large.len() > 2 {
        let slope = |value: fn(&Row) -> f64| slope(large.iter().map(|row| ((row.bytes as f64).ln(), value(row).ln())));
        println!(
            "\nAbove 100 kB, processor time grows as size to the power of {:.2}, memory to the power of {:.2}.",
            slope(|row| row.processor),
            slope(|row| row.mebibytes)
        );
    }
    Ok(true)
}

impl Row {
    fn line(&self) -> String {
        format!(
            "| {} | {} | {} | {:.2} | {:.2} | {:.0} |",
            self.name,
            self.bytes / 1024,
            self.operations,
            self.seconds,
            self.processor,
            self.mebibytes
        )
    }
}

/// What the generator said last, seconds, processor seconds, MiB.
fn measured(workspace: &Workspace, contract: &Path, out: &Path) -> anyhow::Result<(String, f64, f64, f64)> {
    let mut command = workspace.program("python3");
    command.args(["-c", MEASURE]).arg(workspace.target.join("release/specwright"));
    command.arg("generate").arg(contract).arg("--out").arg(out);
    let output = command.output().context("python3")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let (Some(said), Some(numbers)) = (lines.next(), lines.next()) else {
        bail!("nothing was measured: {}", String::from_utf8_lossy(&output.stderr));
    };
    let numbers: Vec<f64> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [seconds, processor, kibibytes] = numbers[..] else { bail!("three numbers, not {numbers:?}") };
    Ok((said.to_owned(), seconds, processor, kibibytes / 1024.0))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The slope of the line through the points with the least squares.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let points: Vec<(f64, f64)> = points.collect();
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (covariance, variance) = points.iter().fold((0.0, 0.0), |(covariance, variance), point| {
        (covariance + (point.0 - x) * (point.1 - y), variance + (point.0 - x).powi(2))
    });
    covariance / variance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_what_they_are_called() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)].into_iter()) - 2.0).abs() < 1e-9);
    }
}
