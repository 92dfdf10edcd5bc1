//! The rules of `migrations/README.md`: expand first, contract later.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, bail, ensure};

use crate::steps::Outcome;
use crate::tools;
use crate::workspace::{Workspace, run};

/// Reads SQL and knows which statements lock or break what runs.
const SQUAWK: &str =
    "squawk-cli==2.70.0 --hash=sha256:e67651bb984b01276752ca685f870b281cf493d5d7bd318607148b657c359b52\n";

/// What squawk has to refuse: a linter that is switched off by mistake accepts them.
const BAD: [&str; 6] = [
    "ALTER TABLE tasks DROP COLUMN title;",
    "ALTER TABLE tasks RENAME COLUMN title TO name;",
    "ALTER TABLE tasks RENAME TO jobs;",
    "ALTER TABLE tasks ADD COLUMN colour text NOT NULL;",
    "DROP TABLE tasks;",
    "CREATE INDEX tasks_title ON tasks (title);",
];

/// Checks every migration, and the statements of the commit before against the new schema.
///
/// # Errors
///
/// A rule is broken, or a tool cannot be had.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let squawk = tools::python_packages(workspace, "squawk", SQUAWK)?.join("bin/squawk");
    let mut command = workspace.program(&squawk);
    command.args(["--config", "migrations/squawk.toml"]);
    for file in sql_files(workspace)? {
        command.arg(file);
    }
    run(&mut command)?;
    for statement in BAD {
        let mut command = workspace.program(&squawk);
        command.args(["--config", "migrations/squawk.toml", "--stdin-filepath", "bad.sql"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().context("squawk")?;
        process.stdin.take().expect("it is piped").write_all(statement.as_bytes())?;
        ensure!(!process.wait()?.success(), "squawk accepts `{statement}`");
    }
    println!("squawk refuses {} statements that contract", BAD.len());
    fits_the_commit_before(workspace)?;
    Ok(Outcome::Passed)
}

fn sql_files(workspace: &Workspace) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(workspace.path("migrations"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What is deployed now has to go on working on the schema that this commit makes.
fn fits_the_commit_before(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = workspace.target.join("queries-before");
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    match statements_of("HEAD~1", workspace, &folder)? {
        Some(count) => println!("the commit before has {count} statements"),
        None => println!("there is no commit before this one, so only the tables are looked at"),
    }
    let everything = ["--quiet", "--locked", "--workspace", "--all-features", "--examples"];
    run(workspace.cargo().arg("build").args(everything))?;
    let examples = workspace.target.join("debug/examples");
    let mut command = workspace.program(examples.join("with_postgres"));
    command.arg("migrations").arg(examples.join("statements_fit")).arg(&folder);
    run(&mut command)
}

/// Writes `handlers/.sqlx` of a revision into a folder; how many files. `None` where git knows no such revision.
fn statements_of(revision: &str, workspace: &Workspace, folder: &Path) -> anyhow::Result<Option<usize>> {
    let git = |arguments: &[&str]| workspace.program("git").args(arguments).stderr(Stdio::null()).output();
    let listed = match git(&["ls-tree", "-r", "--name-only", revision, "handlers/.sqlx"]) {
        Ok(listed) if listed.status.success() => String::from_utf8(listed.stdout)?,
        _ => return Ok(None),
    };
    for path in listed.lines() {
        let shown = git(&["show", &format!("{revision}:{path}")])?;
        if !shown.status.success() {
            bail!("git cannot show {revision}:{path}");
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        fs::write(folder.join(name), shown.stdout)?;
    }
    Ok(Some(listed.lines().count()))
}
