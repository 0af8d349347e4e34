//! What is wrong or odd about an organisation's clocks (X1, X11).
//!
//! Invariant: an organisation without an error here gives every ticket the same readings on every machine.

use serde::{Deserialize, Serialize};

use super::{Allowance, Calendar, CalendarError, Clock, ClockRule, HOURS_MAX, ServiceClocks};
use crate::catalogue::Catalogue;
use crate::ticket::Status;

/// Whether an organisation can be loaded with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can; somebody should think about it.
    Warning,
}

/// Where in the file: the n-th of its kind, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// `[[service.calendars]]`.
    Calendar(usize),
    /// `[[service.clocks]]`.
    Clock(usize),
    /// `[[service.goals]]`.
    Goal(usize),
    /// The file as a whole.
    File,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A calendar is not well written.
    Calendar(CalendarError),
    /// Two calendars have one code.
    CalendarTwice(String),
    /// A clock is there twice.
    ClockTwice(Clock),
    /// A clock names a calendar that is not there.
    UnknownCalendar(String),
    /// An allowance names a region or a product line that is not there.
    UnknownCode(String),
    /// A grade that is not `A`, `B` or `C`.
    UnknownGrade(String),
    /// No hours, or more than [`HOURS_MAX`].
    Hours(u32),
    /// Two allowances fit one ticket with equally many conditions, and differ.
    Ambiguous {
        /// Hours of the one that would count.
        first: u32,
        /// Hours of the other.
        second: u32,
    },
    /// A clock that stops by what starts it.
    StopsAtStart,
    /// A goal of a clock that is not there.
    GoalWithoutClock(Clock),
    /// No allowance fits tickets of this grade.
    Uncovered(String),
    /// A clock may run longer than the mean that is wanted: kept limits would miss the goal (X1).
    AboveGoal {
        /// The grade that may; nothing for all.
        grade: Option<String>,
        /// Its hours.
        hours: u32,
        /// The mean that is wanted.
        goal: u32,
    },
    /// A less urgent grade has less time than a more urgent one.
    Inverted {
        /// The more urgent.
        urgent: String,
        /// The less urgent.
        other: String,
    },
    /// A calendar names no holiday in the year that is running, or in none to come.
    HolidaysEnd(i32),
    /// The procedures ask for this clock without a figure, so the organisation must give one (X11).
    Missing(Clock),
    /// A response that stands still while nobody has taken the ticket.
    PausedBeforeAccepted(Status),
}

/// Something wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

const GRADES: [&str; 3] = ["A", "B", "C"];

impl Problem {
    /// Whether it keeps the organisation from being loaded.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Calendar(_)
            | Self::CalendarTwice(_)
            | Self::ClockTwice(_)
            | Self::UnknownCalendar(_)
            | Self::UnknownCode(_)
            | Self::UnknownGrade(_)
            | Self::Hours(_)
            | Self::Ambiguous { .. }
            | Self::StopsAtStart
            | Self::GoalWithoutClock(_) => Severity::Error,
            Self::Uncovered(_)
            | Self::AboveGoal { .. }
            | Self::Inverted { .. }
            | Self::HolidaysEnd(_)
            | Self::Missing(_)
            | Self::PausedBeforeAccepted(_) => Severity::Warning,
        }
    }

    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Calendar(_) => "calendar_malformed",
            Self::CalendarTwice(_) => "calendar_twice",
            Self::ClockTwice(_) => "clock_twice",
            Self::UnknownCalendar(_) => "unknown_calendar",
            Self::UnknownCode(_) => "unknown_code",
            Self::UnknownGrade(_) => "unknown_grade",
            Self::Hours(_) => "hours_out_of_range",
            Self::Ambiguous { .. } => "allowances_ambiguous",
            Self::StopsAtStart => "stops_at_start",
            Self::GoalWithoutClock(_) => "goal_without_clock",
            Self::Uncovered(_) => "grade_uncovered",
            Self::AboveGoal { .. } => "above_goal",
            Self::Inverted { .. } => "grades_inverted",
            Self::HolidaysEnd(_) => "holidays_end",
            Self::Missing(_) => "clock_missing",
            Self::PausedBeforeAccepted(_) => "paused_before_accepted",
        }
    }
}

