//! The form: which label stands before a fact and how its value is written, in Chinese and in English.
//!
//! Invariant: a template of a version never changes (a changed one is a new version beside it), and what it
//! makes of a value depends on nothing but the value, the language and the offset from UTC; so every platform
//! shows the same, and whoever verifies a sheet can make it again.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::leaf::{Block, Scalar, hex};

/// The language of a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Chinese, simplified.
    Zh,
    /// English.
    En,
}

impl Language {
    /// Its code in a sheet.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The language of a code.
    pub fn by_code(code: &str) -> Option<Self> {
        [Self::Zh, Self::En]
            .into_iter()
            .find(|language| language.code() == code)
    }
}

/// A text in both languages.
#[derive(Debug, Deserialize)]
pub(super) struct Both {
    zh: String,
    en: String,
}

impl Both {
    pub(super) fn of(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// A line of the template.
#[derive(Debug, Deserialize)]
struct Line {
    path: String,
    kind: String,
    #[serde(flatten)]
    label: Both,
}

/// A template at one version.
#[derive(Debug, Deserialize)]
pub struct Form {
    template: String,
    version: i64,
    title: Both,
    blocks: Vec<Line>,
    choices: BTreeMap<String, BTreeMap<String, Both>>,
}

static CONFIRMATION: LazyLock<Form> = LazyLock::new(|| {
    serde_json::from_str(include_str!("forms/service-confirmation-1.json"))
        .expect("a test reads the resource")
});

impl Form {
    /// 《现场服务确认单》 as sheets are made now.
    pub fn current() -> &'static Self {
        &CONFIRMATION
    }

    /// The template of a name and version, where it is known here.
    pub fn by_name(template: &str, version: i64) -> Option<&'static Self> {
        let form = Self::current();
        (form.template == template && form.version == version).then_some(form)
    }

    /// Its name.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// Its version.
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// Its heading.
    pub fn title(&self, language: Language) -> &str {
        self.title.of(language)
    }

    fn line(&self, path: &str) -> Option<&Line> {
        self.blocks.iter().find(|line| {
            let mut own = line.path.split('/');
            let mut given = path.split('/');
            loop {
                match (own.next(), given.next()) {
                    (None, None) => return true,
                    (Some(own), Some(given)) if own == given || own == "*" => {}
                    _ => return false,
                }
            }
        })
    }

    fn choice(&self, group: &str, code: &str, language: Language) -> String {
        let known = self.choices.get(group).and_then(|group| group.get(code));
        known.map_or(code, |text| text.of(language)).to_owned()
    }
}

/// Writes blocks by a form, one after the other.
pub(super) struct Composer<'a> {
    form: &'a Form,
    language: Language,
    offset_minutes: i32,
    /// By what stands before the `*` of a path: what stood in its place so far, in order.
    counted: BTreeMap<String, Vec<String>>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(form: &'a Form, language: Language, offset_minutes: i32) -> Self {
        Self {
            form,
            language,
            offset_minutes,
            counted: BTreeMap::new(),
        }
    }

    /// Which of its collection the path belongs to, counted from 1; 0 where it belongs to none.
    pub(super) fn count(&mut self, path: &str) -> usize {
        let Some(line) = self.form.line(path) else {
            return 0;
        };
        let Some(place) = line.path.split('/').position(|segment| segment == "*") else {
            return 0;
        };
        let segments: Vec<&str> = path.split('/').collect();
        let seen = self.counted.entry(segments[..place].join("/")).or_default();
        let key = segments[place];
        seen.iter()
            .position(|known| known == key)
            .unwrap_or_else(|| {
                seen.push(key.to_owned());
                seen.len() - 1
            })
            + 1
    }

    /// Label and text of a value at a path; `None` in place of what is not the form's to say. Nothing at all
    /// where the form has no such path, or the value is of another kind.
    pub(super) fn shown(
        &mut self,
        path: &str,
        value: &Scalar,
    ) -> Option<(Option<String>, Option<String>)> {
        let n = self.count(path);
        let line = self.form.line(path)?;
        let label = line.label.of(self.language).replace("{n}", &n.to_string());
        let text = match (line.kind.as_str(), value) {
            ("hidden", _) => return Some((Some(String::new()), Some(String::new()))),
            ("given", Scalar::Text(_)) => return Some((Some(label), None)),
            ("answer", Scalar::Text(code)) => return Some((None, Some(self.answer(code)))),
            ("text", Scalar::Text(text)) => text.clone(),
            ("number", Scalar::Number(number)) => number.to_string(),
            ("money", Scalar::Number(fen)) => money(*fen),
            ("instant", Scalar::Number(seconds)) => instant(*seconds, self.offset_minutes)?,
            ("hex", Scalar::Bytes(bytes)) => hex(bytes),
            (kind, Scalar::Text(code)) => {
                self.form
                    .choice(kind.strip_prefix("choice:")?, code, self.language)
            }
            (kind, Scalar::Flag(flag)) => {
                let code = if *flag { "true" } else { "false" };
                self.form
                    .choice(kind.strip_prefix("choice:")?, code, self.language)
            }
            _ => return None,
        };
        Some((Some(label), Some(text)))
    }

    /// A checklist answer by its code in the document.
    fn answer(&self, code: &str) -> String {
        match code.split_once(':') {
            Some((kind @ ("skipped" | "reading"), rest)) => {
                self.form.choice("answer", kind, self.language) + rest
            }
            _ => self.form.choice("answer", code, self.language),
        }
    }

    /// The block of a value that the form knows how to write.
    pub(super) fn block(&mut self, path: String, value: Scalar) -> Block {
        let shown = self.shown(&path, &value);
        let (label, text) = shown.unwrap_or_default();
        Block {
            path,
            value,
            label: label.unwrap_or_default(),
            text: text.unwrap_or_default(),
        }
    }
}

