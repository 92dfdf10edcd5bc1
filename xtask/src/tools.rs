//! Programs of others that the steps need: those of PyPI are put into the target folder, pinned, where they are missing.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::workspace::{Workspace, run};

/// moto's server and what it needs for that.
pub(crate) const MOTO: &str = "moto==5.2.5\nflask==3.1.2\nflask-cors==6.0.1\n";

/// A folder below `target/tools` with Python packages, for PYTHONPATH; installed at the first call.
///
/// # Errors
///
/// pip cannot install them.
pub(crate) fn python_packages(workspace: &Workspace, name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace.target.join("tools").join(name);
    let installed = folder.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("requirements.txt");
    std::fs::write(&file, requirements)?;
    let mut command = workspace.program("python3");
    command.args(["-m", "pip", "install", "--quiet", "--no-input", "--only-binary", ":all:", "--upgrade"]);
    command.arg("--requirement").arg(&file).arg("--target").arg(&folder);
    run(&mut command).with_context(|| format!("pip cannot install {name}"))?;
    std::fs::write(installed, requirements)?;
    Ok(folder)
}
