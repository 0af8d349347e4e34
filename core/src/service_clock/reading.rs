//! What a clock shows for a ticket.
//!
//! Invariant: a clock that is said to be met or overdue without a mark is so at every instant that the proven
//! intervals allow.

use chrono::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Calendar, CalendarError, Clock, ClockRule, ClockStart, ServiceClocks};
use crate::clock::{TimeInterval, Timestamp};
use crate::ticket::{EventKind, Status};

/// Something that happened, with what is known of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// What.
    pub kind: EventKind,
    /// What the author's clock said.
    pub claimed_at: Timestamp,
    /// When it can have been.
    pub within: TimeInterval,
}

/// A ticket, as far as clocks are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clocked {
    /// `A`, `B` or `C`.
    pub grade: Option<String>,
    /// Code of the region.
    pub region: Option<String>,
    /// Code of the product line.
    pub product_line: Option<String>,
    /// Receipt of the feedback, as it was noted at intake (X15).
    pub reported_at: Option<Timestamp>,
    /// What happened, in the order in which it counts.
    pub occurrences: Vec<Occurrence>,
}

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs and is within its time.
    Running,
    /// It stands still.
    Paused,
    /// It stopped in time.
    Met,
    /// It was not, or will not be, stopped in time.
    Overdue,
    /// The ticket was called off before it stopped.
    CalledOff,
}

/// What a clock shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reading {
    /// Which clock.
    pub clock: Clock,
    /// How it stands.
    pub state: State,
    /// Its start: the claimed instant, moved into what is proven.
    pub started_at: Timestamp,
    /// When it will be, or was, over its time. Nothing where that is more than ten years away.
    pub due_at: Option<Timestamp>,
    /// Its stop, likewise.
    pub stopped_at: Option<Timestamp>,
    /// The status that makes it stand still.
    pub paused_by: Option<Status>,
    /// Seconds of its calendar that it may run.
    pub allowed_seconds: i64,
    /// Seconds that it has run.
    pub elapsed_seconds: i64,
    /// Whether it comes out the same at every instant that is possible of its events.
    pub is_proven: bool,
}

/// Which instant of an interval counts.
#[derive(Clone, Copy)]
enum Count {
    /// The claimed one, moved into the interval.
    Claimed,
    /// As the clock runs longest.
    Longest,
    /// As it runs shortest.
    Shortest,
}

/// The ends of a stretch of time that a clock ran or stood still for.
#[derive(Clone, Copy)]
struct Stretch {
    from: Occurrence,
    to: Occurrence,
    paused_by: Option<Status>,
}

/// What the clocks of an organisation show for a ticket at `now`; those that have not started, and those that no
/// allowance fits, are left out. After a reopening the clocks begin anew with it.
///
/// # Errors
/// A calendar is not well written.
pub fn read<Z: TimeZone>(
    clocks: &ServiceClocks,
    zone: &Z,
    ticket: &Clocked,
    now: Timestamp,
) -> Result<Vec<Reading>, CalendarError> {
    let mut readings = Vec::new();
    let round = round(&ticket.occurrences);
    for rule in clocks.rules() {
        let calendar = clocks.calendar(rule.calendar.as_deref())?;
        readings.extend(read_one(&rule, &calendar, zone, ticket, &round, now));
    }
    Ok(readings)
}

fn read_one<Z: TimeZone>(
    rule: &ClockRule,
    calendar: &Calendar,
    zone: &Z,
    ticket: &Clocked,
    round: &[Occurrence],
    now: Timestamp,
) -> Option<Reading> {
    let (grade, region) = (ticket.grade.as_deref(), ticket.region.as_deref());
    let allowance = rule.allowance(grade, region, ticket.product_line.as_deref())?;
    let allowed = i64::from(allowance.hours) * 3_600;
    let first = round.iter().position(|o| o.kind == rule.start().event())?;
    let start = match (rule.start(), ticket.reported_at, first) {
        // Somebody wrote it down: there is no more proof of it than that.
        (ClockStart::Reported, Some(at), 0) => Occurrence {
            claimed_at: at.min(round[0].within.latest),
            within: TimeInterval {
                earliest: at.min(round[0].within.latest),
                latest: at.min(round[0].within.latest),
            },
            ..round[first]
        },
        _ => round[first],
    };
    let rest = &round[first + 1..];
    let ends = |o: &&Occurrence| o.kind == rule.stop() || o.kind == EventKind::Cancelled;
    let stop = rest.iter().find(ends);
    let this_instant = Occurrence {
        kind: rule.stop(),
        claimed_at: now,
        within: TimeInterval {
            earliest: now,
            latest: now,
        },
    };
    let end = *stop.unwrap_or(&this_instant);
    let stretches = stretches(rule, start, rest, end);
    let elapsed = |count| {
        let ran = stretches.iter().filter(|s| s.paused_by.is_none());
        ran.map(|s| calendar.between(zone, s.begin(count), s.end(count)))
            .sum::<i64>()
    };
    let elapsed_seconds = elapsed(Count::Claimed);
    let is_late = elapsed_seconds > allowed;
    let is_proven = (elapsed(Count::Longest) > allowed) == is_late
        && (elapsed(Count::Shortest) > allowed) == is_late;
    let paused_by = stretches.last().and_then(|s| s.paused_by);
    let state = match stop {
        Some(stop) if stop.kind != rule.stop() => State::CalledOff,
        _ if is_late => State::Overdue,
        Some(_) => State::Met,
        None if paused_by.is_some() => State::Paused,
        None => State::Running,
    };
    Some(Reading {
        clock: rule.clock,
        state,
        started_at: start.counted(),
        due_at: due(calendar, zone, &stretches, allowed),
        stopped_at: stop.map(Occurrence::counted),
        paused_by: paused_by.filter(|_| stop.is_none()),
        allowed_seconds: allowed,
        elapsed_seconds,
        is_proven,
    })
}

