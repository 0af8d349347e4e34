//! Working hours: which seconds count for a clock.
//!
//! Invariant: `between(a, b)` and `after(a, n)` are inverse: `between(a, after(a, n)) == n`.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Weekday};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Days that a deadline is looked for in: past that there is none.
const DAYS_MAX: u64 = 3_660;

/// A calendar as an organisation writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CalendarRule {
    /// What clocks name it by.
    pub code: String,
    /// Days of the week: `mon` to `sun`.
    pub days: Vec<String>,
    /// Hours of a working day, such as `08:30-12:00`; the day may end at `24:00`.
    pub hours: Vec<String>,
    /// Days off whatever the day of the week: a date, or a first and a last one, `2026-10-01..2026-10-07`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<String>,
    /// Working days whatever the day of the week (调休).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workdays: Vec<String>,
}

/// A calendar that is not well written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not `mon` to `sun`.
    #[error("{0:?} is no day of the week")]
    Day(String),
    /// Not `HH:MM-HH:MM` with the end after the beginning.
    #[error("{0:?} are no hours of a day")]
    Hours(String),
    /// Two stretches of hours overlap.
    #[error("hours {0:?} overlap others")]
    Overlap(String),
    /// Not a date, or dates in the wrong order, or more than a year of them.
    #[error("{0:?} is no date and no two dates in order")]
    Date(String),
    /// Holiday and working day at once.
    #[error("{0} is a holiday and a working day")]
    Both(NaiveDate),
    /// Not a second of a week counts.
    #[error("no hours at all")]
    Empty,
}

/// Which seconds count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Calendar {
    /// All.
    Always,
    /// Working hours.
    Business(Business),
}

/// Days and hours of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Business {
    days: [bool; 7],
    /// Seconds of the day, in order, not overlapping.
    hours: Vec<(u32, u32)>,
    holidays: BTreeSet<NaiveDate>,
    workdays: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// The calendar that a rule means.
    ///
    /// # Errors
    /// It is not well written.
    pub fn new(rule: &CalendarRule) -> Result<Self, CalendarError> {
        let mut days = [false; 7];
        for day in &rule.days {
            days[weekday(day)?.num_days_from_monday() as usize] = true;
        }
        let mut hours = Vec::new();
        for text in &rule.hours {
            hours.push((stretch(text)?, text));
        }
        hours.sort_unstable();
        for pair in hours.windows(2) {
            if pair[1].0.0 < pair[0].0.1 {
                return Err(CalendarError::Overlap(pair[1].1.clone()));
            }
        }
        let holidays = dates(&rule.holidays)?;
        let workdays = dates(&rule.workdays)?;
        if let Some(both) = holidays.intersection(&workdays).next() {
            return Err(CalendarError::Both(*both));
        }
        if !days.contains(&true) || hours.is_empty() {
            return Err(CalendarError::Empty);
        }
        Ok(Self::Business(Business {
            days,
            hours: hours.into_iter().map(|(stretch, _)| stretch).collect(),
            holidays,
            workdays,
        }))
    }

    /// The last year that a holiday is named in.
    pub fn holidays_until(&self) -> Option<i32> {
        match self {
            Self::Always => None,
            Self::Business(business) => business.holidays.last().map(|date| date.year()),
        }
    }

    /// How many seconds count from `from` to `to`; none where `to` is before `from`.
    pub fn between<Z: TimeZone>(&self, zone: &Z, from: Timestamp, to: Timestamp) -> i64 {
        let Self::Business(business) = self else {
            return to.seconds().saturating_sub(from.seconds()).max(0);
        };
        let mut counted = 0;
        for (begin, end) in business.stretches(zone, from) {
            if begin >= to.seconds() {
                break;
            }
            counted += (end.min(to.seconds()) - begin.max(from.seconds())).max(0);
        }
        counted
    }

    /// The instant by which so many seconds from `from` have counted; the earliest one. Nothing where that is
    /// more than ten years away.
    pub fn after<Z: TimeZone>(&self, zone: &Z, from: Timestamp, seconds: i64) -> Option<Timestamp> {
        let Self::Business(business) = self else {
            return Some(from.plus(seconds.max(0)));
        };
        let mut left = seconds;
        if left <= 0 {
            return Some(from);
        }
        for (begin, end) in business.stretches(zone, from) {
            let begin = begin.max(from.seconds());
            let length = (end - begin).max(0);
            if left <= length {
                return Some(Timestamp(begin + left));
            }
            left -= length;
        }
        None
    }
}

