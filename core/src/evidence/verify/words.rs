//! The report in words, Chinese or English: what the law asks, what was checked, and what is not proven.
//!
//! Invariant: the words are chosen by the report's codes from a resource, and claim no more than the codes do.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{ChainFault, Check, Outcome, Report, Told};
use crate::evidence::form::{Both, Language};

#[derive(Deserialize)]
struct Texts {
    law: Vec<Both>,
    heads: BTreeMap<String, Both>,
    checks: BTreeMap<String, Both>,
    outcomes: BTreeMap<String, Both>,
    levels: BTreeMap<String, Both>,
    kinds: BTreeMap<String, Both>,
    clocks: BTreeMap<String, Both>,
    not_proven: BTreeMap<String, Both>,
    chain: BTreeMap<String, Both>,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    serde_json::from_str(include_str!("texts.json")).expect("a test reads the resource")
});

fn of<'a>(texts: &'a BTreeMap<String, Both>, code: &'a str, language: Language) -> &'a str {
    texts.get(code).map_or(code, |text| text.of(language))
}

/// What a chain of sheets came to, in words.
pub fn chain_words(faults: &[(usize, ChainFault)], language: Language) -> String {
    let texts = &*TEXTS;
    let head = of(&texts.heads, "chain", language);
    if faults.is_empty() {
        return format!("{head}: {}", of(&texts.heads, "chain_good", language));
    }
    let said = faults.iter().map(|(place, fault)| {
        let fault = of(&texts.chain, fault.code(), language);
        format!("  {}: {fault}", place + 1)
    });
    std::iter::once(format!("{head}:"))
        .chain(said)
        .collect::<Vec<_>>()
        .join("\n")
}

/// What is not proven, by code, in the order in which it is told.
pub(super) fn not_proven(
    good: bool,
    told: Option<&Told>,
    checks: &[(Check, Outcome)],
) -> Vec<&'static str> {
    let not_asked = |check| checks.contains(&(check, Outcome::NotAsked));
    let Some(told) = told.filter(|_| good) else {
        return vec!["anything"];
    };
    let mut found = Vec::new();
    if not_asked(Check::Organisation) {
        found.push("organisation");
    }
    if told.kind.method().is_some() {
        found.extend(["person", "control"]);
    } else {
        found.push("confirmation");
    }
    if told.clock != "clock_fresh" {
        found.push("time");
    }
    if told.countersigned.is_none() {
        found.push("server");
    }
    if told.countersigned.is_some() && told.log_size.is_none() {
        found.push("log");
    }
    if told.log_size.is_some() {
        found.push("one_log");
    }
    match &told.stamped {
        None => found.push("timestamp"),
        Some(_) if not_asked(Check::Authority) => found.push("authority"),
        Some(_) => {}
    }
    if not_asked(Check::Receipt) {
        found.push("exchange");
    }
    found.push("ticket_now");
    if told.attachments_elsewhere > 0 {
        found.push("attachments");
    }
    if told.erased > 0 {
        found.push("erased");
    }
    if checks.contains(&(Check::Form, Outcome::NotReached)) {
        found.push("form");
    }
    found
}

/// The report for people.
pub fn words(report: &Report, language: Language) -> String {
    let texts = &*TEXTS;
    let head = |code| of(&texts.heads, code, language);
    let mut out = String::new();
    let mut line = |text: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{text}");
    };
    line(head("law"));
    for law in &texts.law {
        line(&format!("  {}", law.of(language)));
    }
    line("");
    line(head(if report.good { "good" } else { "bad" }));
    let level = of(&texts.levels, report.level.code(), language);
    line(&format!("{}: {level}", head("level")));
    if let Some(told) = &report.told {
        let number = told.number.as_deref().unwrap_or("—");
        line(&format!("{}: {number} ({})", head("ticket"), told.ticket));
        let kind = of(&texts.kinds, told.kind.name(), language);
        line(&format!("{}: {kind}", head("kind")));
        line(&format!("{}: {}", head("edition"), told.edition));
        line(&format!("{}: {}", head("code"), told.code));
        line(&format!("{}: {}", head("sheet"), told.sheet));
        let clock = of(&texts.clocks, told.clock, language);
        line(&format!(
            "{}: {} ({}) — {clock}",
            head("at"),
            told.at,
            told.zone
        ));
        line(&format!(
            "{}: {} / {}",
            head("by"),
            told.person,
            told.device
        ));
        line(&format!("{}: {}", head("running"), told.running));
        if let Some(own) = told.countersigned {
            let (at, serial) = (own.at, own.serial);
            line(&format!(
                "{}: {at}, {} {serial}",
                head("countersigned"),
                head("serial")
            ));
        }
    }
    if let Some(stamped) = report.told.as_ref().and_then(|told| told.stamped.as_ref()) {
        let (at, authority) = (stamped.at, &stamped.authority);
        line(&format!("{}: {at}, {authority}", head("stamped")));
    }
    line("");
    line(head("checks"));
    for (check, outcome) in &report.checks {
        line(&format!(
            "  [{}] {} ({})",
            of(&texts.outcomes, outcome.code(), language),
            of(&texts.checks, check.code(), language),
            check.code()
        ));
    }
    line("");
    line(head("not_proven"));
    for code in &report.not_proven {
        line(&format!("  - {}", of(&texts.not_proven, code, language)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_in_both_languages() {
        let texts = &*TEXTS;
        for check in Check::ALL {
            assert!(texts.checks.contains_key(check.code()), "{check:?}");
        }
        assert_eq!(texts.checks.len(), Check::ALL.len());
        for map in [
            &texts.heads,
            &texts.checks,
            &texts.outcomes,
            &texts.levels,
            &texts.kinds,
            &texts.clocks,
            &texts.not_proven,
            &texts.chain,
        ] {
            for (code, text) in map {
                let (zh, en) = (text.of(Language::Zh), text.of(Language::En));
                assert!(!zh.is_ascii() && en.is_ascii() && !en.is_empty(), "{code}");
            }
        }
        assert!(texts.law.iter().all(|law| !law.of(Language::Zh).is_ascii()));
    }
}