/// Everything that is wrong or odd, in the order of the file. `year` is the one that is running.
pub fn lint(catalogue: &Catalogue, year: i32) -> Vec<Finding> {
    let service = &catalogue.service;
    let mut found = Vec::new();
    let mut say = |place, problem| found.push(Finding { place, problem });
    for (n, rule) in service.calendars.iter().enumerate() {
        if service.calendars[..n].iter().any(|r| r.code == rule.code) {
            say(
                Place::Calendar(n),
                Problem::CalendarTwice(rule.code.clone()),
            );
        }
        match Calendar::new(rule) {
            Err(error) => say(Place::Calendar(n), Problem::Calendar(error)),
            Ok(calendar) => {
                let until = calendar.holidays_until().unwrap_or(0);
                if until < year {
                    say(Place::Calendar(n), Problem::HolidaysEnd(until));
                }
            }
        }
    }
    for (n, rule) in service.clocks.iter().enumerate() {
        if service.clocks[..n].iter().any(|r| r.clock == rule.clock) {
            say(Place::Clock(n), Problem::ClockTwice(rule.clock));
        }
        for problem in of_clock(rule, service, catalogue) {
            say(Place::Clock(n), problem);
        }
    }
    for (n, goal) in service.goals.iter().enumerate() {
        let rules = service.rules();
        let Some(rule) = rules.iter().find(|rule| rule.clock == goal.clock) else {
            say(Place::Goal(n), Problem::GoalWithoutClock(goal.clock));
            continue;
        };
        for allowance in rule.within.iter().filter(|a| a.hours > goal.mean_hours) {
            let problem = Problem::AboveGoal {
                grade: allowance.grade.clone(),
                hours: allowance.hours,
                goal: goal.mean_hours,
            };
            say(Place::Goal(n), problem);
        }
    }
    for clock in [Clock::SheetReturn, Clock::FollowUp] {
        if !service.clocks.iter().any(|rule| rule.clock == clock) {
            say(Place::File, Problem::Missing(clock));
        }
    }
    found.sort_by_key(|finding| finding.place);
    found
}

fn of_clock(rule: &ClockRule, service: &ServiceClocks, catalogue: &Catalogue) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(code) = &rule.calendar
        && !service.calendars.iter().any(|c| c.code == *code)
    {
        found.push(Problem::UnknownCalendar(code.clone()));
    }
    if rule.start().event() == rule.stop() {
        found.push(Problem::StopsAtStart);
    }
    for allowance in &rule.within {
        let regions = catalogue.regions.iter().map(|r| &r.code);
        let lines = catalogue.product_lines.iter().map(|l| &l.code);
        let unknown = |codes: &[String], known: Vec<&String>| -> Vec<Problem> {
            let codes = codes.iter().filter(|code| !known.contains(code));
            codes
                .map(|code| Problem::UnknownCode(code.clone()))
                .collect()
        };
        found.extend(unknown(&allowance.regions, regions.collect()));
        found.extend(unknown(&allowance.product_lines, lines.collect()));
        if let Some(grade) = &allowance.grade
            && !GRADES.contains(&grade.as_str())
        {
            found.push(Problem::UnknownGrade(grade.clone()));
        }
        if !(1..=HOURS_MAX).contains(&allowance.hours) {
            found.push(Problem::Hours(allowance.hours));
        }
    }
    for (n, first) in rule.within.iter().enumerate() {
        for second in &rule.within[n + 1..] {
            if first.conditions() == second.conditions()
                && first.hours != second.hours
                && meet(first, second)
            {
                found.push(Problem::Ambiguous {
                    first: first.hours,
                    second: second.hours,
                });
            }
        }
    }
    // Where an allowance asks for region or product line, whether all are covered depends on the ticket.
    let plain = |grade: &str| rule.allowance(Some(grade), None, None);
    if rule.within.iter().any(|a| a.grade.is_some()) {
        for grade in GRADES {
            let named = |a: &Allowance| a.grade.as_deref().is_none_or(|g| g == grade);
            if !rule.within.iter().any(named) {
                found.push(Problem::Uncovered(grade.to_owned()));
            }
        }
        for pair in GRADES.windows(2) {
            if let (Some(urgent), Some(other)) = (plain(pair[0]), plain(pair[1]))
                && urgent.hours > other.hours
            {
                found.push(Problem::Inverted {
                    urgent: pair[0].to_owned(),
                    other: pair[1].to_owned(),
                });
            }
        }
    }
    if rule.clock == Clock::FirstResponse {
        let early = [Status::Received, Status::Assigned];
        let paused = rule.pause.iter().filter(|status| early.contains(status));
        found.extend(paused.map(|status| Problem::PausedBeforeAccepted(*status)));
    }
    found
}

/// Whether one ticket can fit both.
fn meet(one: &Allowance, other: &Allowance) -> bool {
    let share = |a: &[String], b: &[String]| {
        a.is_empty() || b.is_empty() || a.iter().any(|code| b.contains(code))
    };
    let grades = match (&one.grade, &other.grade) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    grades && share(&one.regions, &other.regions) && share(&one.product_lines, &other.product_lines)
}
