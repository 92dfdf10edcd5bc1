//! The README's walk, done in a copy of the repository: a walk that a reader cannot follow is a failed test.
//!
//! The pieces are in `docs/walk/`; the README has to show each of them word for word.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::copy;
use crate::steps::Outcome;
use crate::workspace::{Workspace, command_line, run};

/// What the copy's packages are called instead.
const COPY_VERSION: &str = "0.1.999";

/// A piece of the walk, where it goes, and the line of that file above which it goes.
struct Piece {
    text: &'static str,
    file: &'static str,
    above: Option<&'static str>,
}

const OPERATION: Piece =
    Piece { text: "docs/walk/operation.yaml", file: "openapi.yaml", above: Some("  /tasks/{taskId}/attachments:") };
const IMPORT: &str = "    CompleteTaskRequest, CompleteTaskResponse,\n";
const HANDLER: Piece =
    Piece { text: "docs/walk/handler.rs", file: "handlers/src/tasks.rs", above: Some("    async fn export_tasks(") };
const TEST: Piece = Piece { text: "docs/walk/test.rs", file: "handlers/tests/api/tasks.rs", above: None };

/// Walks.
///
/// # Errors
///
/// The README shows something else, or a step of the walk does not end as the README says.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let readme = read(&workspace.path("README.md"))?;
    for piece in [OPERATION, HANDLER, TEST] {
        let text = read(&workspace.path(piece.text))?;
        ensure!(readme.contains(text.trim_end()), "README.md does not show {} as it is", piece.text);
    }

    let copy = copy::make(workspace, "walk", COPY_VERSION)?;

    insert(&copy, &OPERATION)?;
    missing_handler(&copy)?;
    insert(&copy, &HANDLER)?;
    import(&copy)?;
    insert(&copy, &TEST)?;
    run(cargo_test(&copy).args(["--", "tasks::a_task_is_completed", "--exact"]))?;
    Ok(Outcome::Passed)
}

/// The contract has an operation more than the handlers: rustc has to say which.
fn missing_handler(copy: &Workspace) -> anyhow::Result<()> {
    let mut command = cargo_test(copy);
    command.arg("--no-run");
    println!("$ {}", command_line(&command));
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let named = errors.lines().find(|line| line.contains("E0046") && line.contains("`complete_task`"));
    match named {
        Some(line) if !output.status.success() => println!("as it should: {line}"),
        _ => bail!("rustc does not name the missing handler:\n{errors}"),
    }
    Ok(())
}

/// The API tests, with the packages and features of `cargo xtask test`, so that dependencies are not compiled again.
fn cargo_test(copy: &Workspace) -> Command {
    let mut command = copy.cargo();
    command.args(["test", "--quiet", "--workspace", "--all-features", "--test", "api"]);
    // Somebody who walks is at a desk: with CI=true the build refuses to write generated code.
    command.env_remove("CI").env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn insert(copy: &Workspace, piece: &Piece) -> anyhow::Result<()> {
    let text = read(&copy.path(piece.text))?;
    let path = copy.path(piece.file);
    let file = read(&path)?;
    let changed = match piece.above {
        None => format!("{file}\n{text}"),
        Some(line) => {
            let (before, after) = file.split_once(line).with_context(|| format!("{} has no {line:?}", piece.file))?;
            format!("{before}{text}{line}{after}")
        }
    };
    fs::write(&path, changed)?;
    Ok(())
}

/// The two names that the handler uses.
fn import(copy: &Workspace) -> anyhow::Result<()> {
    let path = copy.path(HANDLER.file);
    let file = read(&path)?;
    let line = "use api_server::tasks::{\n";
    ensure!(file.contains(line), "{} does not import from api_server::tasks", HANDLER.file);
    fs::write(&path, file.replacen(line, &format!("{line}{IMPORT}"), 1))?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
