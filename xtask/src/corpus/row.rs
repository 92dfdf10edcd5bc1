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
    /// The crates compile, and the proof of them does not: the generator's tie between client and server is wrong.
    Unproved,
    /// The proof found something: so many failures.
    Disproved(usize),
    /// These crates do not compile, or with warnings.
    DoesNotCompile(Vec<Kind>),
    /// Nothing could be measured.
    Unmeasured(String),
}

/// What a proof prints: `specwright_runtime::proof::Report`, read without building on the runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub(super) operations: usize,
    pub(super) proved: usize,
    pub(super) calls: usize,
    pub(super) refusals: usize,
    #[serde(default)]
    pub(super) damaged: usize,
    pub(super) unmade: Vec<String>,
    pub(super) unproved: Vec<String>,
    pub(super) failures: Vec<String>,
}

/// One row: times are wall-clock; a figure that was not reached is `-`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// Operations of the document, and of the generated crates.
    pub(super) operations: (Option<u64>, Option<u64>),
    /// Warnings of an accepted contract, findings of a rejected one.
    pub(super) diagnostics: Option<u64>,
    pub(super) generate_milliseconds: Option<u64>,
    /// Of the three crates together.
    pub(super) lines: Option<u64>,
    /// In the order of [`Kind::ALL`].
    pub(super) check: [Option<Duration>; 3],
    pub(super) proof: Option<Report>,
    pub(super) outcome: Outcome,
}

impl Row {
    /// The names of the columns.
    pub(super) const HEADER: &str = "name\toperations_in\toperations_out\tdiagnostics\tgenerate_ms\tlines\ttypes_s\tserver_s\tclient_s\t\
         proved\tcalls\trefusals\tdamaged\tnot_made\tnot_proved\tfailures\tdropped\toutcome";

    pub(super) fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self {
            name,
            operations: (None, None),
            diagnostics: None,
            generate_milliseconds: None,
            lines: None,
            check: [None; 3],
            proof: None,
            outcome: Outcome::Ok,
        }
    }

    /// The row of a contract where the machine failed, not the generator.
    pub(super) fn unmeasured(contract: &Path, error: &anyhow::Error) -> Self {
        Self { outcome: Outcome::Unmeasured(format!("{error:#}")), ..Self::new(&contract_name(contract)) }
    }

    /// How many operations of the document were not generated.
    fn dropped(&self) -> Option<u64> {
        let (Some(before), Some(after)) = self.operations else { return None };
        Some(before.saturating_sub(after))
    }

    /// Notes what a proof said.
    pub(super) fn proved(&mut self, report: &str, ended: Ended) {
        self.proof = report.lines().last().and_then(|line| serde_json::from_str(line).ok());
        self.outcome = match (&self.proof, ended) {
            (_, Ended::TimeOut) => Outcome::TimeOut("proof"),
            (Some(report), Ended::Success) if report.failures.is_empty() && report.operations > 0 => Outcome::Ok,
            // A contract of webhooks alone has no operation to prove.
            (Some(report), Ended::Success) if self.operations.0 == Some(0) && report.operations == 0 => Outcome::Ok,
            (Some(report), _) => Outcome::Disproved(report.failures.len()),
            (None, _) => Outcome::Disproved(0),
        };
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
        let (before, after, dropped) = (number(self.operations.0), number(self.operations.1), number(self.dropped()));
        let proof = self.proof.as_ref().map_or_else(
            || ["-"; 7].join("\t"),
            |proof| {
                let Report { proved, calls, refusals, damaged, unmade, unproved, failures, .. } = proof;
                let (unmade, unproved, failures) = (unmade.len(), unproved.len(), failures.len());
                format!("{proved}\t{calls}\t{refusals}\t{damaged}\t{unmade}\t{unproved}\t{failures}")
            },
        );
        let Self { name, outcome, .. } = self;
        write!(
            formatter,
            "{name}\t{before}\t{after}\t{diagnostics}\t{milliseconds}\t{lines}\t{types}\t{server}\t{client}\t{proof}\t\
             {dropped}\t{outcome}"
        )
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
            Self::Unproved => formatter.write_str("the proof does not compile"),
            Self::Disproved(failures) => write!(formatter, "disproved: {failures} failures"),
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
        ("disproved", count(|outcome| matches!(outcome, Outcome::Disproved(_) | Outcome::Unproved))),
        ("not measured", count(|outcome| matches!(outcome, Outcome::Unmeasured(_)))),
    ] {
        if number > 0 {
            parts.push(format!(", {number} {word}"));
        }
    }
    let lines = rows.iter().filter_map(|row| row.lines).sum::<u64>();
    let seconds = duration.as_secs_f64();
    let sum = |figure: fn(&Row) -> Option<u64>| rows.iter().filter_map(figure).sum::<u64>();
    let proofs = || rows.iter().filter_map(|row| row.proof.as_ref());
    let mut text = format!(
        "{compile} of {} contracts are good{}; {} operations in, {} out; {lines} lines in {seconds:.0} s",
        rows.len(),
        parts.concat(),
        sum(|row| row.operations.0),
        sum(|row| row.operations.1),
    );
    if proofs().next().is_some() {
        let total = |figure: fn(&Report) -> usize| proofs().map(figure).sum::<usize>();
        text.push_str(&format!(
            "; {} of {} operations proved by {} calls, {} refusals and {} damaged requests; {} values not made, {} things not proved, {} failures",
            total(|proof| proof.proved),
            total(|proof| proof.operations),
            total(|proof| proof.calls),
            total(|proof| proof.refusals),
            total(|proof| proof.damaged),
            total(|proof| proof.unmade.len()),
            total(|proof| proof.unproved.len()),
            total(|proof| proof.failures.len()),
        ));
    }
    text
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
        assert_eq!(
            row.to_string(),
            "tasks\t-\t-\t-\t-\t-\t1.50\t2.00\t3.00\t-\t-\t-\t-\t-\t-\t-\t-\tdoes not compile: server, client"
        );
    }

    #[test]
    fn the_summary_counts_what_went_wrong() {
        let mut rejected = Row::new("rejected");
        rejected.outcome = Outcome::Rejected;
        let mut good = Row::new("good");
        good.lines = Some(12);
        let text = summary(&[good, rejected], Duration::from_secs(3));
        assert_eq!(text, "1 of 2 contracts are good, 1 rejected; 0 operations in, 0 out; 12 lines in 3 s");
    }
}
