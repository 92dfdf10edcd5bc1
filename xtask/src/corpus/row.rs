//! The figures of one contract, and the table of them.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::contract_name;
use super::crates::Kind;
use super::limited::Ended;

/// How a contract ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The three crates compile without a warning.
    Ok,
    /// The generator refused the contract, with diagnostics.
    Rejected,
    /// The generator panicked.
    Panic,
    /// The generator was ended by a signal: a stack overflow, or no memory left.
    Crash,
    /// The generator said that it broke its own promises.
    Bug,
    /// A limit was reached, and in which stage.
    TimeOut(&'static str),
    /// These crates do not compile, or with warnings.
    DoesNotCompile(Vec<Kind>),
    /// Nothing could be measured.
    Unmeasured(String),
}

/// One row: times are wall-clock; a figure that was not reached is `-`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// Warnings of an accepted contract, findings of a rejected one.
    pub(super) diagnostics: Option<u64>,
    pub(super) generate_milliseconds: Option<u64>,
    /// Of the three crates together.
    pub(super) lines: Option<u64>,
    /// In the order of [`Kind::ALL`].
    pub(super) check: [Option<Duration>; 3],
    pub(super) outcome: Outcome,
}

impl Row {
    /// The names of the columns.
    pub(super) const HEADER: &str =
        "name\tdiagnostics\tgenerate_ms\tlines\tcheck_types_s\tcheck_server_s\tcheck_client_s\toutcome";

    pub(super) fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self {
            name,
            diagnostics: None,
            generate_milliseconds: None,
            lines: None,
            check: [None; 3],
            outcome: Outcome::Ok,
        }
    }

    /// The row of a contract where the machine failed, not the generator.
    pub(super) fn unmeasured(contract: &Path, error: &anyhow::Error) -> Self {
        Self { outcome: Outcome::Unmeasured(format!("{error:#}")), ..Self::new(&contract_name(contract)) }
    }

    /// Notes the check of a crate.
    pub(super) fn checked(&mut self, kind: Kind, ended: Ended, duration: Duration) {
        self.check[kind as usize] = Some(duration);
        match (ended, &mut self.outcome) {
            (Ended::Success, _) => {}
            (Ended::TimeOut, Outcome::Ok) => self.outcome = Outcome::TimeOut(kind.folder()),
            (Ended::Failure(_), Outcome::DoesNotCompile(kinds)) => kinds.push(kind),
            (Ended::Failure(_), Outcome::Ok) => self.outcome = Outcome::DoesNotCompile(vec![kind]),
            (Ended::TimeOut | Ended::Failure(_), _) => {} // the first finding stays
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let [types, server, client] = self.check.map(|duration| {
            duration.map_or_else(|| "-".to_owned(), |duration| format!("{:.2}", duration.as_secs_f64()))
        });
        let (diagnostics, lines) = (number(self.diagnostics), number(self.lines));
        let milliseconds = number(self.generate_milliseconds);
        let Self { name, outcome, .. } = self;
        write!(formatter, "{name}\t{diagnostics}\t{milliseconds}\t{lines}\t{types}\t{server}\t{client}\t{outcome}")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => formatter.write_str("ok"),
            Self::Rejected => formatter.write_str("rejected"),
            Self::Panic => formatter.write_str("panic"),
            Self::Crash => formatter.write_str("crash"),
            Self::Bug => formatter.write_str("bug"),
            Self::TimeOut(stage) => write!(formatter, "time-out: {stage}"),
            Self::DoesNotCompile(kinds) => {
                let kinds = kinds.iter().map(|kind| kind.folder()).collect::<Vec<_>>();
                write!(formatter, "does not compile: {}", kinds.join(", "))
            }
            Self::Unmeasured(reason) => write!(formatter, "not measured: {}", reason.replace(['\t', '\n'], " ")),
        }
    }
}

/// The rows as a file.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!("{}\n", Row::HEADER);
    for row in rows {
        text.push_str(&format!("{row}\n"));
    }
    text
}

/// One line over all rows.
pub(super) fn summary(rows: &[Row], duration: Duration) -> String {
    let count = |wanted: fn(&Outcome) -> bool| rows.iter().filter(|row| wanted(&row.outcome)).count();
    let compile = count(|outcome| *outcome == Outcome::Ok);
    let mut parts = Vec::new();
    for (word, number) in [
        ("rejected", count(|outcome| *outcome == Outcome::Rejected)),
        ("panic", count(|outcome| matches!(outcome, Outcome::Panic | Outcome::Crash))),
        ("bug", count(|outcome| *outcome == Outcome::Bug)),
        ("time-out", count(|outcome| matches!(outcome, Outcome::TimeOut(_)))),
        ("do not compile", count(|outcome| matches!(outcome, Outcome::DoesNotCompile(_)))),
        ("not measured", count(|outcome| matches!(outcome, Outcome::Unmeasured(_)))),
    ] {
        if number > 0 {
            parts.push(format!(", {number} {word}"));
        }
    }
    let lines = rows.iter().filter_map(|row| row.lines).sum::<u64>();
    let seconds = duration.as_secs_f64();
    format!("{compile} of {} contracts compile{}; {lines} lines in {seconds:.0} s", rows.len(), parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_every_crate_that_does_not_compile() {
        let mut row = Row::new("tasks");
        row.checked(Kind::Types, Ended::Success, Duration::from_millis(1_500));
        row.checked(Kind::Server, Ended::Failure(Some(101)), Duration::from_secs(2));
        row.checked(Kind::Client, Ended::Failure(Some(101)), Duration::from_secs(3));
        assert_eq!(row.to_string(), "tasks\t-\t-\t-\t1.50\t2.00\t3.00\tdoes not compile: server, client");
    }

    #[test]
    fn the_summary_counts_what_went_wrong() {
        let mut rejected = Row::new("rejected");
        rejected.outcome = Outcome::Rejected;
        let mut good = Row::new("good");
        good.lines = Some(12);
        let text = summary(&[good, rejected], Duration::from_secs(3));
        assert_eq!(text, "1 of 2 contracts compile, 1 rejected; 12 lines in 3 s");
    }
}
