//! XLSX (ECMA-376): cells have types, so a text is a text.
//!
//! Invariant: nothing that people wrote is given to a function that guesses what it is.

use rust_xlsxwriter::{Format, Workbook};

use super::{Cell, SpreadsheetError, Vocabulary};

/// Width of the columns that hold texts, in characters.
const WIDE: f64 = 24.0;

/// A workbook of one sheet, in memory.
///
/// # Errors
/// The library cannot write it.
pub fn workbook<'a>(
    vocabulary: &Vocabulary,
    rows: impl IntoIterator<Item = impl IntoIterator<Item = &'a Cell>>,
) -> Result<Vec<u8>, SpreadsheetError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name(vocabulary.sheet())?;
    let heading = Format::new().set_bold();
    // With this a text stays one even when somebody edits the cell.
    let text = Format::new().set_quote_prefix();
    for (column, name) in (0u16..).zip(vocabulary.headings()) {
        sheet.write_string_with_format(0, column, name, &heading)?;
        sheet.set_column_width(column, WIDE)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (line, row) in (1u32..).zip(rows) {
        for (column, cell) in (0u16..).zip(row) {
            match cell {
                Cell::Text(words) => sheet.write_string_with_format(line, column, words, &text)?,
                Cell::Count(count) => sheet.write_number(line, column, *count)?,
            };
        }
    }
    Ok(workbook.save_to_buffer()?)
}
