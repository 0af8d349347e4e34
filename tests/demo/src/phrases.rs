//! What people of the day write, from `texts/work.toml`. Content of tickets, so in Chinese alone.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

const WORK: &str = include_str!("../texts/work.toml");

/// All that technicians may find and say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phrases {
    /// Readings by checklist item; items that are not here are simply done.
    pub(crate) readings: BTreeMap<String, Vec<String>>,
    /// What customers remark.
    pub(crate) comments: Comments,
    cases: Vec<Case>,
}

/// What customers remark, by how they feel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comments {
    pub(crate) satisfied: Vec<String>,
}

/// One kind of fault with its repair.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    product_line: String,
    words: Vec<String>,
    pub(crate) cause: String,
    pub(crate) route: String,
    /// What was done, and what came out.
    pub(crate) steps: Vec<(String, String)>,
    pub(crate) conclusion: String,
    /// Part number, where one is needed.
    #[serde(default)]
    pub(crate) part: Option<String>,
    #[serde(default)]
    pub(crate) quantity: u32,
    pub(crate) amount_fen: i64,
    pub(crate) explanation: String,
    pub(crate) note: String,
    pub(crate) summary: String,
}

impl Phrases {
    pub(crate) fn load() -> Result<Self> {
        toml::from_str(WORK).context("read texts/work.toml")
    }

    /// The case that fits a problem of a product line.
    pub(crate) fn case(&self, product_line: &str, problem: &str) -> Result<&Case> {
        self.cases
            .iter()
            .filter(|case| case.product_line == product_line)
            .find(|case| case.words.iter().all(|word| problem.contains(word)))
            .with_context(|| format!("no case fits a problem of {product_line}"))
    }
}

impl Case {
    /// Solved from afar: nobody travels.
    pub(crate) fn is_remote(&self) -> bool {
        self.route == "remote"
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use gongdan_core::ticket::field::{CAUSES, ROUTES};

    #[test]
    fn every_line_of_the_phones_has_a_case_and_the_closest_one_is_taken() {
        let phrases = Phrases::load().unwrap();
        for line in ["aircon", "purifier", "lock"] {
            assert!(phrases.case(line, "").is_ok(), "{line}");
        }
        let case = phrases.case("aircon", "开机跳闸，有焦味").unwrap();
        assert_eq!(case.part.as_deref(), Some("AC-PCB-OUT"));
        assert!(phrases.case("rocket", "").is_err());
    }

    #[test]
    fn codes_are_those_of_the_fields() {
        for case in &Phrases::load().unwrap().cases {
            assert!(CAUSES.contains(&case.cause.as_str()), "{}", case.cause);
            assert!(ROUTES.contains(&case.route.as_str()), "{}", case.route);
            assert_eq!(
                case.part.is_some(),
                case.quantity > 0,
                "{}",
                case.conclusion
            );
        }
    }
}
