//! A row becomes an act: every cell to the value of its field, every mistake to an error with its place.

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDate, TimeZone};
use chrono_tz::Tz;
use gongdan_core::catalogue::{Catalogue, Label};
use gongdan_core::clock::Timestamp;
use gongdan_core::document::{Inexecutable, Subject, check};
use gongdan_core::ids::Part;
use gongdan_core::limits::CLOCK_AHEAD_SECONDS_MAX;
use gongdan_core::ticket::command::FieldValue;
use gongdan_core::ticket::field::{Kind, Misfit};
use gongdan_core::ticket::{Act, Command, Field, Value};
use sha2::{Digest, Sha256};

use super::header::Header;
use super::sheet::{Cell, RawRow};
use super::words::{WORDS, folded};
use super::{Column, FileError, Reason, Request, RowError, value};

/// SHA-256 of what a row says, its external reference left out.
pub(super) type ContentDigest = [u8; 32];

/// Reads rows by one catalogue at one time.
pub(super) struct RowReader {
    zone: Tz,
    now: Timestamp,
    today: NaiveDate,
    regions: HashMap<String, String>,
    product_lines: HashMap<String, String>,
}

impl RowReader {
    pub(super) fn new(catalogue: &Catalogue, now: Timestamp) -> Result<Self, FileError> {
        let zone: Tz = catalogue.zone.parse().map_err(|_| FileError::UnknownZone)?;
        let spellings = |code: &str, label: &Label| {
            [code, &label.zh, &label.en].map(|spelling| (folded(spelling), code.to_owned()))
        };
        Ok(Self {
            zone,
            now,
            today: zone
                .from_utc_datetime(&now.to_utc().naive_utc())
                .date_naive(),
            regions: catalogue
                .regions
                .iter()
                .flat_map(|r| spellings(&r.code, &r.label))
                .collect(),
            product_lines: catalogue
                .product_lines
                .iter()
                .flat_map(|p| spellings(&p.code, &p.label))
                .collect(),
        })
    }

    /// The request of a row with the digest of its content, or everything that is wrong with it.
    pub(super) fn request(
        &self,
        header: &Header,
        row: &RawRow,
    ) -> Result<(Request, ContentDigest), Vec<RowError>> {
        let line = row.line;
        let whole = |reason| {
            vec![RowError {
                line,
                column: None,
                reason,
                length: 0,
            }]
        };
        if let Some(damage) = row.damage {
            return Err(whole(damage));
        }
        if row
            .cells
            .iter()
            .skip(header.width)
            .any(|cell| !cell.is_blank())
        {
            return Err(whole(Reason::TooManyCells));
        }
        let values = self.values(header, row)?;
        let digest = digest(&values);
        let external = Column::Field(Field::ExternalRef);
        let external_ref = match values.get(&external) {
            Some(Value::Text(text)) => text.clone(),
            _ => derived_ref(&digest),
        };
        let act = self.act(values, &external_ref);
        for command in &act.0 {
            check(command).map_err(|why| vec![unfit(line, command, &why)])?;
        }
        Ok((
            Request {
                line,
                external_ref,
                act,
            },
            digest,
        ))
    }

