//! `cargo xtask test`: runs the steps one after the other and ends with a table.
//!
//! Invariant: every chosen step is in the table as passed, failed or missing. A step that cannot
//! run is missing, which in CI is a failure; nothing is left out silently. A failed step does not
//! keep the others from running, so one run shows everything that is wrong.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::setup;
use crate::steps::{self, Step};
use crate::tree::Tree;

/// How a step ended.
enum Outcome {
    Passed,
    Failed(String),
    /// It could not run, for want of these.
    Missing(String),
}

/// One row of the closing table.
struct Row {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let (only, list) = steps::selection(args)?;
    let chosen = steps::chosen(&only)?;
    if list {
        for step in chosen {
            println!("{:<WIDTH$}  {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let started = Instant::now();
    let mut rows = vec![timed(SETUP, || match setup::install(tree, &chosen) {
        Ok(()) => Outcome::Passed,
        Err(error) => Outcome::Failed(format!("{error:#}")),
    })];
    for (index, step) in chosen.iter().enumerate() {
        println!(
            "\n━━ [{}/{}] {}: {} ━━",
            index + 1,
            chosen.len(),
            step.name,
            step.about
        );
        let row = timed(step.name, || run(tree, step));
        println!(
            "━━ {}: {} after {}",
            row.name,
            row.outcome.word(),
            elapsed(row.took)
        );
        rows.push(row);
    }
    Ok(close(&rows, started.elapsed()))
}

const SETUP: &str = "setup";
/// Columns that the longest step name takes.
const WIDTH: usize = 12;

fn run(tree: &Tree, step: &Step) -> Outcome {
    let unmet = setup::unmet(tree, step);
    if !unmet.is_empty() {
        println!("cannot run without {}", unmet.join(", "));
        return Outcome::Missing(unmet.join(", "));
    }
    match (step.run)(tree) {
        Ok(()) => Outcome::Passed,
        Err(error) => {
            println!("{error:#}");
            Outcome::Failed(format!("{error:#}"))
        }
    }
}

fn timed(name: &'static str, work: impl FnOnce() -> Outcome) -> Row {
    let started = Instant::now();
    let outcome = work();
    Row {
        name,
        outcome,
        took: started.elapsed(),
    }
}

/// Prints the table and gives the exit code of the whole.
fn close(rows: &[Row], took: Duration) -> ExitCode {
    println!("\n{:<WIDTH$}  {:<7}  {:>7}", "step", "result", "time");
    for row in rows {
        let note = match &row.outcome {
            Outcome::Passed => String::new(),
            Outcome::Failed(why) | Outcome::Missing(why) => format!("  {}", first_line(why)),
        };
        println!(
            "{:<WIDTH$}  {:<7}  {:>7}{note}",
            row.name,
            row.outcome.word(),
            elapsed(row.took)
        );
    }
    let failed = rows
        .iter()
        .filter(|row| matches!(row.outcome, Outcome::Failed(_)))
        .count();
    let missing = rows
        .iter()
        .filter(|row| matches!(row.outcome, Outcome::Missing(_)))
        .count();
    let passed = rows.len() - failed - missing;
    println!(
        "{passed} passed, {failed} failed, {missing} missing, in {}",
        elapsed(took)
    );
    if succeeded(failed, missing, setup::in_ci()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn succeeded(failed: usize, missing: usize, in_ci: bool) -> bool {
    failed == 0 && (missing == 0 || !in_ci)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "FAILED",
            Self::Missing(_) => "MISSING",
        }
    }
}

/// `duration` in minutes and seconds, to a tenth of a second below a minute.
pub(crate) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_part_fails_in_ci_and_only_there() {
        assert!(succeeded(0, 1, false));
        assert!(!succeeded(0, 1, true));
        assert!(!succeeded(1, 0, false));
        assert!(succeeded(0, 0, true));
    }

    #[test]
    fn times_read_as_minutes_and_seconds() {
        assert_eq!(elapsed(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(elapsed(Duration::from_secs(61)), "1m01s");
    }
}
