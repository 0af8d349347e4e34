//! What the operator's commands say, from the resource: Chinese first, English second.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Output;

#[derive(Deserialize)]
struct Text {
    zh: String,
    en: String,
}

static TEXTS: LazyLock<BTreeMap<String, BTreeMap<String, Text>>> = LazyLock::new(|| {
    toml::from_str(include_str!("texts.toml")).expect("a test reads the resource")
});

fn text(section: &str, key: &str) -> &'static Text {
    TEXTS
        .get(section)
        .and_then(|section| section.get(key))
        .expect("a test asks for every text")
}

/// `中文 · English`, of a label or a sentence without anything to fill in.
pub(super) fn both(section: &str, key: &str) -> String {
    let text = text(section, key);
    format!("{} · {}", text.zh, text.en)
}

/// The same with `{name}` filled in.
pub(super) fn filled(section: &str, key: &str, name: &str, value: &str) -> String {
    both(section, key).replace(&format!("{{{name}}}"), value)
}

/// Writes a figure with its label.
pub(super) fn figure(out: Output<'_>, label: &str, value: impl Display) -> std::io::Result<()> {
    writeln!(out, "{}: {value}", both("label", label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        let mut count = 0;
        for (section, texts) in TEXTS.iter() {
            for (key, text) in texts {
                assert!(!text.zh.is_ascii() && text.en.is_ascii(), "{section}.{key}");
                assert_eq!(text.zh.matches('{').count(), text.en.matches('{').count());
                count += 1;
            }
        }
        assert!(count > 40);
    }
}
