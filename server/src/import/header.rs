//! Finds the row of column names, which may stand below a title.

use super::sheet::RawRow;
use super::words::WORDS;
use super::{Column, FileError};

/// Rows that are looked at for the names of the columns.
pub(super) const TITLE_ROWS_MAX: usize = 10;

/// Which column stands where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Of each cell: the column it belongs to, if one is known.
    pub(super) columns: Vec<Option<Column>>,
    /// Cells up to the last one with a name, known or not: content beyond it is a mistake.
    pub(super) width: usize,
    /// Cells, from 1, with a name that means nothing here.
    pub(super) unknown: Vec<usize>,
}

/// How many columns of a row are known.
pub(super) fn known_columns(row: &RawRow) -> usize {
    row.cells
        .iter()
        .filter(|cell| WORDS.column(&cell.display()).is_some())
        .count()
}

/// The row among the first that names most columns, with its index; none where no row names any.
pub(super) fn locate(rows: &[RawRow]) -> Option<(usize, &RawRow)> {
    rows.iter()
        .take(TITLE_ROWS_MAX)
        .enumerate()
        .rev()
        .max_by_key(|(_, row)| known_columns(row))
        .filter(|(_, row)| known_columns(row) > 0)
}

impl Header {
    /// Reads the names; an error where a required column is missing or one stands twice.
    pub(super) fn read(row: &RawRow) -> Result<Self, FileError> {
        let names: Vec<String> = row
            .cells
            .iter()
            .map(|cell| cell.display().into_owned())
            .collect();
        let columns: Vec<Option<Column>> = names.iter().map(|name| WORDS.column(name)).collect();
        for (i, column) in columns.iter().enumerate() {
            if let Some(column) = column
                && columns[..i].contains(&Some(*column))
            {
                return Err(FileError::RepeatedColumn { column: *column });
            }
        }
        let missing: Vec<Column> = Column::REQUIRED
            .into_iter()
            .filter(|column| !columns.contains(&Some(*column)))
            .collect();
        if !missing.is_empty() {
            return Err(FileError::MissingColumns { columns: missing });
        }
        let width = names
            .iter()
            .rposition(|name| !name.trim().is_empty())
            .map_or(0, |last| last + 1);
        let named = names.iter().map(|name| !name.trim().is_empty());
        let unknown = named
            .zip(&columns)
            .enumerate()
            .filter(|(_, (named, column))| *named && column.is_none());
        let unknown = unknown.map(|(i, _)| i + 1).collect();
        Ok(Self {
            columns,
            width,
            unknown,
        })
    }
}