    fn values(
        &self,
        header: &Header,
        row: &RawRow,
    ) -> Result<BTreeMap<Column, Value>, Vec<RowError>> {
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        for (i, column) in header.columns.iter().enumerate() {
            let Some(column) = *column else { continue };
            let cell = row.cells.get(i).unwrap_or(&Cell::Empty);
            let outcome = match cell {
                Cell::Bad(reason) => Err(*reason),
                cell if cell.is_blank() && Column::REQUIRED.contains(&column) => {
                    Err(Reason::MissingValue)
                }
                cell if cell.is_blank() => continue,
                cell => self.value(column, cell),
            };
            match outcome {
                Ok(value) => {
                    values.insert(column, value);
                }
                Err(reason) => {
                    let length = cell.display().chars().count();
                    errors.push(RowError {
                        line: row.line,
                        column: Some(column),
                        reason,
                        length,
                    });
                }
            }
        }
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(errors)
        }
    }

    /// What a cell that is not blank means in its column.
    fn value(&self, column: Column, cell: &Cell) -> Result<Value, Reason> {
        let display = cell.display();
        let text = display.trim();
        let Column::Field(field) = column else {
            return Ok(Value::Text(lines(text)));
        };
        let found = match (field, field.kind()) {
            (Field::Region, _) => self
                .regions
                .get(&folded(text))
                .cloned()
                .ok_or(Reason::UnknownRegion)?,
            (Field::ProductLine, _) => self
                .product_lines
                .get(&folded(text))
                .cloned()
                .ok_or(Reason::UnknownProductLine)?,
            (Field::CustomerPhone | Field::ContactPhone, _) => {
                value::phone(text).ok_or(Reason::NotAPhone)?
            }
            (Field::Email, _) => value::email(text).ok_or(Reason::NotAnEmail)?,
            (_, Kind::Choice(_)) => WORDS
                .choice(field, text)
                .ok_or(Reason::UnknownChoice)?
                .to_owned(),
            (_, Kind::Date) => self.past_date(cell, text)?.to_string(),
            (_, Kind::Instant) => return self.past_instant(cell, text).map(Value::Instant),
            (_, Kind::Count) => {
                let count = value::count(text)
                    .map(Value::Integer)
                    .ok_or(Reason::NotANumber)?;
                return fitting(field, count);
            }
            (_, Kind::Short) => one_line(text),
            (_, Kind::Long) => lines(text),
        };
        fitting(field, Value::Text(found))
    }

    fn past_date(&self, cell: &Cell, text: &str) -> Result<NaiveDate, Reason> {
        let date = match cell {
            Cell::DateTime(at) => at.date(),
            _ => value::date(text).ok_or(Reason::NotADate)?,
        };
        if date > self.today {
            Err(Reason::FutureDate)
        } else {
            Ok(date)
        }
    }

    fn past_instant(&self, cell: &Cell, text: &str) -> Result<Timestamp, Reason> {
        let at = match cell {
            Cell::DateTime(at) => value::local(*at, self.zone),
            _ => value::instant(text, self.zone),
        };
        let at = at.ok_or(Reason::NotADateTime)?;
        // The clock that wrote the file may go ahead of ours.
        if at > self.now.plus(CLOCK_AHEAD_SECONDS_MAX) {
            Err(Reason::FutureDate)
        } else {
            Ok(at)
        }
    }

    fn act(&self, mut values: BTreeMap<Column, Value>, external_ref: &str) -> Act {
        let problem = match values.remove(&Column::Problem) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        };
        values.insert(Column::Field(Field::ExternalRef), Value::from(external_ref));
        values
            .entry(Column::Field(Field::ReportedAt))
            .or_insert(Value::Instant(self.now));
        let (mut service, mut customer) = (Vec::new(), Vec::new());
        for (column, value) in values {
            let Column::Field(field) = column else {
                continue;
            };
            let side = if field.part() == Part::Customer {
                &mut customer
            } else {
                &mut service
            };
            side.push(FieldValue { field, value });
        }
        Act(vec![
            Command::Open {
                fields: service,
                problem,
            },
            Command::RecordCustomer { fields: customer },
        ])
    }
}

fn fitting(field: Field, value: Value) -> Result<Value, Reason> {
    match field.check(&value) {
        Ok(()) => Ok(value),
        Err(misfit) => Err(reason_of(misfit)),
    }
}

fn reason_of(misfit: Misfit) -> Reason {
    match misfit {
        Misfit::TooLong => Reason::TooLong,
        Misfit::Characters => Reason::Characters,
        Misfit::Empty => Reason::MissingValue,
        Misfit::Date => Reason::NotADate,
        Misfit::Range => Reason::NotANumber,
        Misfit::Choice => Reason::UnknownChoice,
        Misfit::Type => Reason::Unfit,
    }
}

/// The place of what core's checks found, which is the problem text as a rule: fields were checked alone.
fn unfit(line: u64, command: &Command, why: &Inexecutable) -> RowError {
    let (column, reason) = match why {
        Inexecutable::Misfit {
            subject: Subject::Field { field },
            misfit,
        } => (Some(Column::Field(*field)), reason_of(*misfit)),
        Inexecutable::Misfit {
            subject: Subject::Argument { name },
            misfit,
        } => (Column::by_name(name), reason_of(*misfit)),
        Inexecutable::FieldNotHere { field } => (Some(Column::Field(*field)), Reason::Unfit),
        _ => (None, Reason::Unfit),
    };
    let length = match (column, command) {
        (Some(Column::Problem), Command::Open { problem, .. }) => problem.chars().count(),
        _ => 0,
    };
    RowError {
        line,
        column,
        reason,
        length,
    }
}

/// The values in the order of the columns, so that neither the form of the file, nor the order of its
/// columns, nor the way a date is written changes it.
fn digest(values: &BTreeMap<Column, Value>) -> ContentDigest {
    let mut hash = Sha256::new();
    for (column, value) in values {
        if *column == Column::Field(Field::ExternalRef) {
            continue;
        }
        let text = match value {
            Value::Text(text) => text.clone(),
            Value::Integer(n) => n.to_string(),
            Value::Instant(at) => at.to_string(),
            Value::Empty => String::new(),
        };
        hash.update(column.name());
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    hash.finalize().into()
}

/// The reference of a row that brings none: `row-` and 32 hexadecimal digits of its content's digest.
fn derived_ref(digest: &ContentDigest) -> String {
    digest[..16]
        .iter()
        .fold(String::from("row-"), |text, byte| {
            text + &format!("{byte:02x}")
        })
}

/// Line breaks as documents have them.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A cell with line breaks, such as an address, on one line.
fn one_line(text: &str) -> String {
    text.split(['\r', '\n', '\t'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
