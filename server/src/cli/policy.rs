//! `gongdan policy check|due`: what is wrong or odd about an organisation's file, and what its calendars say.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use chrono::Datelike;
use chrono_tz::Tz;
use clap::Subcommand;
use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::service_clock::{Finding, Place, Problem, Severity, lint};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::texts::{both, figure};
use super::{Ended, Outcome, Output};
use crate::host::Host;
use crate::organisation;

/// Lines of one run of `due`.
const LINES_MAX: usize = 1_000_000;

#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// 检查组织文件：错误与值得留意之处 · Say what is wrong or odd about an organisation's file
    Check {
        /// 文件 · The file
        file: PathBuf,
        /// 以 JSON 输出，每行一条 · As JSON, one finding a line
        #[arg(long)]
        json: bool,
    },
    /// 按日历推算期限：标准输入每行一个时刻与秒数 · When time is over: each line of standard input is an instant and seconds
    Due {
        /// 文件 · The file
        file: PathBuf,
        /// 日历代码；省略则全天候 · Code of the calendar; all hours without
        #[arg(long)]
        calendar: Option<String>,
    },
}

impl Policy {
    pub(super) fn run(&self, out: Output<'_>) -> Outcome {
        match self {
            Self::Check { file, json } => {
                let year = Host::system().now().to_utc().year();
                check(file, year, *json, out)
            }
            Self::Due { file, calendar } => due(file, calendar.as_deref(), out),
        }
    }
}

fn text_of(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|f| {
        f.take(organisation::FILE_BYTES_MAX)
            .read_to_string(&mut text)
    });
    read.map_err(|error| format!("read {}: {error}", file.display()))?;
    Ok(text)
}

