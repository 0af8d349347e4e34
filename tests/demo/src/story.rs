//! Telling the day: lines from `texts/story.toml`, a progress line on a terminal, plain lines elsewhere.
//!
//! Invariant: all that people read comes from the resource file, in both languages.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use chrono_tz::Tz;
use gongdan_core::clock::Timestamp;
use serde::Deserialize;

const TEXTS: &str = include_str!("../texts/story.toml");
/// Cells of the progress bar.
const BAR_CELLS: usize = 24;

/// Which languages the story is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// 中文
    Zh,
    /// English
    En,
    /// 中文，英文在旁 · Chinese with English beside
    Both,
}

/// One text in both languages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    zh: String,
    en: String,
}

/// Fills for `{name}` in a text.
pub(crate) type Fills<'a> = &'a [(&'a str, &'a dyn std::fmt::Display)];

/// The teller.
pub(crate) struct Story {
    language: Language,
    texts: BTreeMap<String, Text>,
    zone: Tz,
    terminal: bool,
    done: usize,
    total: usize,
}

impl Story {
    /// `total` is how many steps the progress counts.
    pub(crate) fn new(language: Language, total: usize) -> Result<Self> {
        Ok(Self {
            language,
            texts: toml::from_str(TEXTS).context("read texts/story.toml")?,
            zone: chrono_tz::Asia::Shanghai,
            terminal: std::io::stdout().is_terminal(),
            done: 0,
            total,
        })
    }

    /// A text in the story's languages, parted by ` · ` where there are two.
    pub(crate) fn text(&self, key: &str, fills: Fills<'_>) -> String {
        let (zh, en) = self.both(key, fills);
        match self.language {
            Language::Zh => zh,
            Language::En => en,
            Language::Both => format!("{zh} · {en}"),
        }
    }

    fn both(&self, key: &str, fills: Fills<'_>) -> (String, String) {
        let Some(text) = self.texts.get(key) else {
            // A key without a text is a fault that the tests find; a reader is better off with the key.
            return (key.to_owned(), key.to_owned());
        };
        let fill = |text: &str| {
            fills.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), &value.to_string())
            })
        };
        (fill(&text.zh), fill(&text.en))
    }

    /// Begins a chapter.
    pub(crate) fn chapter(&mut self, key: &str) {
        let text = self.text(key, &[]);
        self.print(&format!("\n{}", self.bold(&format!("== {text}"))));
    }

    /// Tells what happens at no particular hour.
    pub(crate) fn tell(&mut self, key: &str, fills: Fills<'_>) {
        self.line("     ", key, fills);
    }

    /// Tells what happens at an hour of the day played.
    pub(crate) fn tell_at(&mut self, at: Timestamp, key: &str, fills: Fills<'_>) {
        let hour = at.to_utc().with_timezone(&self.zone).format("%H:%M");
        self.line(&hour.to_string(), key, fills);
    }

    /// An instant as people write it, in the organisation's zone.
    pub(crate) fn hour(&self, at: Timestamp) -> String {
        let local = at.to_utc().with_timezone(&self.zone);
        local.format("%m-%d %H:%M").to_string()
    }

    /// The next 08:00 in the organisation's zone after `now`.
    pub(crate) fn next_morning(&self, now: Timestamp) -> Timestamp {
        let today = now.to_utc().with_timezone(&self.zone).date_naive();
        let mornings = [today, today + chrono::Days::new(1)].into_iter();
        let mut instants = mornings
            .filter_map(|date| {
                date.and_hms_opt(8, 0, 0)?
                    .and_local_timezone(self.zone)
                    .single()
            })
            .map(|at| Timestamp::from(at.to_utc()));
        instants.find(|at| *at > now).unwrap_or(now)
    }

    fn line(&mut self, before: &str, key: &str, fills: Fills<'_>) {
        let (zh, en) = self.both(key, fills);
        match self.language {
            Language::Zh => self.print(&format!("{before}  {zh}")),
            Language::En => self.print(&format!("{before}  {en}")),
            Language::Both => {
                self.print(&format!("{before}  {zh}"));
                self.print(&format!("       {}", self.dim(&en)));
            }
        }
    }

    /// One step of the progress is done.
    pub(crate) fn step(&mut self) {
        self.done = (self.done + 1).min(self.total);
        self.draw();
    }

    /// The steps that were announced, and those that were taken.
    pub(crate) fn steps(&self) -> (usize, usize) {
        (self.total, self.done)
    }

    /// The progress line goes away.
    pub(crate) fn end(&mut self) {
        self.total = 0;
        self.clear();
    }

    /// A line as it is.
    pub(crate) fn print(&self, line: &str) {
        self.clear();
        println!("{line}");
        self.draw();
    }

    fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.terminal {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[2K");
        }
    }

    fn draw(&self) {
        if !self.terminal || self.total == 0 {
            return;
        }
        let full = self.done * BAR_CELLS / self.total;
        let bar = "█".repeat(full) + &"░".repeat(BAR_CELLS - full);
        print!("\r\x1b[2K[{bar}] {:>3} %", self.done * 100 / self.total);
        // A progress line that cannot be shown is no reason to end the day.
        let _ = std::io::stdout().flush();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn both_languages_have_the_same_fills() {
        let story = Story::new(Language::Both, 1).unwrap();
        let fills = |text: &str| {
            let mut found: Vec<String> = text
                .split('{')
                .skip(1)
                .map(|rest| rest.split('}').next().unwrap().to_owned())
                .collect();
            found.sort();
            found
        };
        for (key, text) in &story.texts {
            assert_eq!(fills(&text.zh), fills(&text.en), "{key}");
        }
    }

    #[test]
    fn every_key_that_is_told_has_a_text_and_every_text_is_told() {
        let story = Story::new(Language::Both, 1).unwrap();
        let sources = [
            include_str!("stage.rs"),
            include_str!("table.rs"),
            include_str!("visit.rs"),
            include_str!("day.rs"),
            include_str!("day/morning.rs"),
            include_str!("day/apart.rs"),
            include_str!("day/desk.rs"),
            include_str!("day/evening.rs"),
            include_str!("day/check.rs"),
        ]
        .concat();
        for key in story.texts.keys() {
            assert!(
                sources.contains(&format!("\"{key}\"")),
                "{key} is never told"
            );
        }
        let told = ["chapter(", "tell(", ".text("]
            .iter()
            .flat_map(|call| sources.split(call).skip(1))
            .chain(
                sources
                    .split("tell_at(")
                    .skip(1)
                    .filter_map(|rest| rest.split_once(',').map(|(_, rest)| rest)),
            );
        for rest in told {
            if let Some(key) = rest.trim_start().strip_prefix('"') {
                let key = key.split('"').next().unwrap();
                assert!(story.texts.contains_key(key), "{key} has no text");
            }
        }
    }
}
