//! What a proof found.

use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// What a proof found, of all operations together. Written as one line of JSON, read by whoever makes a table of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Operations that were called.
    pub operations: usize,
    /// Operations whose every call arrived equal and whose every breach was refused.
    pub proved: usize,
    /// Calls that went through the client to the handler and back.
    pub calls: usize,
    /// Broken requests that were sent.
    pub refusals: usize,
    /// Damaged requests that were sent.
    #[serde(default)]
    pub damaged: usize,
    /// Values that could not be made, each with its operation.
    pub unmade: Vec<String>,
    /// What the contract has and HTTP or the proof has not, each with its operation and the reason.
    pub unproved: Vec<String>,
    /// What went wrong, each with its operation.
    pub failures: Vec<String>,
}

impl Report {
    /// Prints the report: the line of JSON on stdout, the failures on stderr. The process succeeds where nothing failed.
    pub fn finish(&self) -> ExitCode {
        for failure in &self.failures {
            eprintln!("failed: {failure}");
        }
        for unmade in &self.unmade {
            eprintln!("not made: {unmade}");
        }
        for unproved in &self.unproved {
            eprintln!("not proved: {unproved}");
        }
        eprintln!("{self}");
        match serde_json::to_string(self) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("the report cannot be written: {error}"),
        }
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "{} of {} operations proved; {} calls, {} refusals, {} damaged requests, {} values not made, {} not proved, {} failures",
            self.proved,
            self.operations,
            self.calls,
            self.refusals,
            self.damaged,
            self.unmade.len(),
            self.unproved.len(),
            self.failures.len()
        )
    }
}
