//! The named clocks of a ticket (服务时限): first response, dispatch, arrival, completion, return of the sheet,
//! follow-up (X1). Each organisation says how long each may run, in which hours, and when it stands still.
//!
//! ```text
//! rule × grade, region, product line ──▶ allowance ──┐
//! calendar (working hours, holidays)  ───────────────┼──▶ reading: running, paused, met, overdue; due when
//! events with the interval that is proven of each ───┘
//! ```
//! Invariant: a reading is a function of the rules, the events and the instant asked for. Nobody sets a clock by
//! hand: work done offline counts at the time that is proven of it, and what is not proven is marked.

pub mod calendar;
mod lint;
mod reading;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use calendar::{Calendar, CalendarError, CalendarRule};
pub use lint::{Finding, Place, Problem, Severity, lint};
pub use reading::{Clocked, Occurrence, Reading, State, read};

use crate::ticket::{EventKind, Status};

/// Which clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// From intake until the crew takes the ticket (R31–R33).
    FirstResponse,
    /// From intake until somebody is assigned (R42–R44).
    Dispatch,
    /// From the receipt of the feedback until somebody is on site (R37, X15).
    Arrival,
    /// Until the work is done (R35).
    Completion,
    /// From the end of the work until the customer has confirmed it (R86, X11).
    SheetReturn,
    /// From then until the customer was called (R95, X11).
    FollowUp,
}

/// What starts a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockStart {
    /// The receipt of the customer's feedback, where it was noted; else the intake (X15).
    Reported,
    /// The intake.
    Opened,
    /// The assignment.
    Assigned,
    /// The crew took it.
    Accepted,
    /// The work is done.
    Completed,
    /// The customer confirmed.
    Confirmed,
}

/// How long a clock may run for some tickets. A condition that is not given fits every ticket; of several
/// allowances that fit, the one with the most conditions counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// `A`, `B` or `C`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Codes of regions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Codes of product lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_lines: Vec<String>,
    /// Hours of the clock's calendar.
    pub hours: u32,
}

/// The most hours that a clock may have: a year.
pub const HOURS_MAX: u32 = 8_784;

/// A clock as an organisation sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClockRule {
    /// Which.
    pub clock: Clock,
    /// What starts it; each clock has a usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<ClockStart>,
    /// What stops it; each clock has a usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<EventKind>,
    /// Code of the calendar whose hours count; all hours without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Statuses in which it stands still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pause: Vec<Status>,
    /// How long it may run.
    pub within: Vec<Allowance>,
}

/// What the organisation wants on average (R38, X1): a goal of the statistics, not a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// Of which clock.
    pub clock: Clock,
    /// The mean, in hours.
    pub mean_hours: u32,
}

/// Everything about clocks that an organisation sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceClocks {
    /// Working hours by code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<CalendarRule>,
    /// The clocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<ClockRule>,
    /// Goals of means.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
}

impl Clock {
    /// All, in the order in which they usually run.
    pub const ALL: [Self; 6] = [
        Self::Dispatch,
        Self::FirstResponse,
        Self::Arrival,
        Self::Completion,
        Self::SheetReturn,
        Self::FollowUp,
    ];

    /// Name in JSON and TOML.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstResponse => "first_response",
            Self::Dispatch => "dispatch",
            Self::Arrival => "arrival",
            Self::Completion => "completion",
            Self::SheetReturn => "sheet_return",
            Self::FollowUp => "follow_up",
        }
    }

    /// The clock of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|clock| clock.name() == name)
    }

    const fn usual(self) -> (ClockStart, EventKind) {
        match self {
            Self::FirstResponse => (ClockStart::Opened, EventKind::Accepted),
            Self::Dispatch => (ClockStart::Opened, EventKind::Assigned),
            Self::Arrival => (ClockStart::Reported, EventKind::Arrived),
            Self::Completion => (ClockStart::Opened, EventKind::Completed),
            Self::SheetReturn => (ClockStart::Completed, EventKind::Confirmed),
            Self::FollowUp => (ClockStart::Confirmed, EventKind::FollowedUp),
        }
    }
}

impl ClockStart {
    /// The event that it is, or falls back on.
    pub const fn event(self) -> EventKind {
        match self {
            Self::Reported | Self::Opened => EventKind::Opened,
            Self::Assigned => EventKind::Assigned,
            Self::Accepted => EventKind::Accepted,
            Self::Completed => EventKind::Completed,
            Self::Confirmed => EventKind::Confirmed,
        }
    }
}

impl ClockRule {
    /// What starts it.
    pub fn start(&self) -> ClockStart {
        self.start.unwrap_or(self.clock.usual().0)
    }
    /// What stops it.
    pub fn stop(&self) -> EventKind {
        self.stop.unwrap_or(self.clock.usual().1)
    }

    /// The allowance of a ticket; none where no allowance fits.
    pub fn allowance(
        &self,
        grade: Option<&str>,
        region: Option<&str>,
        product_line: Option<&str>,
    ) -> Option<&Allowance> {
        let among = |codes: &[String], code: Option<&str>| {
            codes.is_empty() || code.is_some_and(|code| codes.iter().any(|known| known == code))
        };
        let fits = |a: &&Allowance| {
            a.grade.as_deref().is_none_or(|g| grade == Some(g))
                && among(&a.regions, region)
                && among(&a.product_lines, product_line)
        };
        // Of equals the first; `lint` calls two equals an error.
        let fitting = self.within.iter().rev().filter(fits);
        fitting.max_by_key(|allowance| allowance.conditions())
    }
}

impl Allowance {
    /// How many conditions it has.
    pub fn conditions(&self) -> usize {
        usize::from(self.grade.is_some())
            + usize::from(!self.regions.is_empty())
            + usize::from(!self.product_lines.is_empty())
    }
}

impl ServiceClocks {
    /// Nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The clocks that run: those set, or, where none is, the response within 2, 4 and 12 hours (R31–R33).
    pub fn rules(&self) -> Vec<ClockRule> {
        if !self.clocks.is_empty() {
            return self.clocks.clone();
        }
        let within = [("A", 2), ("B", 4), ("C", 12)].map(|(grade, hours)| Allowance {
            grade: Some(grade.to_owned()),
            regions: Vec::new(),
            product_lines: Vec::new(),
            hours,
        });
        vec![ClockRule {
            clock: Clock::FirstResponse,
            start: None,
            stop: None,
            calendar: None,
            pause: Vec::new(),
            within: within.into(),
        }]
    }

    /// The calendar of a code; all hours where there is none of it.
    ///
    /// # Errors
    /// It is not well written.
    pub fn calendar(&self, code: Option<&str>) -> Result<Calendar, CalendarError> {
        let of_code = |rule: &&CalendarRule| code == Some(rule.code.as_str());
        let rule = self.calendars.iter().find(of_code);
        rule.map_or(Ok(Calendar::Always), Calendar::new)
    }
}