impl Business {
    /// Whether people work on a date.
    pub fn is_open(&self, date: NaiveDate) -> bool {
        let usual = self.days[date.weekday().num_days_from_monday() as usize];
        self.workdays.contains(&date) || usual && !self.holidays.contains(&date)
    }

    /// The working hours from the day of an instant on, as seconds since 1970.
    fn stretches<Z: TimeZone>(
        &self,
        zone: &Z,
        from: Timestamp,
    ) -> impl Iterator<Item = (i64, i64)> {
        let first = zone.from_utc_datetime(&from.to_utc().naive_utc());
        let first = first.date_naive();
        let days = (0..DAYS_MAX).map_while(move |n| first.checked_add_days(Days::new(n)));
        days.filter(|date| self.is_open(*date))
            .flat_map(move |date| {
                let hours = self.hours.iter();
                hours.map(move |(begin, end)| {
                    (instant(zone, date, *begin), instant(zone, date, *end))
                })
            })
    }
}

/// The instant when a wall clock shows a second of a day. Where the clock is put forward over it, the instant of
/// the jump; where it shows it twice, the first.
fn instant<Z: TimeZone>(zone: &Z, date: NaiveDate, second: u32) -> i64 {
    let wall = date.and_time(NaiveTime::MIN) + TimeDelta::seconds(i64::from(second));
    let found = |wall: NaiveDateTime| {
        let shown = zone.from_local_datetime(&wall).earliest();
        shown.map(|at| at.timestamp())
    };
    if let Some(instant) = found(wall) {
        return instant;
    }
    // No zone jumps by more than a day; the minute after the gap is the instant itself.
    let mut later = (1..=1_440).map(|minutes| wall + TimeDelta::minutes(minutes));
    let end = later.find_map(found);
    end.unwrap_or(wall.and_utc().timestamp())
}

fn weekday(text: &str) -> Result<Weekday, CalendarError> {
    Ok(match text {
        "mon" => Weekday::Mon,
        "tue" => Weekday::Tue,
        "wed" => Weekday::Wed,
        "thu" => Weekday::Thu,
        "fri" => Weekday::Fri,
        "sat" => Weekday::Sat,
        "sun" => Weekday::Sun,
        _ => return Err(CalendarError::Day(text.to_owned())),
    })
}

fn stretch(text: &str) -> Result<(u32, u32), CalendarError> {
    let second = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let digits = |part: &str| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<u32>().ok())?
        };
        let (hour, minute) = (digits(hour)?, digits(minute)?);
        let seconds = hour * 3_600 + minute * 60;
        (minute < 60 && seconds <= 86_400).then_some(seconds)
    };
    let parts = text.split_once('-');
    let both = parts.and_then(|(begin, end)| Some((second(begin)?, second(end)?)));
    both.filter(|(begin, end)| begin < end)
        .ok_or_else(|| CalendarError::Hours(text.to_owned()))
}