/// What happened since the ticket was reopened last; the reopening counts as its opening.
fn round(occurrences: &[Occurrence]) -> Vec<Occurrence> {
    let last = occurrences
        .iter()
        .rposition(|o| o.kind == EventKind::Reopened);
    let Some(last) = last else {
        return occurrences.to_vec();
    };
    let mut round = occurrences[last..].to_vec();
    round[0].kind = EventKind::Opened;
    round
}

/// The time from start to end, cut where the clock stands still and goes on.
fn stretches(
    rule: &ClockRule,
    start: Occurrence,
    rest: &[Occurrence],
    end: Occurrence,
) -> Vec<Stretch> {
    let mut cut = Vec::new();
    let (mut from, mut paused_by) = (start, None);
    for occurrence in rest.iter().take_while(|o| **o != end) {
        let Some(status) = status_after(occurrence.kind) else {
            continue;
        };
        let pauses = rule.pause.contains(&status).then_some(status);
        if pauses.is_some() != paused_by.is_some() {
            cut.push(Stretch {
                from,
                to: *occurrence,
                paused_by,
            });
            (from, paused_by) = (*occurrence, pauses);
        }
    }
    cut.push(Stretch {
        from,
        to: end,
        paused_by,
    });
    cut
}

/// When the time is over: where the stretches ran out of it, or would with the last one going on.
fn due<Z: TimeZone>(
    calendar: &Calendar,
    zone: &Z,
    stretches: &[Stretch],
    allowed: i64,
) -> Option<Timestamp> {
    let mut left = allowed;
    let mut last = Timestamp(0);
    let count = Count::Claimed;
    for stretch in stretches.iter().filter(|s| s.paused_by.is_none()) {
        let ran = calendar.between(zone, stretch.begin(count), stretch.end(count));
        last = stretch.begin(count);
        if ran > left {
            return calendar.after(zone, last, left);
        }
        left -= ran;
        last = stretch.end(count);
    }
    // A clock that stands still now would go on now at the earliest.
    let end = stretches.last().map_or(last, |s| s.end(count));
    calendar.after(zone, end.max(last), left)
}

impl Occurrence {
    fn counted(&self) -> Timestamp {
        self.within.clamp(self.claimed_at)
    }
}

impl Stretch {
    fn begin(&self, count: Count) -> Timestamp {
        match count {
            Count::Claimed => self.from.counted(),
            Count::Longest => self.from.within.earliest,
            Count::Shortest => self.from.within.latest,
        }
    }
    fn end(&self, count: Count) -> Timestamp {
        match count {
            Count::Claimed => self.to.counted(),
            Count::Longest => self.to.within.latest,
            Count::Shortest => self.to.within.earliest,
        }
    }
}

/// The status that an event leads to, where it leads to one whatever was before.
const fn status_after(kind: EventKind) -> Option<Status> {
    Some(match kind {
        EventKind::Opened | EventKind::Declined => Status::Received,
        EventKind::Assigned => Status::Assigned,
        EventKind::Accepted => Status::Accepted,
        EventKind::Appointed => Status::Appointed,
        EventKind::Departed => Status::Departed,
        EventKind::Arrived | EventKind::Resumed => Status::Arrived,
        EventKind::Suspended => Status::Suspended,
        EventKind::Completed => Status::Completed,
        EventKind::Confirmed => Status::Confirmed,
        EventKind::Closed => Status::Closed,
        EventKind::Cancelled => Status::Cancelled,
        EventKind::Graded | EventKind::Reopened | EventKind::FollowedUp | EventKind::Settled => {
            return None;
        }
    })
}
