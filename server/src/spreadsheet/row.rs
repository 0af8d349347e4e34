//! A ticket as a row: codes in words, times in the organisation's zone.

use chrono_tz::Tz;
use gongdan_core::catalogue::{Catalogue, Label};
use gongdan_core::clock::Timestamp;
use gongdan_core::ticket::summary::Summary;

use super::COLUMNS;
use super::texts::{Language, text};

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text, of whoever.
    Text(String),
    /// A number that was counted here.
    Count(u32),
}

/// How codes and times are said.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    language: Language,
    zone: Tz,
    catalogue: Option<Catalogue>,
}

impl Vocabulary {
    /// By the catalogue; codes stand for themselves without one.
    pub fn new(language: Language, catalogue: Option<Catalogue>) -> Self {
        let zone = catalogue
            .as_ref()
            .and_then(|catalogue| catalogue.zone.parse().ok());
        Self {
            language,
            zone: zone.unwrap_or(Tz::UTC),
            catalogue,
        }
    }

    /// The name of the sheet.
    pub fn sheet(&self) -> &'static str {
        text(self.language, "sheet", "name")
    }

    /// The columns' headings.
    pub fn headings(&self) -> [&'static str; COLUMNS.len()] {
        COLUMNS.map(|column| text(self.language, "column", column))
    }

    /// A ticket's cells, in the order of the headings.
    pub fn cells(&self, row: &Summary) -> [Cell; COLUMNS.len()] {
        let cell = |value: Option<String>| Cell::Text(value.unwrap_or_default());
        [
            Cell::Text(row.label.clone()),
            Cell::Text(text(self.language, "status", row.status.name()).to_owned()),
            cell(row.grade.clone()),
            cell(row.region.as_deref().map(|code| self.region(code))),
            cell(row.product_line.as_deref().map(|code| self.line(code))),
            cell(row.model.clone()),
            Cell::Text(row.problem.clone()),
            cell(row.customer_name.clone()),
            cell(row.lead.as_ref().map(|lead| self.person(lead))),
            cell(row.appointed_from.map(|at| self.time(at))),
            Cell::Count(row.conflicts.saturating_add(row.clashes)),
            cell(row.opened_at.map(|at| self.time(at))),
            cell(row.updated_at.map(|at| self.time(at))),
            Cell::Text(row.id.to_string()),
        ]
    }

    /// The organisation's date, as file names carry it.
    pub fn date(&self, at: Timestamp) -> String {
        let local = at.to_utc().with_timezone(&self.zone);
        local.format("%Y%m%d").to_string()
    }

    fn time(&self, at: Timestamp) -> String {
        let local = at.to_utc().with_timezone(&self.zone);
        local.format("%Y-%m-%d %H:%M").to_string()
    }

    fn region(&self, code: &str) -> String {
        self.word(code, |catalogue| {
            let found = catalogue.regions.iter().find(|region| region.code == code);
            found.map(|region| &region.label)
        })
    }

    fn line(&self, code: &str) -> String {
        self.word(code, |catalogue| {
            let mut lines = catalogue.product_lines.iter();
            lines.find(|line| line.code == code).map(|line| &line.label)
        })
    }

    fn word<'a>(
        &'a self,
        code: &str,
        label: impl Fn(&'a Catalogue) -> Option<&'a Label>,
    ) -> String {
        let label = self.catalogue.as_ref().and_then(label);
        label.map_or_else(
            || code.to_owned(),
            |label| self.language.of(label).to_owned(),
        )
    }

    fn person(&self, id: &gongdan_core::ids::PersonId) -> String {
        let catalogue = self.catalogue.as_ref();
        match catalogue.and_then(|catalogue| catalogue.person(id)) {
            Some(person) => format!("{} ({id})", person.name),
            None => id.to_string(),
        }
    }
}