fn dates(texts: &[String]) -> Result<BTreeSet<NaiveDate>, CalendarError> {
    let mut all = BTreeSet::new();
    for text in texts {
        let wrong = || CalendarError::Date(text.clone());
        let (first, last) = text
            .split_once("..")
            .unwrap_or((text.as_str(), text.as_str()));
        let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong());
        let (first, last) = (date(first)?, date(last)?);
        let days = (last - first).num_days();
        if !(0..=366).contains(&days) {
            return Err(wrong());
        }
        all.extend(first.iter_days().take(days as usize + 1));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use chrono::{DateTime, FixedOffset, Utc};

    use super::*;

    fn rule() -> CalendarRule {
        let texts = |texts: &[&str]| texts.iter().map(|&t| t.to_owned()).collect();
        CalendarRule {
            code: "business".to_owned(),
            days: texts(&["mon", "tue", "wed", "thu", "fri"]),
            hours: texts(&["13:30-17:30", "08:30-12:00"]),
            holidays: texts(&["2026-10-01..2026-10-07"]),
            workdays: texts(&["2026-10-10"]),
        }
    }

    fn zone() -> FixedOffset {
        FixedOffset::east_opt(8 * 3_600).unwrap()
    }

    fn at(wall: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(&format!("{wall}:00+08:00"))
            .unwrap()
            .with_timezone(&Utc)
            .into()
    }

    #[test]
    fn hours_pass_over_noon_weekends_holidays_and_take_make_up_days() {
        let calendar = Calendar::new(&rule()).unwrap();
        let due = |from: &str, hours: i64| calendar.after(&zone(), at(from), hours * 3_600);
        assert_eq!(due("2026-09-28T11:00", 2), Some(at("2026-09-28T14:30")));
        assert_eq!(due("2026-09-28T11:00", 1), Some(at("2026-09-28T12:00")));
        // Wednesday before the holidays, to Thursday after them.
        assert_eq!(due("2026-09-30T17:00", 1), Some(at("2026-10-08T09:00")));
        // Friday, to the Saturday that is worked.
        assert_eq!(due("2026-10-09T17:30", 1), Some(at("2026-10-10T09:30")));
        assert_eq!(due("2026-10-11T03:00", 0), Some(at("2026-10-11T03:00")));
        assert_eq!(due("2026-10-11T03:00", 1), Some(at("2026-10-12T09:30")));
        assert_eq!(
            calendar.after(&zone(), at("2026-10-11T03:00"), i64::MAX),
            None
        );
    }

    #[test]
    fn counting_and_adding_are_inverse() {
        let calendar = Calendar::new(&rule()).unwrap();
        let (mut n, start) = (1_u64, at("2026-09-01T00:00").seconds());
        for _ in 0..2_000 {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let from = Timestamp(start + (n >> 33) as i64 % (60 * 86_400));
            let seconds = (n >> 13) as i64 % 400_000;
            let due = calendar.after(&zone(), from, seconds).unwrap();
            assert_eq!(
                calendar.between(&zone(), from, due),
                seconds,
                "{from} + {seconds}"
            );
        }
        assert_eq!(calendar.between(&zone(), Timestamp(10), Timestamp(5)), 0);
        assert_eq!(
            Calendar::Always.between(&zone(), Timestamp(10), Timestamp(5)),
            0
        );
        assert_eq!(
            Calendar::Always.after(&zone(), Timestamp(10), 5),
            Some(Timestamp(15))
        );
    }

    #[test]
    fn what_is_not_well_written_is_told() {
        let with = |change: &dyn Fn(&mut CalendarRule)| {
            let mut rule = rule();
            change(&mut rule);
            Calendar::new(&rule).unwrap_err()
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(
            with(&|r| r.days.push(text("周一"))),
            CalendarError::Day(text("周一"))
        );
        for hours in [
            "8:30-12:00",
            "12:00-08:30",
            "09:00-24:01",
            "09:61-10:00",
            "09:00",
            "",
        ] {
            assert_eq!(
                with(&|r| r.hours = vec![text(hours)]),
                CalendarError::Hours(text(hours))
            );
        }
        let overlap = CalendarError::Overlap(text("11:00-14:00"));
        assert_eq!(with(&|r| r.hours.push(text("11:00-14:00"))), overlap);
        for date in [
            "2026-02-30",
            "2026-10-07..2026-10-01",
            "2026-01-01..2028-01-01",
            "1.10.",
        ] {
            assert_eq!(
                with(&|r| r.holidays = vec![text(date)]),
                CalendarError::Date(text(date))
            );
        }
        let both = NaiveDate::from_ymd_opt(2026, 10, 3).unwrap();
        assert_eq!(
            with(&|r| r.workdays.push(text("2026-10-03"))),
            CalendarError::Both(both)
        );
        assert_eq!(with(&|r| r.days.clear()), CalendarError::Empty);
        assert_eq!(with(&|r| r.hours.clear()), CalendarError::Empty);
    }
}
