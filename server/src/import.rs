//! Takes in files of service requests: CSV and XLSX with Chinese or English headers.
//!
//! Every arrow is one function: bytes → [`parse`] → [`Parsed`] → [`run`] → [`Report`].
//! Invariants: a bad row never keeps a good one out; a row that was taken once is not taken again,
//! because each carries an external reference, its own or one derived from its content; no error
//! holds a value of the file, only where it stood and how long it was.

mod header;
mod report;
mod row;
mod sheet;
mod text;
mod value;
mod words;
mod workbook;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::ticket::{Act, Field};
use serde::Serialize;

pub use words::Language;

/// Bytes of a file, as it is stored.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a workbook after unpacking, all its entries together.
pub const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Entries of a workbook's archive.
pub const ARCHIVE_ENTRIES_MAX: usize = 1_000;
/// Rows of data.
pub const ROWS_MAX: usize = 20_000;
/// Cells of a row.
pub const CELLS_MAX: usize = 200;

/// A column that the importer understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// A typed fact.
    Field(Field),
    /// The problem text.
    Problem,
}

impl Column {
    /// The columns that must be there, and hold something in every row (R21–R24, R43).
    pub const REQUIRED: [Self; 5] = [
        Self::Field(Field::CustomerName),
        Self::Field(Field::CustomerPhone),
        Self::Field(Field::Region),
        Self::Field(Field::ProductLine),
        Self::Problem,
    ];

    /// Its name in the resource, in reports as JSON, and as a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Field(field) => field.name(),
            Self::Problem => "problem",
        }
    }

    /// The column of a name.
    fn by_name(name: &str) -> Option<Self> {
        if name == "problem" {
            Some(Self::Problem)
        } else {
            Field::by_name(name).map(Self::Field)
        }
    }
}

impl Serialize for Column {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

/// What a file held.
#[derive(Debug)]
pub struct Parsed {
    /// The good rows, in their order.
    pub requests: Vec<Request>,
    /// What was wrong with the others, in the order of the lines.
    pub errors: Vec<RowError>,
    /// Columns, from 1, with a name that means nothing here; their content is left out.
    pub unknown_columns: Vec<usize>,
}

/// A row as an intent.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Line of the file, from 1; the first of a row with line breaks in quotes.
    pub line: u64,
    /// Its name in the system it comes from, or derived from its content; also in the act.
    pub external_ref: String,
    /// `Open` and `RecordCustomer`.
    pub act: Act,
}

/// By hand: the act holds personal data.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

macro_rules! reasons {
    ($($name:ident $code:literal $doc:literal;)*) => {
        /// Why a row, or a value in it, was not taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason {
            $(#[doc = $doc] $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

reasons! {
    MissingValue "missing_value" "Nothing where something is needed.";
    UnknownChoice "unknown_choice" "Not among the labels and codes of a choice.";
    UnknownRegion "unknown_region" "Not a region of the catalogue.";
    UnknownProductLine "unknown_product_line" "Not a product line of the catalogue.";
    NotADate "not_a_date" "Not a date.";
    NotADateTime "not_a_date_time" "Not a date with a time of day.";
    FutureDate "future_date" "A past event that would lie ahead.";
    NotAPhone "not_a_phone" "Not a telephone number.";
    NotAnEmail "not_an_email" "Not a mail address.";
    NotANumber "not_a_number" "Not a count.";
    TooLong "too_long" "More characters than the field's limit.";
    Characters "characters" "Control characters.";
    CellError "cell_error" "A workbook's cell holds an error such as `#N/A`.";
    FormulaWithoutValue "formula_without_value" "A formula whose result was not saved.";
    TooManyCells "too_many_cells" "Content to the right of the last header.";
    QuoteNotClosed "quote_not_closed" "A quotation mark runs to the end of the file.";
    DuplicateReference "duplicate_reference" "The external reference of an earlier row, with other content.";
    Unfit "unfit" "The commands do not pass core's checks.";
    Refused "refused" "The intake refused it.";
}

/// What was wrong with one row. Holds no value of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowError {
    /// Line of the file, from 1.
    pub line: u64,
    /// The column, or nothing where it is the whole row.
    pub column: Option<Column>,
    /// Why.
    pub reason: Reason,
    /// Characters of the value.
    pub length: usize,
}

/// Why a file was not taken at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("read import file: {0}")]
    Unreadable(#[source] std::io::Error),
    /// More bytes than the limit, as stored or unpacked.
    #[error("read import file: more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// More rows than [`ROWS_MAX`].
    #[error("read import file: more than {max} rows")]
    TooManyRows {
        /// The limit.
        max: usize,
    },
    /// No row of data.
    #[error("read import file: empty")]
    Empty,
    /// Neither CSV nor XLSX, or without a known header.
    #[error("read import file: not a table")]
    NotATable,
    /// An old binary workbook, or an encrypted one.
    #[error("read import file: old or encrypted workbook")]
    OldWorkbook,
    /// Neither UTF-8, UTF-16 with a mark, nor GB18030.
    #[error("read import file: unknown encoding")]
    UnknownEncoding,
    /// Required columns are not there.
    #[error("read import file: required columns are missing")]
    MissingColumns {
        /// Which.
        columns: Vec<Column>,
    },
    /// Two headers mean the same.
    #[error("read import file: a column stands twice")]
    RepeatedColumn {
        /// Which.
        column: Column,
    },
    /// The catalogue's zone is unknown.
    #[error("read import file: unknown time zone")]
    UnknownZone,
}

impl FileError {
    /// All stable codes.
    pub const CODES: &'static [&'static str] = &[
        "unreadable",
        "too_large",
        "too_many_rows",
        "empty",
        "not_a_table",
        "old_workbook",
        "unknown_encoding",
        "missing_columns",
        "repeated_column",
        "unknown_zone",
    ];

    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::Empty => "empty",
            Self::NotATable => "not_a_table",
            Self::OldWorkbook => "old_workbook",
            Self::UnknownEncoding => "unknown_encoding",
            Self::MissingColumns { .. } => "missing_columns",
            Self::RepeatedColumn { .. } => "repeated_column",
            Self::UnknownZone => "unknown_zone",
        }
    }
}

