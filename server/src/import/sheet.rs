//! One form for what CSV and XLSX hold: rows of cells with the lines they stood on.

use std::borrow::Cow;

use chrono::NaiveDateTime;

use super::header::{self, Header};
use super::{FILE_BYTES_MAX, FileError, Reason, text, workbook};

/// A cell.
#[derive(Clone, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// Text as it stands.
    Text(String),
    /// A number of a workbook.
    Number(f64),
    /// A date of a workbook, without a zone.
    DateTime(NaiveDateTime),
    /// No value can be had.
    Bad(Reason),
}

impl Cell {
    /// The cell as a person reads it; whole numbers without a point, dates with a time only if it is not midnight.
    pub(super) fn display(&self) -> Cow<'_, str> {
        match self {
            Self::Empty | Self::Bad(_) => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(n) => Cow::Owned(n.to_string()),
            Self::DateTime(at) if at.time() == chrono::NaiveTime::MIN => {
                Cow::Owned(at.date().to_string())
            }
            Self::DateTime(at) => Cow::Owned(at.format("%Y-%m-%d %H:%M").to_string()),
        }
    }

    /// Whether there is nothing in it that anybody could read.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }
}

/// A row as it stood in the file.
pub(super) struct RawRow {
    /// Line of the file, from 1.
    pub(super) line: u64,
    /// Cells from the left.
    pub(super) cells: Vec<Cell>,
    /// What is wrong with the row as a whole.
    pub(super) damage: Option<Reason>,
}

/// A header with the rows below it.
pub(super) struct Table {
    pub(super) header: Header,
    pub(super) rows: Vec<RawRow>,
}

/// Reads a file by what its first bytes say it is.
pub(super) fn read(bytes: &[u8]) -> Result<Table, FileError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge {
            max: FILE_BYTES_MAX,
        });
    }
    let mut rows = if bytes.starts_with(b"PK\x03\x04") {
        workbook::rows(bytes)?
    } else if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(FileError::OldWorkbook);
    } else {
        text::rows(bytes)?
    };
    if rows.is_empty() {
        return Err(FileError::Empty);
    }
    let (at, names) = header::locate(&rows).ok_or(FileError::NotATable)?;
    let header = Header::read(names)?;
    rows.drain(..=at);
    if rows.is_empty() {
        Err(FileError::Empty)
    } else {
        Ok(Table { header, rows })
    }
}
