//! A list of steps, run in order, each with its name and duration.

use std::time::{Duration, Instant};

use crate::workspace::Workspace;

/// One thing that must hold.
pub(crate) struct Step {
    /// One word, for `--only`.
    pub(crate) name: &'static str,
    /// What must hold.
    pub(crate) promise: &'static str,
    /// Finds out.
    pub(crate) run: fn(&Workspace) -> anyhow::Result<Outcome>,
}

/// How a step ended, where it did not fail.
pub(crate) enum Outcome {
    /// The promise holds.
    Passed,
    /// It cannot be found out here, and why.
    Skipped(String),
}

/// A step that cannot find out for want of something: said aloud on a desk, a failure in CI, which has everything.
///
/// # Errors
///
/// The reason, where `CI` is `true`.
pub(crate) fn skip(reason: impl Into<String>) -> anyhow::Result<Outcome> {
    let reason = reason.into();
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        anyhow::bail!(reason);
    }
    Ok(Outcome::Skipped(reason))
}

/// What is known of a step at the end.
enum Verdict {
    Passed,
    Skipped(String),
    Failed(String),
}

/// Runs the steps and prints a table of them; whether none failed.
pub(crate) fn run(workspace: &Workspace, steps: &[&Step], keep_going: bool) -> bool {
    let start = Instant::now();
    let mut results = Vec::new();
    for step in steps {
        println!("\n=== {}: {}", step.name, step.promise);
        let start = Instant::now();
        let verdict = match (step.run)(workspace) {
            Ok(Outcome::Passed) => Verdict::Passed,
            Ok(Outcome::Skipped(reason)) => Verdict::Skipped(reason),
            Err(error) => Verdict::Failed(format!("{error:#}")),
        };
        let duration = start.elapsed();
        match &verdict {
            Verdict::Passed => println!("--- {} passed in {}", step.name, display(duration)),
            Verdict::Skipped(reason) => println!("skipped: {}: {reason}", step.name),
            Verdict::Failed(reason) => println!("--- {} FAILED after {}: {reason}", step.name, display(duration)),
        }
        let failed = matches!(verdict, Verdict::Failed(_));
        results.push((step, verdict, duration));
        if failed && !keep_going {
            break;
        }
    }
    summarise(&results, steps.len(), start.elapsed())
}

/// The table, the names of what went wrong, and the counts alone on the last line.
fn summarise(results: &[(&&Step, Verdict, Duration)], planned: usize, duration: Duration) -> bool {
    println!();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (step, verdict, duration) in results {
        let (word, detail) = match verdict {
            Verdict::Passed => (&mut passed, ("passed", String::new())),
            Verdict::Skipped(reason) => (&mut skipped, ("skipped", format!("  {reason}"))),
            Verdict::Failed(reason) => (&mut failed, ("FAILED", format!("  {reason}"))),
        };
        *word += 1;
        let (word, reason) = detail;
        println!("{:<12} {:<8} {:>12}{reason}", step.name, word, display(*duration));
    }
    if results.len() < planned {
        println!("{} steps were not run; `--keep-going` runs them all the same", planned - results.len());
    }
    println!("\n{planned} steps planned, {}", display(duration));
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
}

/// A duration that a person reads at once.
fn display(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn workspace() -> Workspace {
        Workspace { root: PathBuf::new(), target: PathBuf::new() }
    }

    const GOOD: Step = Step { name: "good", promise: "holds", run: |_| Ok(Outcome::Passed) };
    const BAD: Step = Step { name: "bad", promise: "does not hold", run: |_| anyhow::bail!("as intended") };
    const NEVER: Step = Step { name: "never", promise: "is not reached", run: |_| unreachable!("after a failure") };
    const ABSENT: Step = Step { name: "absent", promise: "unknown", run: |_| Ok(Outcome::Skipped("no data".into())) };

    #[test]
    fn a_failure_stops_the_run_and_decides_the_verdict() {
        assert!(!run(&workspace(), &[&GOOD, &BAD, &NEVER], false));
    }

    #[test]
    fn keep_going_runs_the_rest_and_still_fails() {
        assert!(!run(&workspace(), &[&BAD, &GOOD], true));
    }

    #[test]
    fn a_skipped_step_is_no_failure() {
        assert!(run(&workspace(), &[&ABSENT, &GOOD], false));
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(display(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(display(Duration::from_secs(125)), "2 min 05 s");
    }
}
