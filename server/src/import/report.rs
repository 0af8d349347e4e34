//! What the importer says to people, from the resource, in the language of the reader.

use super::words::WORDS;
use super::{FileError, Language, Report, RowError};

impl FileError {
    /// The error for people.
    pub fn text(&self, language: Language) -> String {
        let text = WORDS.file(self.code(), language);
        let columns = match self {
            Self::MissingColumns { columns } => columns.as_slice(),
            Self::RepeatedColumn { column } => std::slice::from_ref(column),
            _ => &[],
        };
        let columns: Vec<&str> = columns
            .iter()
            .map(|column| WORDS.column_label(*column, language))
            .collect();
        let max = match self {
            Self::TooLarge { max } | Self::TooManyRows { max } => *max,
            _ => 0,
        };
        text.replace("{columns}", &columns.join(separator(language)))
            .replace("{max}", &max.to_string())
    }
}

impl RowError {
    /// The error for people: line, column, reason, and the length of the value, never the value.
    pub fn text(&self, language: Language) -> String {
        let key = if self.length == 0 {
            "row_without_value"
        } else {
            "row"
        };
        let column = self.column.map_or_else(
            || WORDS.phrase("whole_row", language),
            |column| WORDS.column_label(column, language),
        );
        WORDS
            .phrase(key, language)
            .replace("{line}", &self.line.to_string())
            .replace("{column}", column)
            .replace("{reason}", WORDS.reason(self.reason.code(), language))
            .replace("{length}", &self.length.to_string())
    }
}

impl Report {
    /// The report for people: a line of counts, then a line an error.
    pub fn text(&self, language: Language) -> String {
        let mut lines = vec![
            WORDS
                .phrase("summary", language)
                .replace("{added}", &self.added.to_string())
                .replace("{already_there}", &self.already_there.to_string())
                .replace("{errors}", &self.errors.len().to_string()),
        ];
        if !self.unknown_columns.is_empty() {
            let columns: Vec<String> = self.unknown_columns.iter().map(usize::to_string).collect();
            let columns = columns.join(separator(language));
            lines.push(
                WORDS
                    .phrase("unknown_columns", language)
                    .replace("{columns}", &columns),
            );
        }
        lines.extend(self.errors.iter().map(|error| error.text(language)));
        if let Some(interrupted) = &self.interrupted {
            let text = WORDS.phrase("interrupted", language);
            lines.push(text.replace("{line}", &interrupted.line.to_string()));
        }
        lines.join("\n")
    }
}

const fn separator(language: Language) -> &'static str {
    match language {
        Language::Chinese => "、",
        Language::English => ", ",
    }
}
