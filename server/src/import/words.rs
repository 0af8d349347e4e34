//! The resource of texts: which headers and labels are understood, and what is said to people.
//!
//! Invariant: every column, choice and reason of the code has its words; a test walks them all.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use gongdan_core::ticket::Field;
use gongdan_core::ticket::field::Kind;
use serde::Deserialize;

use super::Column;

/// A language of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Chinese, the first.
    #[default]
    Chinese,
    /// English.
    English,
}

/// A text in both languages.
#[derive(Debug, Deserialize)]
pub(super) struct Text {
    zh: String,
    en: String,
    /// What else is understood for it.
    #[serde(default)]
    also: Vec<String>,
}

impl Text {
    pub(super) fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        }
    }
}

#[derive(Deserialize)]
struct Resource {
    columns: BTreeMap<String, Text>,
    choices: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    reasons: BTreeMap<String, Text>,
    files: BTreeMap<String, Text>,
    report: BTreeMap<String, Text>,
}

/// The resource with its indexes.
pub(super) struct Words {
    resource: Resource,
    headers: HashMap<String, Column>,
    choices: HashMap<(Field, String), &'static str>,
}

/// The words of the importer.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let resource: Resource = toml::from_str(include_str!("texts.toml"))
        .expect("the embedded resource is well formed; a test loads it");
    Words::index(resource)
});

impl Words {
    fn index(resource: Resource) -> Self {
        let mut headers = HashMap::new();
        for (name, text) in &resource.columns {
            let Some(column) = Column::by_name(name) else {
                continue;
            };
            let spellings = [name, &text.zh, &text.en].into_iter().chain(&text.also);
            headers.extend(spellings.map(|spelling| (folded(spelling), column)));
        }
        let mut choices = HashMap::new();
        for field in Field::ALL {
            let Kind::Choice(codes) = field.kind() else {
                continue;
            };
            for code in codes {
                choices.insert((*field, folded(code)), *code);
                let labels = resource
                    .choices
                    .get(field.name())
                    .and_then(|labels| labels.get(*code));
                choices.extend(
                    labels
                        .into_iter()
                        .flatten()
                        .map(|label| ((*field, folded(label)), *code)),
                );
            }
        }
        Self {
            resource,
            headers,
            choices,
        }
    }

    /// The column that a header names.
    pub(super) fn column(&self, header: &str) -> Option<Column> {
        self.headers.get(&folded(header)).copied()
    }

    /// The code of a choice, from its label in either language or the code itself.
    pub(super) fn choice(&self, field: Field, label: &str) -> Option<&'static str> {
        self.choices.get(&(field, folded(label))).copied()
    }

    /// A column's label.
    pub(super) fn column_label(&self, column: Column, language: Language) -> &str {
        self.resource
            .columns
            .get(column.name())
            .map_or(column.name(), |text| text.in_language(language))
    }

    /// Why a row was not taken; the code itself where there are no words.
    pub(super) fn reason<'a>(&'a self, code: &'a str, language: Language) -> &'a str {
        self.resource
            .reasons
            .get(code)
            .map_or(code, |text| text.in_language(language))
    }

    /// Why a file was not taken.
    pub(super) fn file<'a>(&'a self, code: &'a str, language: Language) -> &'a str {
        self.resource
            .files
            .get(code)
            .map_or(code, |text| text.in_language(language))
    }

    /// A phrase of the report.
    pub(super) fn phrase<'a>(&'a self, key: &'a str, language: Language) -> &'a str {
        self.resource
            .report
            .get(key)
            .map_or(key, |text| text.in_language(language))
    }
}

/// Full-width ASCII as its narrow form, so that `ＡＢ（１）` reads as `AB(1)`.
pub(super) fn narrow(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            c => c,
        })
        .collect()
}

/// The form in which headers and labels are compared: narrow, in lower case, without blanks, stars,
/// and what stands in brackets.
pub(super) fn folded(text: &str) -> String {
    let narrow = narrow(text);
    let bare = narrow.split('(').next().unwrap_or(&narrow);
    bare.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '*' | '_' | '-' | ':' | '\''))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{FileError, Reason};

    #[test]
    fn no_spelling_means_two_columns_or_two_choices() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (name, text) in &WORDS.resource.columns {
            assert!(Column::by_name(name).is_some(), "{name} is no column");
            for spelling in [name, &text.zh, &text.en].into_iter().chain(&text.also) {
                let before = seen.insert(folded(spelling), name);
                assert!(
                    before.is_none_or(|before| before == name),
                    "{spelling} means {before:?} and {name}"
                );
            }
        }
        for (field, labels) in &WORDS.resource.choices {
            let mut seen: HashMap<String, &str> = HashMap::new();
            for (code, labels) in labels {
                for label in labels.iter().chain([code]) {
                    let before = seen.insert(folded(label), code);
                    assert!(
                        before.is_none_or(|before| before == code),
                        "{field}: {label} means two codes"
                    );
                }
            }
        }
    }

    #[test]
    fn every_choice_and_every_reason_has_both_languages() {
        for field in Field::ALL {
            let Kind::Choice(codes) = field.kind() else {
                continue;
            };
            if !WORDS.resource.columns.contains_key(field.name()) {
                continue;
            }
            for code in codes {
                let labels = &WORDS.resource.choices[field.name()][*code];
                assert!(labels.len() >= 2, "{field:?} {code}");
            }
        }
        for reason in Reason::ALL {
            assert!(
                WORDS.resource.reasons.contains_key(reason.code()),
                "{reason:?}"
            );
        }
        assert_eq!(WORDS.resource.reasons.len(), Reason::ALL.len());
        for code in FileError::CODES {
            assert!(WORDS.resource.files.contains_key(*code), "{code}");
        }
        assert_eq!(WORDS.resource.files.len(), FileError::CODES.len());
    }

    #[test]
    fn headers_are_read_as_people_write_them() {
        for header in [
            "客户姓名",
            "*客户姓名",
            "客户姓名（必填）",
            " 客户 姓名 ",
            "Customer Name",
            "customer_name",
        ] {
            assert_eq!(
                WORDS.column(header),
                Some(Column::Field(Field::CustomerName)),
                "{header}"
            );
        }
        assert_eq!(WORDS.choice(Field::Grade, "Ａ级（紧急）"), Some("A"));
        assert_eq!(WORDS.choice(Field::Channel, "在线平台"), Some("online"));
        assert_eq!(WORDS.column("天气"), None);
    }
}
