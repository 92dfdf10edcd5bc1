//! The official JSON Schema Test Suite, which is no part of this repository.
//!
//! The source distribution of Python's `jsonschema` carries it whole; pip brings one version of that, pinned by its
//! hash, into the target folder, and only the suite is unpacked.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::tools;
use crate::workspace::{Workspace, run};

/// The only file that pip accepts.
const DISTRIBUTION: &str =
    "jsonschema==4.26.0 --hash=sha256:0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326\n";

/// Unpacks the suite, if it is not there yet, and returns its folder.
///
/// # Errors
///
/// There is no Python, or pip cannot bring the distribution.
pub(crate) fn folder(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.target.join("json-schema-test-suite");
    if folder.join("tests").is_dir() {
        return Ok(folder);
    }
    let download = tools::python_source(workspace, "json-schema-test-suite", DISTRIBUTION)?;
    let mut command = workspace.program("python3");
    command.args(["-c", UNPACK]).arg(download.join("jsonschema-4.26.0.tar.gz")).arg(&folder);
    run(&mut command).context("the distribution could not be unpacked")?;
    Ok(folder)
}

/// Writes what stands below `json/` in a distribution to a folder.
const UNPACK: &str = "
import pathlib, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    for member in archive:
        parts = pathlib.PurePosixPath(member.name).parts[1:]
        if member.isfile() and parts[:1] == ('json',) and '..' not in parts:
            path = pathlib.Path(sys.argv[2], *parts[1:])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())
";
