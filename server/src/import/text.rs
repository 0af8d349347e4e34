//! CSV: encoding and separator are found out, not asked for.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::header::{self, TITLE_ROWS_MAX};
use super::sheet::{Cell, RawRow};
use super::{CELLS_MAX, FileError, ROWS_MAX, Reason};

const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The rows of a text file that are not blank.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<RawRow>, FileError> {
    let (text, encoding) = decoded(bytes)?;
    if text.trim().is_empty() {
        return Err(FileError::Empty);
    }
    // A NUL or its like stands in no text that a person wrote: an image, a program.
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{1a}'))
    {
        return Err(FileError::NotATable);
    }
    let known = |separator: &u8| -> Result<usize, FileError> {
        let head = split(&text, *separator, TITLE_ROWS_MAX, Beyond::Stop)?;
        Ok(head.iter().map(header::known_columns).max().unwrap_or(0))
    };
    let mut best = (0, SEPARATORS[0]);
    for separator in SEPARATORS {
        let count = known(&separator)?;
        if count > best.0 {
            best = (count, separator);
        }
    }
    if best.0 == 0 {
        // Text of another encoding often decodes as GB18030, but never to a header that we know.
        return Err(if encoding == GB18030 {
            FileError::UnknownEncoding
        } else {
            FileError::NotATable
        });
    }
    split(&text, best.1, ROWS_MAX + TITLE_ROWS_MAX, Beyond::Refuse)
}

/// The text with its encoding: a mark decides, then whether it is UTF-8, then whether it is GB18030.
fn decoded(bytes: &[u8]) -> Result<(Cow<'_, str>, &'static Encoding), FileError> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]);
        return text
            .map(|text| (text, encoding))
            .ok_or(FileError::UnknownEncoding);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok((Cow::Borrowed(text), UTF_8));
    }
    if bytes.iter().take(1024).any(|b| *b == 0) {
        return Err(FileError::NotATable);
    }
    match GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) if pairs_as_chinese(bytes) => Ok((text, GB18030)),
        _ => Err(FileError::UnknownEncoding),
    }
}

/// Whether high bytes come mostly in pairs, as in Chinese text. In a western text a high byte stands
/// alone before an ordinary letter, which would decode without an error, to a wrong character.
fn pairs_as_chinese(bytes: &[u8]) -> bool {
    let (mut pairs, mut lone, mut i) = (0_usize, 0_usize, 0);
    while i < bytes.len() {
        if bytes[i] < 0x80 {
            i += 1;
            continue;
        }
        match bytes.get(i + 1) {
            Some(0xa1..) => pairs += 1,
            _ => lone += 1,
        }
        i += 2;
    }
    pairs >= lone
}

/// What to do with rows beyond the limit.
#[derive(PartialEq)]
enum Beyond {
    Stop,
    Refuse,
}

fn split(
    text: &str,
    separator: u8,
    rows_max: usize,
    beyond: Beyond,
) -> Result<Vec<RawRow>, FileError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(rows),
            Err(_) => return Err(FileError::NotATable),
        }
        let start = record.position().map_or(0, csv::Position::byte);
        let end = reader.position().byte();
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() == rows_max {
            return if beyond == Beyond::Stop {
                Ok(rows)
            } else {
                Err(FileError::TooManyRows { max: ROWS_MAX })
            };
        }
        let raw = usize::try_from(start)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(s, e)| text.get(s..e))
            .unwrap_or("");
        let cells: Vec<Cell> = record.iter().take(CELLS_MAX).map(cell).collect();
        let damage = if end >= text.len() as u64 && runs_to_the_end(raw) {
            Some(Reason::QuoteNotClosed)
        } else if record.len() > CELLS_MAX {
            Some(Reason::TooManyCells)
        } else {
            None
        };
        rows.push(RawRow {
            line: line_of(&record, raw),
            cells,
            damage,
        });
    }
}

/// The line a record begins on; blank lines before it are counted by the reader into its raw text.
fn line_of(record: &csv::StringRecord, raw: &str) -> u64 {
    let blank = raw
        .chars()
        .take_while(|c| matches!(c, '\n' | '\r'))
        .filter(|c| *c == '\n')
        .count();
    record.position().map_or(0, csv::Position::line) + blank as u64
}

/// Whether a quotation mark that was opened in this record, the file's last, was never closed: rows
/// below it would have become part of a cell. (A lone mark on one line, as in `5"`, is no quote.)
fn runs_to_the_end(raw: &str) -> bool {
    raw.trim().contains('\n') && raw.bytes().filter(|b| *b == b'"').count() % 2 == 1
}

/// Spreadsheets write `="0123"` to keep a number's leading zeros.
fn cell(text: &str) -> Cell {
    let kept = text
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    if kept.is_empty() {
        Cell::Empty
    } else {
        Cell::Text(kept.to_owned())
    }
}
