//! The table at the end, aligned by the width that characters have on a terminal.

use std::time::Duration;

use crate::day::Day;
use crate::day::check::Checked;
use crate::day::evening::Met;
use crate::day::morning::bytes;
use crate::handset::Handset;
use crate::story::Story;

/// Lines of the table: a title, then what happened with its number.
pub(crate) fn lines(day: &Day, met: &Met, checked: &Checked, took: Duration) -> Vec<String> {
    let story = &day.story;
    let phones = [&day.first.phone, &day.second.phone];
    let (one, two) = (phones[0].commands, phones[1].commands);
    let imported = checked
        .commands
        .saturating_sub(one + two + day.office.commands);
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |label: String, value: String| rows.push((label, value));
    row(story.text("row_tickets", &[]), checked.tickets.to_string());
    row(
        story.text("row_commands", &[]),
        story.text(
            "value_commands",
            &[
                ("total", &checked.commands),
                ("imported", &imported),
                ("office", &day.office.commands),
                ("one", &one),
                ("two", &two),
            ],
        ),
    );
    row(
        story.text("row_changesets", &[]),
        checked.changesets.to_string(),
    );
    row(story.text("row_soft", &[]), checked.soft.to_string());
    let hard: usize = met.hard.values().sum();
    let fields: Vec<String> = met
        .hard
        .iter()
        .map(|(on, n)| format!("{on} ×{n}"))
        .collect();
    row(
        story.text("row_hard", &[]),
        format!("{hard} ({})", fields.join(", ")),
    );
    row(
        story.text("row_clashes", &[]),
        story.text(
            "value_clashes",
            &[("n", &met.clashed), ("pairs", &met.clashes)],
        ),
    );
    row(
        story.text("row_quarantine", &[]),
        story.text(
            "value_quarantine",
            &[("n", &met.quarantined), ("decided", &day.office.decided)],
        ),
    );
    row(
        story.text("row_office", &[]),
        story.text("verdict_admitted", &[("n", &day.office.admitted)]),
    );
    for phone in phones {
        row(
            story.text("row_verdicts", &[("name", &phone.name)]),
            verdicts(story, phone),
        );
        let traffic = phone.traffic;
        let (up, down) = (bytes(traffic.bytes_up), bytes(traffic.bytes_down));
        row(
            story.text("row_traffic", &[("name", &phone.name)]),
            story.text(
                "value_traffic",
                &[
                    ("trips", &traffic.round_trips),
                    ("cut", &traffic.cut),
                    ("up", &up),
                    ("down", &down),
                    ("starts", &phone.starts),
                ],
            ),
        );
    }
    row(
        story.text("row_compared", &[]),
        story.text(
            "value_compared",
            &[
                ("n", &checked.parts_compared),
                ("differences", &checked.differences.len()),
            ],
        ),
    );
    row(
        story.text("row_time", &[]),
        story.text(
            "value_time",
            &[("seconds", &format!("{:.1}", took.as_secs_f64()))],
        ),
    );
    aligned(&rows)
}

fn verdicts(story: &Story, phone: &Handset) -> String {
    let told = phone.verdicts;
    let counts = [
        ("verdict_admitted", told.admitted),
        ("verdict_duplicate", told.duplicate),
        ("verdict_held", told.held),
        ("verdict_quarantined", told.quarantined),
        ("verdict_refused", told.refused),
    ];
    let heard = counts.iter().filter(|(_, n)| *n > 0);
    let shown = heard.map(|(key, n)| story.text(key, &[("n", n)]));
    shown.collect::<Vec<_>>().join(", ")
}

fn aligned(rows: &[(String, String)]) -> Vec<String> {
    let widest = rows
        .iter()
        .map(|(label, _)| cells(label))
        .max()
        .unwrap_or(0);
    let line = |(label, value): &(String, String)| {
        format!("  {label}{}  {value}", " ".repeat(widest - cells(label)))
    };
    rows.iter().map(line).collect()
}

/// Cells of a terminal: Chinese characters and full-width signs take two.
fn cells(text: &str) -> usize {
    let wide = |c: char| matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}');
    text.chars().map(|c| 1 + usize::from(wide(c))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_one_column() {
        let rows = [
            ("工单".to_owned(), "1".to_owned()),
            ("tickets".to_owned(), "2".to_owned()),
        ];
        assert_eq!(aligned(&rows), ["  工单     1", "  tickets  2"]);
    }
}