/// Reads a file, and never more of it than [`FILE_BYTES_MAX`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let file = std::fs::File::open(path).map_err(FileError::Unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(FileError::Unreadable)?;
    if bytes.len() > FILE_BYTES_MAX {
        Err(FileError::TooLarge {
            max: FILE_BYTES_MAX,
        })
    } else {
        Ok(bytes)
    }
}

/// Reads the requests of a file. What the file is, its content says, not its name.
///
/// `now` is the receipt: the time of every request that names none (R37), and the day after which no
/// purchase lies.
pub fn parse(bytes: &[u8], catalogue: &Catalogue, now: Timestamp) -> Result<Parsed, FileError> {
    let reader = row::RowReader::new(catalogue, now)?;
    let table = sheet::read(bytes)?;
    let unknown_columns = table.header.unknown.clone();
    let mut parsed = Parsed {
        requests: Vec::new(),
        errors: Vec::new(),
        unknown_columns,
    };
    let mut digests: HashMap<String, [u8; 32]> = HashMap::new();
    for raw in table.rows {
        match reader.request(&table.header, &raw) {
            Ok((request, digest)) => match digests.get(&request.external_ref) {
                Some(before) if *before != digest => parsed.errors.push(RowError {
                    line: request.line,
                    column: Some(Column::Field(Field::ExternalRef)),
                    reason: Reason::DuplicateReference,
                    length: request.external_ref.chars().count(),
                }),
                _ => {
                    digests.insert(request.external_ref.clone(), digest);
                    parsed.requests.push(request);
                }
            },
            Err(errors) => parsed.errors.extend(errors),
        }
    }
    Ok(parsed)
}

/// Why the intake did not take a request.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// This one is refused; the next may pass. The code is stable and without personal data.
    #[error("open ticket: refused: {code}")]
    Refused {
        /// Why.
        code: String,
    },
    /// The intake is not there (store, disk): no use going on.
    #[error("open ticket: the intake is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where requests go: the ordinary way of a command through gate and log.
pub trait Intake {
    /// Whether a ticket of this external reference exists.
    fn seen(&mut self, external_ref: &str) -> Result<bool, IntakeError>;
    /// Opens a ticket; durable when it returns, so that `seen` is true from then on.
    fn open(&mut self, act: Act) -> Result<(), IntakeError>;
}

/// What an import did.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Tickets opened.
    pub added: usize,
    /// Rows whose ticket was there before.
    pub already_there: usize,
    /// Bad rows, in the order of the lines.
    pub errors: Vec<RowError>,
    /// Columns, from 1, with a name that means nothing here; their content was left out.
    pub unknown_columns: Vec<usize>,
    /// Where it stopped early, if it did.
    pub interrupted: Option<Interrupted>,
}

/// An import that stopped early; running it again goes on where it stopped.
#[derive(Debug, Serialize)]
pub struct Interrupted {
    /// The first row that is not in.
    pub line: u64,
    /// Why.
    #[serde(skip)]
    pub source: IntakeError,
}

/// Hands every request that is new to the intake. Running it twice adds nothing.
pub fn run(parsed: Parsed, intake: &mut dyn Intake) -> Report {
    let Parsed {
        requests,
        errors,
        unknown_columns,
    } = parsed;
    let mut report = Report {
        added: 0,
        already_there: 0,
        errors,
        unknown_columns,
        interrupted: None,
    };
    for request in requests {
        let line = request.line;
        let outcome = match intake.seen(&request.external_ref) {
            Ok(true) => {
                report.already_there += 1;
                continue;
            }
            Ok(false) => intake.open(request.act),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => report.added += 1,
            Err(IntakeError::Refused { .. }) => {
                report.errors.push(RowError {
                    line,
                    column: None,
                    reason: Reason::Refused,
                    length: 0,
                });
            }
            Err(source) => {
                report.interrupted = Some(Interrupted { line, source });
                break;
            }
        }
    }
    report.errors.sort_by_key(|error| error.line);
    report
}
