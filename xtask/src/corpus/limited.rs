//! A program with a time limit, its output in files.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::workspace::command_line;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With exit status 0.
    Success,
    /// With another exit status, or by a signal.
    Failure(Option<i32>),
    /// It was ended by us.
    TimeOut,
}

/// Runs a program until it ends or the limit is reached; stdout goes to a new file, stderr is appended to the log.
///
/// # Errors
///
/// A file cannot be opened, or the program not be started.
pub(crate) fn run_limited(command: &mut Command, stdout: &Path, log: &Path, limit: Duration) -> anyhow::Result<Ended> {
    let line = command_line(command);
    let stdout = File::create(stdout).with_context(|| format!("cannot write {}", stdout.display()))?;
    let stderr = File::options().append(true).create(true).open(log);
    let stderr = stderr.with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    in_a_group_of_its_own(command);
    let mut child = command.spawn().with_context(|| format!("cannot run {line}"))?;
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { Ended::Success } else { Ended::Failure(status.code()) });
        }
        if Instant::now() >= end {
            end_group(child.id());
            child.kill()?;
            child.wait()?;
            return Ok(Ended::TimeOut);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// So that what the program started (Cargo starts the compiler) can be ended with it.
#[cfg(unix)]
fn in_a_group_of_its_own(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn in_a_group_of_its_own(_command: &mut Command) {}

/// Ends the processes of a group; the standard library can only end one.
fn end_group(leader: u32) {
    if cfg!(unix) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, limit: Duration) -> (Ended, String) {
        let folder = std::env::temp_dir();
        let stem = format!("xtask-limited-{}-{:?}", std::process::id(), std::thread::current().id());
        let (out, log) = (folder.join(format!("{stem}.out")), folder.join(format!("{stem}.log")));
        let ended = run_limited(Command::new("sh").args(["-c", script]), &out, &log, limit).unwrap();
        let text = std::fs::read_to_string(&out).unwrap() + &std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(out).unwrap();
        std::fs::remove_file(log).unwrap();
        (ended, text)
    }

    #[test]
    fn output_and_status_are_kept() {
        let (ended, text) = run("echo out; echo err >&2; exit 3", Duration::from_secs(10));
        assert_eq!((ended, text.as_str()), (Ended::Failure(Some(3)), "out\nerr\n"));
        assert_eq!(run("true", Duration::from_secs(10)).0, Ended::Success);
    }

    #[test]
    fn what_takes_too_long_is_ended_with_its_children() {
        let start = Instant::now();
        let (ended, text) = run("sleep 30 & echo $!; wait", Duration::from_millis(300));
        assert_eq!(ended, Ended::TimeOut);
        assert!(start.elapsed() < Duration::from_secs(5));
        let child = text.trim();
        // The signal takes a moment, and a killed child may stay as a zombie until its new parent looks.
        let runs = || {
            let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        let end = Instant::now() + Duration::from_secs(5);
        while runs() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!runs(), "{child} still runs");
    }
}