/// An amount in fen as yuan.
fn money(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}¥{}.{:02}", fen / 100, fen % 100)
}

/// An instant to the minute, by the clock on the wall.
fn instant(seconds: i64, offset_minutes: i32) -> Option<String> {
    let zone = FixedOffset::east_opt(offset_minutes.checked_mul(60)?)?;
    let at = DateTime::from_timestamp(seconds, 0)?.with_timezone(&zone);
    Some(at.format("%Y-%m-%d %H:%M (UTC%:z)").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_there_in_both_languages_and_once() {
        let form = Form::current();
        let mut paths = std::collections::BTreeSet::new();
        for line in &form.blocks {
            assert!(paths.insert(&line.path), "{}", line.path);
            let silent = line.kind == "hidden" || line.kind == "answer";
            assert_eq!(line.label.zh.is_empty(), silent, "{}", line.path);
            assert_eq!(line.label.en.is_empty(), silent, "{}", line.path);
            assert!(line.label.en.is_ascii(), "{}", line.path);
            assert_eq!(line.label.zh.contains("{n}"), line.label.en.contains("{n}"));
            if let Some(group) = line.kind.strip_prefix("choice:") {
                assert!(form.choices.contains_key(group), "{group}");
            }
        }
        assert!(Form::by_name("service-confirmation", 1).is_some());
        assert!(Form::by_name("service-confirmation", 2).is_none());
    }

    #[test]
    fn values_are_written_the_same_everywhere() {
        assert_eq!(money(60_000), "¥600.00");
        assert_eq!(money(-5), "-¥0.05");
        assert_eq!(
            instant(1_795_305_600, 480).as_deref(),
            Some("2026-11-22 08:00 (UTC+08:00)")
        );
        assert_eq!(
            instant(1_795_305_600, -210).as_deref(),
            Some("2026-11-21 20:30 (UTC-03:30)")
        );
        assert_eq!(instant(0, i32::MAX), None);
        let mut zh = Composer::new(Form::current(), Language::Zh, 480);
        let name = |key: &str| format!("content/parts_used/{key}/name");
        let part = |composer: &mut Composer<'_>, key: &str| {
            composer
                .block(name(key), Scalar::Text("压缩机".to_owned()))
                .label
        };
        assert_eq!(part(&mut zh, "k1"), "更换配件1：名称");
        assert_eq!(part(&mut zh, "k9"), "更换配件2：名称");
        assert_eq!(part(&mut zh, "k1"), "更换配件1：名称");
        let answer = Scalar::Text("skipped:没电".to_owned());
        let shown = zh.shown("content/checklist/earth/answer", &answer);
        assert_eq!(shown, Some((None, Some("未做：没电".to_owned()))));
        assert_eq!(zh.shown("content/unheard_of", &answer), None);
        assert_eq!(zh.shown("content/visits", &answer), None);
    }
}
