//! The CDK app of `infra/`: its checks, its cost table, and what deploys it.
//!
//! Everything here works without an account, but for `deploy` without `--dry-run`, and `verify`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::package;
use crate::steps::Outcome;
use crate::workspace::{Workspace, run as run_program};

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
    if !has_program("npm") {
        return absent("npm is not installed");
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
/// A step before fails, `infra/lib/config.ts` still holds examples, or CDK fails.
pub(crate) fn deploy(workspace: &Workspace, options: &Deploy) -> anyhow::Result<bool> {
    let stage = options.stage.name();
    let artefact = package::build(workspace)?;
    if let Outcome::Skipped(reason) = check(workspace)? {
        bail!("the checks cannot be run: {reason}");
    }
    let artefact = artefact.to_string_lossy().into_owned();
    let infra = Infra::new(workspace);
    if options.dry_run {
        let output = infra.synthesize(&[("SPECWRIGHT_ARTEFACT", &artefact)])?;
        println!("nothing was deployed; Specwright-{stage} is in {}", output.display());
        return Ok(true);
    }
    let stack = format!("Specwright-{stage}");
    let variables =
        [("SPECWRIGHT_ARTEFACT", artefact.as_str()), ("SPECWRIGHT_DEPLOY", "1"), ("SPECWRIGHT_STAGE", stage)];
    // CloudFormation asks nobody; what would change in who may do what was in the diff on the pull request.
    infra.npm(&["exec", "--", "cdk", "deploy", &stack, "--require-approval", "never"], &variables)?;
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
            "--all",
            "--quiet",
            "--no-notices",
            "--no-version-reporting",
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
        let Some(programs) = self.checkers()? else { return absent("python3 with venv is not installed") };
        let templates = ["dev", "prod"].map(|stage| output.join(format!("Specwright-{stage}.template.json")));
        run_program(self.workspace.program(programs.join("cfn-lint")).args(&templates))?;
        let mut checkov = self.workspace.program(programs.join("checkov"));
        checkov.args(["--framework", "cloudformation", "--compact", "--quiet", "--skip-download", "--file"]);
        run_program(checkov.args(&templates))?;
        Ok(Outcome::Passed)
    }

    /// The folder with both checkers, installed into the target folder where they are not; `None` without Python.
    fn checkers(&self) -> anyhow::Result<Option<PathBuf>> {
        let environment = self.workspace.target.join("infra/python");
        let programs = environment.join("bin");
        let requirements = self.folder.join("requirements.txt");
        let mark = environment.join("installed.txt");
        let wanted = std::fs::read_to_string(&requirements)?;
        if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
            return Ok(Some(programs));
        }
        if !has_program("python3") {
            return Ok(None);
        }
        run_program(self.workspace.program("python3").args(["-m", "venv"]).arg(&environment))?;
        let mut pip = self.workspace.program(programs.join("python"));
        run_program(pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements))?;
        std::fs::write(&mark, wanted).context("the checkers were installed, but not noted down")?;
        Ok(Some(programs))
    }
}

fn absent(reason: &str) -> anyhow::Result<Outcome> {
    if env::var("CI").is_ok_and(|value| value == "true") {
        bail!("{reason}");
    }
    Ok(Outcome::Skipped(reason.to_owned()))
}

fn has_program(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
}
