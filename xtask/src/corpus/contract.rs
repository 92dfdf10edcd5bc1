//! One contract through the generator, and the line in which the child process tells its parent about it.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use specwright_codegen::{Error, File};

use super::crates::{Kind, PROOF};
use super::limited::Ended;
use super::row::{Outcome, Row};

/// The child's side: generates, writes the files, prints the report on stdout and the diagnostics on stderr.
///
/// # Errors
///
/// A file cannot be written.
pub(crate) fn run(contract: &Path, folder: &Path, proof: bool) -> anyhow::Result<bool> {
    let start = Instant::now();
    let result = specwright_codegen::generate(contract);
    let milliseconds = start.elapsed().as_millis();
    match result {
        Ok(generated) => {
            eprint!("{}", generated.warnings);
            let crates =
                [(Kind::Types, &generated.types), (Kind::Server, &generated.server), (Kind::Client, &generated.client)];
            let mut lines = 0;
            for (kind, files) in crates {
                lines += write(&folder.join(kind.folder()).join("src"), files)?;
            }
            if proof {
                write(&folder.join(PROOF).join("src"), &specwright_codegen::proof(contract)?)?;
            }
            let operations = generated.statistics.operations;
            println!("ok\t{}\t{milliseconds}\t{lines}\t{operations}", generated.warnings.len());
        }
        Err(Error::Contract(diagnostics)) => {
            eprint!("{diagnostics}");
            println!("rejected\t{}\t{milliseconds}\t0", diagnostics.len());
        }
        Err(error) => {
            eprintln!("{error}");
            println!("bug\t0\t{milliseconds}\t0");
        }
    }
    Ok(true)
}

/// Writes a crate's files; how many lines they have.
fn write(folder: &Path, files: &[File]) -> anyhow::Result<usize> {
    let mut lines = 0;
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().expect("a generated file stands in a folder"))?;
        fs::write(&path, &file.text).with_context(|| format!("cannot write {}", path.display()))?;
        lines += file.text.lines().count();
    }
    Ok(lines)
}

/// The parent's side: what the child's last words and its end say.
pub(super) fn read_report(name: &str, report: &str, ended: Ended) -> Row {
    let mut row = Row::new(name);
    let fields = report.trim_end().split('\t').collect::<Vec<_>>();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    row.diagnostics = number(1);
    row.generate_milliseconds = number(2);
    row.lines = number(3);
    row.operations.1 = number(4);
    row.outcome = match (ended, fields[0]) {
        (Ended::TimeOut, _) => Outcome::TimeOut("generate"),
        (Ended::Success, "ok") => Outcome::Ok,
        (Ended::Success, "rejected") => Outcome::Rejected,
        (Ended::Success, _) => Outcome::Bug,
        // 101 is how Rust's runtime ends after a panic; a signal is a stack overflow or the lack of memory.
        (Ended::Failure(Some(101)), _) => Outcome::Panic,
        (Ended::Failure(None), _) => Outcome::Crash,
        (Ended::Failure(Some(_)), _) => Outcome::Bug,
    };
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(report: &str, ended: Ended, expected: &str) {
        assert_eq!(read_report("name", report, ended).to_string(), expected);
    }

    #[test]
    fn reports_become_rows() {
        check("ok\t2\t31\t900\t4\n", Ended::Success, "name\t-\t4\t2\t31\t900\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\tok");
        check(
            "rejected\t7\t12\t0\n",
            Ended::Success,
            "name\t-\t-\t7\t12\t0\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\trejected",
        );
        check("bug\t0\t12\t0\n", Ended::Success, "name\t-\t-\t0\t12\t0\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\tbug");
        check("", Ended::Failure(Some(101)), "name\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\tpanic");
        check("", Ended::Failure(None), "name\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\tcrash");
        check("", Ended::TimeOut, "name\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\ttime-out: generate");
    }
}
