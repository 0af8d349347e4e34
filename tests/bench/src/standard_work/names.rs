//! Ids, numbers and item keys, in the forms that the product gives them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    generate::{DAY, HOUR},
    ticket::{Person, UnixSeconds},
};

/// Gives out item keys: the author's letter and a counter, so that two people never choose the same.
#[derive(Default)]
pub(super) struct Keys {
    office: u32,
    technician: u32,
}

impl Keys {
    pub(super) fn after(authors: impl Iterator<Item = Person>) -> Self {
        let mut keys = Self::default();
        authors.for_each(|by| drop(keys.next(by)));
        keys
    }

    pub(super) fn next(&mut self, by: Person) -> String {
        let (letter, counter) = match by {
            Person::Office => ('o', &mut self.office),
            Person::Technician => ('t', &mut self.technician),
        };
        *counter += 1;
        format!("{letter}{counter}")
    }
}

/// `FW`, the date in China and a sequence of four digits (R29).
pub(super) fn number(received_at: UnixSeconds, of_day: usize) -> String {
    let (year, month, day) = date(received_at + 8 * HOUR);
    format!("FW{year:04}{month:02}{day:02}{:04}", of_day + 1)
}

/// The Gregorian date of an instant: days since 0000-03-01 cut into eras of 400 years.
fn date(at: UnixSeconds) -> (i64, i64, i64) {
    let days = at.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

pub(super) fn uuid_v7(rng: &mut ChaCha8Rng, at: UnixSeconds) -> [u8; 16] {
    let mut id: [u8; 16] = rng.random();
    let milliseconds = (at * 1_000 + rng.random_range(0..1_000)) as u64;
    id[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    id[6] = 0x70 | (id[6] & 0x0F);
    id[8] = 0x80 | (id[8] & 0x3F);
    id
}
