//! Dates, times and numbers as people write them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use gongdan_core::clock::Timestamp;

use super::words::narrow;

/// `2026-11-22`, `2026/11/22`, `2026.11.22`, `2026年11月22日`, `20261122`; a time after it is left out.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    split(text).map(|(date, _)| date)
}

/// A date with a time of day: `2026-11-22 08:30`, `2026年11月22日 8时30分`, in the zone; or RFC 3339.
/// A date alone is the beginning of the day.
pub(super) fn instant(text: &str, zone: Tz) -> Option<Timestamp> {
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text.trim()) {
        return Some(at.to_utc().into());
    }
    let (date, rest) = split(text)?;
    let time = if rest.is_empty() {
        NaiveTime::MIN
    } else {
        time(&rest)?
    };
    local(date.and_time(time), zone)
}

/// The instant of a wall clock's reading; the earlier one where clocks are put back.
pub(super) fn local(at: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    zone.from_local_datetime(&at)
        .earliest()
        .map(|at| at.to_utc().into())
}

fn split(text: &str) -> Option<(NaiveDate, String)> {
    let text = narrow(text.trim());
    // After the day comes `日`, a blank, a `T`, or nothing.
    let end = text
        .char_indices()
        .find(|(_, c)| matches!(c, '日' | '号' | ' ' | 'T'))
        .map_or((text.len(), text.len()), |(at, c)| (at, at + c.len_utf8()));
    let rest = text[end.1..].trim().to_owned();
    let day = &text[..end.0];
    if day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit()) {
        return NaiveDate::parse_from_str(day, "%Y%m%d")
            .ok()
            .map(|date| (date, rest));
    }
    let numbers: Vec<&str> = day.split(['-', '/', '.', '年', '月']).collect();
    let [year, month, day] = numbers[..] else {
        return None;
    };
    if year.len() != 4 {
        return None;
    }
    let date =
        NaiveDate::from_ymd_opt(number(year)?.try_into().ok()?, number(month)?, number(day)?)?;
    Some((date, rest))
}

fn time(text: &str) -> Option<NaiveTime> {
    let text = text
        .trim()
        .trim_end_matches(['分', '秒'])
        .replace(['时', '点', '分'], ":");
    let mut numbers = text.trim_end_matches(':').split(':').map(number);
    let hour = numbers.next()??;
    let minute = numbers.next().unwrap_or(Some(0))?;
    let second = numbers.next().unwrap_or(Some(0))?;
    if numbers.next().is_some() {
        None
    } else {
        NaiveTime::from_hms_opt(hour, minute, second)
    }
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    if text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// A telephone number in narrow digits: five at least, with the signs that people put between them.
/// (`1.38E+10`, what a spreadsheet makes of one, is none.)
pub(super) fn phone(text: &str) -> Option<String> {
    let text = narrow(text.trim());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let signs = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | ' ' | '*' | '#' | '转'));
    let plus = text.rfind('+').is_none_or(|at| at == 0);
    (signs && plus && (5..=24).contains(&digits)).then_some(text)
}

/// A mail address: something, one `@`, and a name with a dot.
pub(super) fn email(text: &str) -> Option<String> {
    let text = narrow(text.trim());
    let (user, host) = text.split_once('@')?;
    let fits = !user.is_empty()
        && host.contains('.')
        && !host.contains('@')
        && !text.contains(char::is_whitespace);
    fits.then_some(text)
}

/// A number of pieces.
pub(super) fn count(text: &str) -> Option<i64> {
    let text = narrow(text.trim());
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_usual_form() {
        let expected = NaiveDate::from_ymd_opt(2026, 11, 2);
        for text in [
            "2026-11-02",
            "2026/11/2",
            "2026.11.2",
            "2026年11月2日",
            "20261102",
            " 2026-11-2 ",
            "２０２６-11-02",
            "2026/11/2 0:00",
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
        for text in [
            "2026-02-30",
            "26-11-02",
            "2/11/2026",
            "昨天",
            "",
            "2026-11",
            "46348",
            "2026-11-02-03",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn instants_are_of_the_zone_unless_they_name_their_own() {
        let shanghai = chrono_tz::Asia::Shanghai;
        let expected = Some(Timestamp(1_795_305_600 + 1800));
        for text in [
            "2026-11-22 08:30",
            "2026/11/22 8:30:00",
            "2026年11月22日 8时30分",
            "2026年11月22日8点30分",
            "2026-11-22T08:30",
            "2026-11-22T00:30:00Z",
        ] {
            assert_eq!(instant(text, shanghai), expected, "{text}");
        }
        assert_eq!(
            instant("2026-11-22", shanghai),
            Some(Timestamp(1_795_305_600 - 8 * 3600))
        );
        for text in [
            "2026-11-22 25:00",
            "2026-11-22 上午",
            "2026-11-22 8:30:00:00",
        ] {
            assert_eq!(instant(text, shanghai), None, "{text}");
        }
    }

    #[test]
    fn telephone_numbers_are_told_from_what_a_spreadsheet_makes_of_them() {
        for text in [
            "13800000001",
            "021-5550 0101",
            "+86 13800000001",
            "(0571)55500102转8",
            "１３８００００００１１",
        ] {
            assert!(phone(text).is_some(), "{text}");
        }
        for text in ["1.38E+10", "1380", "见备注", "138+0000001"] {
            assert_eq!(phone(text), None, "{text}");
        }
        assert_eq!(count("12"), Some(12));
        assert_eq!(count("-1"), None);
        assert_eq!(count(""), None);
        assert_eq!(email("a@example.com").as_deref(), Some("a@example.com"));
        assert_eq!(email("a@b@example.com"), None);
    }
}
