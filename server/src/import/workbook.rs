//! XLSX. Invariant: nothing is handed to the workbook reader before its unpacked size, and the counts
//! that it would reserve memory for, are known to be within the limits.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::panic::AssertUnwindSafe;

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx};
use chrono::{NaiveDate, NaiveDateTime};

use super::header::TITLE_ROWS_MAX;
use super::sheet::{Cell, RawRow};
use super::{ARCHIVE_ENTRIES_MAX, CELLS_MAX, FileError, ROWS_MAX, Reason, UNPACKED_BYTES_MAX};

/// The rows of the first visible worksheet that are not blank.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<RawRow>, FileError> {
    check_archive(bytes)?;
    // The reader computes with numbers of the file; a build that checks overflow panics on absurd ones.
    std::panic::catch_unwind(AssertUnwindSafe(|| first_sheet(bytes)))
        .unwrap_or(Err(FileError::NotATable))
}

/// Unpacks every entry, counting, and keeping one at a time: what the directory claims may be a lie.
fn check_archive(bytes: &[u8]) -> Result<(), FileError> {
    let too_large = || FileError::TooLarge {
        max: UNPACKED_BYTES_MAX,
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| FileError::NotATable)?;
    if archive.len() > ARCHIVE_ENTRIES_MAX {
        return Err(too_large());
    }
    let claimed = (0..archive.len())
        .map(|i| archive.by_index_raw(i).map_or(0, |entry| entry.size()))
        .fold(0_u64, u64::saturating_add);
    if claimed > UNPACKED_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let mut left = UNPACKED_BYTES_MAX as u64;
    let mut content = Vec::new();
    for i in 0..archive.len() {
        let entry = archive.by_index(i).map_err(|_| FileError::NotATable)?;
        content.clear();
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|_| FileError::NotATable)?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(too_large)?;
        check_counts(&content)?;
    }
    Ok(())
}

/// The reader reserves room for as many strings, and makes as many shared formulas, as an entry claims
/// to have. To write one down takes some bytes, so an honest claim is bounded by the entry's length.
fn check_counts(content: &[u8]) -> Result<(), FileError> {
    // Numbers would hide from the search in UTF-16, which no workbook is written in.
    let wide: [&[u8]; 4] = [&[0xff, 0xfe], &[0xfe, 0xff], b"<\0", b"\0<"];
    if wide.iter().any(|start| content.starts_with(start)) {
        return Err(FileError::NotATable);
    }
    for (name, bytes_each_min) in [("uniqueCount", 1), ("si", 24)] {
        for (at, _) in content
            .windows(name.len())
            .enumerate()
            .filter(|(_, window)| *window == name.as_bytes())
        {
            let rest = content[at + name.len()..].trim_ascii_start();
            let Some(rest) = rest.strip_prefix(b"=") else {
                continue;
            };
            let digits = rest.trim_ascii_start().get(1..).unwrap_or_default();
            let digits: Vec<u8> = digits
                .iter()
                .copied()
                .filter(|b| *b != b'+')
                .take_while(u8::is_ascii_digit)
                .take(20)
                .collect();
            let number = digits.iter().fold(0_u64, |n, d| {
                n.saturating_mul(10).saturating_add(u64::from(d - b'0'))
            });
            if number.saturating_mul(bytes_each_min) > content.len() as u64 {
                return Err(FileError::NotATable);
            }
        }
    }
    Ok(())
}

fn first_sheet(bytes: &[u8]) -> Result<Vec<RawRow>, FileError> {
    let not_a_table = |_| FileError::NotATable;
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(not_a_table)?;
    let sheet = workbook
        .sheets_metadata()
        .iter()
        .find(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .ok_or(FileError::NotATable)?;
    let mut cells = workbook
        .worksheet_cells_reader(&sheet)
        .map_err(not_a_table)?;
    // By number: a file may give its rows in any order. Cell by cell: a range would be as large as the
    // distance between its corners.
    let mut rows: BTreeMap<u32, RawRow> = BTreeMap::new();
    let mut text_bytes = 0;
    while let Some(record) = cells
        .next_cell_with_formula_metadata()
        .map_err(not_a_table)?
    {
        let (line, column) = record.pos;
        let mut cell = cell(record.value);
        if record.formula.is_some() && matches!(cell, Cell::Empty) {
            cell = Cell::Bad(Reason::FormulaWithoutValue);
        }
        if cell.is_blank() {
            continue;
        }
        // One shared string may stand in very many cells.
        if let Cell::Text(text) = &cell {
            text_bytes += text.len();
            if text_bytes > UNPACKED_BYTES_MAX {
                return Err(FileError::TooLarge {
                    max: UNPACKED_BYTES_MAX,
                });
            }
        }
        if rows.len() == ROWS_MAX + TITLE_ROWS_MAX && !rows.contains_key(&line) {
            return Err(FileError::TooManyRows { max: ROWS_MAX });
        }
        let row = rows.entry(line).or_insert_with(|| RawRow {
            line: u64::from(line) + 1,
            cells: Vec::new(),
            damage: None,
        });
        let column = column as usize;
        if column >= CELLS_MAX {
            row.damage = Some(Reason::TooManyCells);
            continue;
        }
        if row.cells.len() <= column {
            row.cells.resize(column + 1, Cell::Empty);
        }
        row.cells[column] = cell;
    }
    Ok(rows.into_values().collect())
}

fn cell(value: DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(n) => Cell::Text(n.to_string()),
        DataRef::Float(n) => Cell::Number(n),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Cell::Text(text)
        }
        DataRef::SharedString(text) => Cell::Text(text.to_owned()),
        DataRef::Bool(true) => Cell::Text("TRUE".to_owned()),
        DataRef::Bool(false) => Cell::Text("FALSE".to_owned()),
        DataRef::DateTime(at) => date_time(&at),
        DataRef::Error(_) => Cell::Bad(Reason::CellError),
    }
}

/// A date cell; one of less than a day is a time of day alone.
fn date_time(at: &ExcelDateTime) -> Cell {
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    if (0.0..1.0).contains(&at.as_f64()) {
        return Cell::Text(format!("{hour:02}:{minute:02}"));
    }
    NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
        .and_then(|date| date.and_hms_opt(hour.into(), minute.into(), second.into()))
        .map_or(Cell::Bad(Reason::NotADate), |at: NaiveDateTime| {
            Cell::DateTime(at)
        })
}
