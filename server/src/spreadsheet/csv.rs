//! CSV (RFC 4180) that spreadsheet programs open as text.
//!
//! Invariant: no cell is a formula, whatever a program takes for a separator. CSV has no types: a program
//! that opens it guesses, and takes what begins with `=`, `+`, `-`, `@` for a formula. An apostrophe before it
//! makes it text (OWASP, "CSV Injection"); where a program splits a cell at a semicolon or a tab, what follows
//! begins a cell too.

use std::borrow::Cow;

use super::{Cell, SpreadsheetError};

/// What a file begins with so that Excel reads it as UTF-8; without it a Chinese one takes it for GB18030.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What begins a formula, or a cell that is taken for something else than text; full-width forms are folded
/// to the others by programs that are set to Chinese or Japanese.
const BEGINS_A_FORMULA: [char; 8] = [
    '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];
/// What some program takes for a separator of cells or lines where it does not see the quotes as we do.
const SEPARATES: [char; 5] = [';', '|', '\t', '\n', '\r'];

/// Lines of cells, each ending in CRLF.
///
/// # Errors
/// A line cannot be written, which memory does not do.
pub fn lines<'a>(
    rows: impl IntoIterator<Item = impl IntoIterator<Item = &'a Cell>>,
) -> Result<Vec<u8>, SpreadsheetError> {
    let mut writer = ::csv::WriterBuilder::new()
        .quote_style(::csv::QuoteStyle::Always)
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        for cell in row {
            match cell {
                Cell::Text(text) => writer.write_field(harmless(text).as_bytes())?,
                Cell::Count(count) => writer.write_field(count.to_string())?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer
        .into_inner()
        .map_err(|error| ::csv::Error::from(error.into_error()).into())
}

/// The text, with an apostrophe before each place where a formula could begin.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let mut safe: Option<String> = None;
    let mut begins = true;
    for (at, character) in text.char_indices() {
        if begins && begins_a_formula(&text[at..]) {
            safe.get_or_insert_with(|| text[..at].to_owned()).push('\'');
        }
        if let Some(safe) = &mut safe {
            safe.push(character);
        }
        begins = SEPARATES.contains(&character);
    }
    safe.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Whether what stands here would be taken for a formula: past quotes, spaces and what is not seen, which
/// programs drop. A tab or a return is dropped likewise, and itself stands in OWASP's list.
fn begins_a_formula(text: &str) -> bool {
    if text.starts_with(['\t', '\r']) {
        return true;
    }
    let first = text.chars().find(|character| !is_dropped(*character));
    first.is_some_and(|first| BEGINS_A_FORMULA.contains(&first))
}

fn is_dropped(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '"' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_formula_gets_an_apostrophe_and_the_rest_stays() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+86 138", "'+86 138"),
            ("-5 V", "'-5 V"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            (" =1", "' =1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{202e}=1", "'\u{202e}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\"=1", "'\"=1"),
            ("a;=1", "a;'=1"),
            ("a;\"=1", "a;'\"=1"),
            ("a\n-b", "a\n'-b"),
            ("a=1", "a=1"),
            ("KFR-35GW", "KFR-35GW"),
            ("空调;不制冷", "空调;不制冷"),
            ("'=1", "'=1"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_quoted_and_ends_in_crlf() {
        let cells = [
            Cell::Text("a\"b".to_owned()),
            Cell::Count(3),
            Cell::Text("=x".to_owned()),
        ];
        let bytes = lines([&cells]).expect("memory takes it");
        assert_eq!(bytes, b"\"a\"\"b\",\"3\",\"'=x\"\r\n");
    }
}