/// Where the tables stand in the file.
#[derive(Default, Deserialize)]
struct Shape {
    #[serde(default)]
    service: Tables,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tables {
    calendars: Vec<Spanned<IgnoredAny>>,
    clocks: Vec<Spanned<IgnoredAny>>,
    goals: Vec<Spanned<IgnoredAny>>,
}

impl Tables {
    /// The line of a place, from 1.
    fn line(&self, text: &str, place: Place) -> usize {
        let table = match place {
            Place::Calendar(n) => self.calendars.get(n),
            Place::Clock(n) => self.clocks.get(n),
            Place::Goal(n) => self.goals.get(n),
            Place::File => None,
        };
        let start = table.map_or(0, |table| table.span().start);
        let before = text.as_bytes().get(..start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

fn check(file: &Path, year: i32, json: bool, out: Output<'_>) -> Outcome {
    let text = text_of(file)?;
    // What is not the file's shape ends here, with line and column.
    let catalogue: Catalogue = toml::from_str(&text)?;
    let shape: Shape = toml::from_str(&text).unwrap_or_default();
    let findings = lint(&catalogue, year);
    let count = |severity| {
        let of = findings.iter().filter(|f| f.problem.severity() == severity);
        of.count()
    };
    for finding in &findings {
        let line = shape.service.line(&text, finding.place);
        if json {
            writeln!(out, "{}", as_json(finding, line))?;
        } else {
            let severity = match finding.problem.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            writeln!(
                out,
                "{}:{line}: {} [{}] {}",
                file.display(),
                both("policy", severity),
                finding.problem.code(),
                sentence(&finding.problem)
            )?;
        }
    }
    let errors = count(Severity::Error);
    if !json {
        figure(out, "policy_errors", errors)?;
        figure(out, "policy_warnings", count(Severity::Warning))?;
    }
    if errors > 0 {
        return Err(Ended(1).into());
    }
    // Codes that refer to nothing, and the like.
    organisation::parse(&text)?;
    Ok(())
}

fn as_json(finding: &Finding, line: usize) -> serde_json::Value {
    let parameters = parameters(&finding.problem);
    let parameters: serde_json::Map<String, serde_json::Value> = parameters
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    serde_json::json!({
        "line": line,
        "severity": finding.problem.severity(),
        "code": finding.problem.code(),
        "parameters": parameters,
    })
}

fn sentence(problem: &Problem) -> String {
    let mut text = both("policy", problem.code());
    for (name, value) in parameters(problem) {
        text = text.replace(&format!("{{{name}}}"), &value);
    }
    text
}

/// What is filled into a problem's sentence.
fn parameters(problem: &Problem) -> Vec<(&'static str, String)> {
    match problem {
        Problem::Calendar(error) => vec![("error", error.to_string())],
        Problem::CalendarTwice(code) | Problem::UnknownCalendar(code) => {
            vec![("calendar", code.clone())]
        }
        Problem::ClockTwice(clock) | Problem::GoalWithoutClock(clock) | Problem::Missing(clock) => {
            vec![("clock", clock.name().to_owned())]
        }
        Problem::UnknownCode(code) => vec![("of", code.clone())],
        Problem::UnknownGrade(grade) | Problem::Uncovered(grade) => vec![("grade", grade.clone())],
        Problem::Hours(hours) => vec![("hours", hours.to_string())],
        Problem::Ambiguous { first, second } => {
            vec![("first", first.to_string()), ("second", second.to_string())]
        }
        Problem::StopsAtStart => Vec::new(),
        Problem::AboveGoal { grade, hours, goal } => vec![
            ("grade", grade.clone().unwrap_or_else(|| "*".to_owned())),
            ("hours", hours.to_string()),
            ("goal", goal.to_string()),
        ],
        Problem::Inverted { urgent, other } => {
            vec![("urgent", urgent.clone()), ("other", other.clone())]
        }
        Problem::HolidaysEnd(year) => vec![("year", year.to_string())],
        Problem::PausedBeforeAccepted(status) => vec![("status", status.name().to_owned())],
    }
}

fn due(file: &Path, calendar: Option<&str>, out: Output<'_>) -> Outcome {
    let organisation = organisation::parse(&text_of(file)?)?;
    let service = &organisation.service;
    if let Some(code) = calendar
        && !service.calendars.iter().any(|rule| rule.code == code)
    {
        let problem = Problem::UnknownCalendar(code.to_owned());
        return Err(sentence(&problem).into());
    }
    let calendar = service.calendar(calendar)?;
    let zone: Tz = organisation.zone.parse()?;
    for line in std::io::stdin().lock().lines().take(LINES_MAX) {
        let line = line?;
        let asked = line.split_once(' ').and_then(|(at, seconds)| {
            let at = chrono::DateTime::parse_from_rfc3339(at).ok()?;
            Some((Timestamp::from(at.to_utc()), seconds.parse().ok()?))
        });
        let (from, seconds) = asked.ok_or_else(|| both("policy", "line"))?;
        match calendar.after(&zone, from, seconds) {
            Some(due) => writeln!(out, "{due}")?,
            None => writeln!(out, "-")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use gongdan_core::service_clock::{CalendarError, Clock};
    use gongdan_core::ticket::Status;

    use super::*;

    const SAMPLE: &str = include_str!("../../sample/organisation.toml");

    fn told(text: &str, json: bool) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("organisation.toml");
        std::fs::write(&file, text).unwrap();
        let mut out = Vec::new();
        let good = check(&file, 2026, json, &mut out).is_ok();
        let out = String::from_utf8(out).unwrap();
        (out.replace(&file.display().to_string(), "FILE"), good)
    }

    #[test]
    fn the_sample_is_loaded_and_its_contradiction_is_told_with_its_line() {
        let (said, good) = told(SAMPLE, false);
        assert!(good, "{said}");
        let goal = SAMPLE
            .lines()
            .position(|l| l == "[[service.goals]]")
            .unwrap()
            + 1;
        assert!(said.starts_with(&format!("FILE:{goal}: ")), "{said}");
        assert!(said.contains("above_goal") && said.contains("12"), "{said}");
        let (json, _) = told(SAMPLE, true);
        let finding: serde_json::Value =
            serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!(finding["line"], goal);
        assert_eq!(finding["parameters"]["goal"], "8");
    }

    #[test]
    fn a_wrong_clock_is_told_and_keeps_the_file_from_being_loaded() {
        let wrong = format!(
            "{SAMPLE}\n[[service.clocks]]\nclock = \"dispatch\"\ncalendar = \"moon\"\nwithin = [{{ hours = 0 }}]\n"
        );
        let (said, good) = told(&wrong, false);
        assert!(!good);
        assert!(
            said.contains("unknown_calendar") && said.contains("hours_out_of_range"),
            "{said}"
        );
        assert!(organisation::parse(&wrong).is_err());
    }

    #[test]
    fn every_problem_has_its_sentence() {
        let text = || "x".to_owned();
        let problems = [
            Problem::Calendar(CalendarError::Empty),
            Problem::CalendarTwice(text()),
            Problem::ClockTwice(Clock::Arrival),
            Problem::UnknownCalendar(text()),
            Problem::UnknownCode(text()),
            Problem::UnknownGrade(text()),
            Problem::Hours(0),
            Problem::Ambiguous {
                first: 1,
                second: 2,
            },
            Problem::StopsAtStart,
            Problem::GoalWithoutClock(Clock::Arrival),
            Problem::Uncovered(text()),
            Problem::AboveGoal {
                grade: None,
                hours: 12,
                goal: 8,
            },
            Problem::Inverted {
                urgent: text(),
                other: text(),
            },
            Problem::HolidaysEnd(2025),
            Problem::Missing(Clock::FollowUp),
            Problem::PausedBeforeAccepted(Status::Received),
        ];
        for problem in problems {
            let said = sentence(&problem);
            assert!(!said.contains('{'), "{said}");
        }
    }
}
