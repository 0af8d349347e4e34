//! Words of the file, from the resource.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gongdan_core::catalogue::Label;
use serde::Deserialize;
use utoipa::ToSchema;

/// A language of the product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// The label in this language.
    pub fn of(self, label: &Label) -> &str {
        match self {
            Self::Zh => &label.zh,
            Self::En => &label.en,
        }
    }
}

static TEXTS: LazyLock<BTreeMap<String, BTreeMap<String, Label>>> = LazyLock::new(|| {
    toml::from_str(include_str!("texts.toml")).expect("a test reads the resource")
});

/// A text; the key itself where there is none.
pub(super) fn text(language: Language, section: &str, key: &'static str) -> &'static str {
    let found = TEXTS.get(section).and_then(|section| section.get(key));
    found.map_or(key, |label| language.of(label))
}

#[cfg(test)]
mod tests {
    use gongdan_core::ticket::Status;

    use super::*;

    #[test]
    fn every_column_and_status_has_a_word_in_both_languages() {
        let asked = super::super::COLUMNS
            .map(|column| ("column", column))
            .into_iter()
            .chain(Status::ALL.map(|status| ("status", status.name())));
        for (section, key) in asked {
            assert!(
                !text(Language::Zh, section, key).is_ascii(),
                "{section}.{key}"
            );
            assert!(text(Language::En, section, key) != key, "{section}.{key}");
        }
    }
}
