//! The CDK app of `infra/`: its checks, its cost table, and what deploys it.
//!
//! Everything here works without an account, but for `deploy` without `--dry-run`, and `verify`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::package;
use crate::steps::{Outcome, skip};
use crate::tools;
use crate::workspace::{Workspace, run as run_program};

/// cfn-lint and checkov, with everything that they depend on.
const CHECKERS: &str = include_str!("../../infra/requirements.txt");

/// A stage of the service.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Stage {
    Dev,
    Prod,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Prod => "prod",
        }
    }
}

/// What is deployed, and how far it goes.
#[derive(Args)]
pub(crate) struct Deploy {
    /// The stage.
    #[arg(long, value_enum)]
    stage: Stage,
    /// Package, check and synthesize, and stop before AWS is asked anything.
    #[arg(long)]
    dry_run: bool,
    /// Deploy what `cargo xtask package` has left in a folder, such as what an earlier job built, instead of packaging anew.
    #[arg(long, value_name = "FOLDER")]
    artefact: Option<PathBuf>,
    #[command(flatten)]
    package: package::Options,
}

/// What is verified.
#[derive(Args)]
pub(crate) struct Verify {
    /// The stage.
    #[arg(long, value_enum)]
    stage: Stage,
    /// Arguments of the checklist: `--only rotation`, `--token ...`; `--help` says them all.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Lints, types, tests, synthesis of both stages without an account, cdk-nag, cfn-lint and checkov.
///
/// # Errors
///
/// A check fails; with `CI=true`, also where Node is missing.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !tools::is_installed("npm") {
        return skip("npm is not installed");
    }
    let infra = Infra::new(workspace);
    infra.install()?;
    infra.npm(&["run", "--silent", "typecheck"], &[])?;
    infra.npm(&["run", "--silent", "lint"], &[])?;
    infra.npm(&["run", "--silent", "test"], &[])?;
    // The first line of `docs/network.svg` is what the proof drew last; it is drawn anew and compared there.
    let output = infra.synthesize(&[("SPECWRIGHT_PLACEHOLDER", "1")])?;
    infra.check_templates(&output)
}

/// Prints what a month costs, next to ADR-001.
///
/// # Errors
///
/// Node is missing, or synthesis fails.
pub(crate) fn cost(workspace: &Workspace) -> anyhow::Result<bool> {
    let infra = Infra::new(workspace);
    infra.install()?;
    infra.npm(&["run", "--silent", "cost"], &[])?;
    Ok(true)
}

/// Packages, checks, and deploys a stage.
///
/// # Errors
///
/// `infra/lib/config.ts` still holds examples, a step before fails, or CDK fails.
pub(crate) fn deploy(workspace: &Workspace, options: &Deploy) -> anyhow::Result<bool> {
    let stage = options.stage.name();
    let infra = Infra::new(workspace);
    infra.install()?;
    // Before the build, which takes minutes.
    if let Err(error) = infra.npm(&["exec", "--", "tsx", "bin/ready.ts", "--stage", stage], &[]) {
        if !options.dry_run {
            return Err(error);
        }
        println!("not ready for AWS; this run stops before it all the same");
    }
    let artefact = match &options.artefact {
        Some(folder) => package::accept(workspace, folder)?,
        None => package::build(workspace, &options.package)?,
    };
    if let Outcome::Skipped(reason) = check(workspace)? {
        bail!("the checks cannot be run: {reason}");
    }
    let artefact = artefact.to_string_lossy().into_owned();
    if options.dry_run {
        let output = infra.synthesize(&[("SPECWRIGHT_ARTEFACT", &artefact)])?;
        println!("nothing was deployed; Specwright-{stage} is in {}", output.display());
        return Ok(true);
    }
    let stack = format!("Specwright-{stage}");
    // CloudFormation asks nobody; what would change in who may do what was in the diff on the pull request.
    let arguments = ["exec", "--", "cdk", "deploy", &stack, "--require-approval", "never"];
    infra.npm(&arguments, &[("SPECWRIGHT_ARTEFACT", &artefact)])?;
    Ok(true)
}

/// Runs the checklist of `docs/staging-checklist.md` against a deployed stage.
///
/// # Errors
///
/// Node or the AWS command line is missing, or a check fails.
pub(crate) fn verify(workspace: &Workspace, options: &Verify) -> anyhow::Result<bool> {
    let infra = Infra::new(workspace);
    infra.install()?;
    let mut arguments = vec!["exec", "--", "tsx", "bin/verify.ts", "--stage", options.stage.name()];
    arguments.extend(options.rest.iter().map(String::as_str));
    infra.npm(&arguments, &[])?;
    Ok(true)
}

struct Infra<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
}

impl<'a> Infra<'a> {
    fn new(workspace: &'a Workspace) -> Self {
        Self { workspace, folder: workspace.path("infra") }
    }

    /// `npm ci`, where the lock file is newer than what it installed.
    fn install(&self) -> anyhow::Result<()> {
        let modified = |path: &str| self.folder.join(path).metadata().and_then(|metadata| metadata.modified()).ok();
        let installed = modified("node_modules/.package-lock.json");
        if installed.is_some() && installed >= modified("package-lock.json") {
            return Ok(());
        }
        self.npm(&["ci", "--no-audit", "--no-fund"], &[])
    }

    fn npm(&self, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut command = self.workspace.program("npm");
        command.current_dir(&self.folder).args(arguments).envs(variables.iter().copied());
        // Neither the command line of CDK nor npm has anything to tell its maker.
        command.env("CDK_DISABLE_CLI_TELEMETRY", "true").env("NO_UPDATE_NOTIFIER", "1");
        run_program(&mut command)
    }

    /// Both stages into the target folder, by CDK's own command line and without an account.
    fn synthesize(&self, variables: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
        let output = self.workspace.target.join("infra/cdk.out");
        let text = output.to_string_lossy().into_owned();
        let arguments = [
            "exec",
            "--",
            "cdk",
            "synth",
            "--quiet",
            "--no-notices",
            "--no-version-reporting",
            // With the stack of who may deploy, for a repository that is nobody's.
            "--context",
            "repository=example/specwright",
            "--output",
            &text,
        ];
        self.npm(&arguments, variables)?;
        let manifest = std::fs::read_to_string(output.join("manifest.json"))?;
        let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
        // Where CDK would have had to look something up in an account, it says so here.
        if manifest.get("missing").is_some() {
            bail!("synthesis looks something up in an account: {}", manifest["missing"]);
        }
        Ok(output)
    }

    /// cfn-lint and checkov over what was synthesized.
    fn check_templates(&self, output: &Path) -> anyhow::Result<Outcome> {
        if !tools::is_installed("python3") {
            return skip("python3 is not installed");
        }
        let checkers = tools::python_packages(self.workspace, "infra", CHECKERS)?;
        let program = |name| tools::python_program(self.workspace, &checkers, name);
        let templates = ["dev", "prod", "github"].map(|name| output.join(format!("Specwright-{name}.template.json")));
        run_program(program("cfn-lint").args(&templates))?;
        let mut checkov = program("checkov");
        checkov.args(["--framework", "cloudformation", "--compact", "--quiet", "--skip-download", "--file"]);
        run_program(checkov.args(&templates))?;
        Ok(Outcome::Passed)
    }
}
