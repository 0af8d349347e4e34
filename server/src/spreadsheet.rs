//! The list of tickets as a file for spreadsheet programs: CSV or XLSX.
//!
//! Invariant: what people wrote is text in the file and nothing else, whatever it begins with; what it is
//! about (which rows, for whom) is decided before anything here is asked.

mod csv;
mod row;
mod texts;
mod xlsx;

pub use self::csv::{BYTE_ORDER_MARK, harmless, lines};
pub use row::{Cell, Vocabulary};
pub use texts::Language;
pub use xlsx::workbook;

/// Rows of a CSV file, which is sent as it is read.
pub const CSV_ROWS_MAX: u64 = 200_000;
/// Rows of an XLSX file, which is made in memory.
pub const XLSX_ROWS_MAX: u64 = 20_000;

/// The file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SpreadsheetError {
    /// As CSV.
    #[error("write a table as CSV")]
    Csv(#[from] ::csv::Error),
    /// As XLSX.
    #[error("write a table as XLSX")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
}

/// The columns, by their names in the resource, in their order.
const COLUMNS: [&str; 14] = [
    "number",
    "status",
    "grade",
    "region",
    "product_line",
    "model",
    "problem",
    "customer",
    "lead",
    "appointed",
    "conflicts",
    "opened",
    "updated",
    "id",
];
