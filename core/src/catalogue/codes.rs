//! Whether the codes of a command are ones that the catalogue holds.
//!
//! Invariant: asked where a form is filled in and at the desk, never of a changeset that a phone signed: what
//! was offered to a phone may have left the catalogue while it was away, and its work counts all the same.

use super::Catalogue;
use crate::document::Subject;
use crate::ids::PersonId;
use crate::ticket::command::{Command, ConflictOn, FieldValue};
use crate::ticket::{Field, Value};

impl Catalogue {
    /// What in `command` is a code that is not in this catalogue: regions, product lines and groups (R43),
    /// checklist items (R68–R73), part numbers (R60), and the people of a crew (R12). `None` where all are.
    pub fn unknown_code(&self, command: &Command) -> Option<Subject> {
        let argument = |name: &str, known: bool| {
            (!known).then(|| Subject::Argument {
                name: name.to_owned(),
            })
        };
        match command {
            Command::Open { fields, .. } | Command::RecordCustomer { fields } => {
                self.unknown_field(fields)
            }
            Command::Correct { field, value }
            | Command::SettleConflict {
                on: ConflictOn::Field { field },
                value,
            } => (!self.holds(*field, value)).then_some(Subject::Field { field: *field }),
            Command::Assign { crew, group, .. } => {
                let crew_known = crew.iter().all(|id| self.person(id).is_some());
                let group_known = group.as_deref().is_none_or(|code| self.has_group(code));
                argument("crew", crew_known).or_else(|| argument("group", group_known))
            }
            Command::AnswerChecklist { answers } => argument(
                "answers",
                answers.iter().all(|answer| self.has_item(&answer.item)),
            ),
            Command::UsePart { part_number, .. } => {
                argument("part_number", self.has_part(part_number))
            }
            _ => None,
        }
    }

    fn unknown_field(&self, fields: &[FieldValue]) -> Option<Subject> {
        fields
            .iter()
            .find(|entry| !self.holds(entry.field, &entry.value))
            .map(|entry| Subject::Field { field: entry.field })
    }

    /// Whether `value` is a code that `field` may hold; true of fields that hold no code, and of nothing.
    fn holds(&self, field: Field, value: &Value) -> bool {
        let Value::Text(code) = value else {
            return true;
        };
        match field {
            Field::Region => self.regions.iter().any(|region| region.code == *code),
            Field::ProductLine => self.product_lines.iter().any(|line| line.code == *code),
            Field::Group => self.has_group(code),
            Field::Lead => code
                .parse::<PersonId>()
                .is_ok_and(|id| self.person(&id).is_some()),
            _ => true,
        }
    }

    fn has_group(&self, code: &str) -> bool {
        self.groups.iter().any(|group| group.code == code)
    }

    fn has_item(&self, code: &str) -> bool {
        self.checklists
            .iter()
            .flat_map(|list| &list.items)
            .any(|item| item.code == code)
    }

    fn has_part(&self, code: &str) -> bool {
        self.product_lines
            .iter()
            .flat_map(|line| &line.parts)
            .any(|part| part.code == code)
    }
}

/// Whether a command may name codes at all: whoever has no catalogue at hand need not read it for others.
pub const fn names_codes(command: &Command) -> bool {
    matches!(
        command,
        Command::Open { .. }
            | Command::Correct { .. }
            | Command::SettleConflict { .. }
            | Command::Assign { .. }
            | Command::AnswerChecklist { .. }
            | Command::UsePart { .. }
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::ticket::command::{Answer, ChecklistEntry};

    fn catalogue() -> Catalogue {
        let entry =
            |code: &str| serde_json::json!({ "code": code, "label": { "zh": "甲", "en": "a" } });
        let with = |code: &str, more: serde_json::Value| {
            let mut entry = entry(code);
            entry
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            entry
        };
        serde_json::from_value(serde_json::json!({
            "organisation": "o", "zone": "Asia/Shanghai", "consent": { "zh": "同意", "en": "I agree." },
            "regions": [entry("east")],
            "groups": [with("home", serde_json::json!({ "regions": ["east"], "product_lines": ["aircon"] }))],
            "product_lines": [with("aircon", serde_json::json!({ "checklist": "c", "parts": [entry("AC-1")] }))],
            "checklists": [with("c", serde_json::json!({ "items": [entry("identity")] }))],
            "people": [{ "id": "G1", "name": "甲", "roles": ["technician"] }],
        }))
        .unwrap()
    }

    fn correct(field: Field, code: &str) -> Command {
        Command::Correct {
            field,
            value: Value::from(code),
        }
    }

    fn assign(person: &str, group: Option<&str>) -> Command {
        Command::Assign {
            crew: vec![person.parse().unwrap()],
            lead: person.parse().unwrap(),
            group: group.map(str::to_owned),
        }
    }

    fn use_part(code: &str) -> Command {
        Command::UsePart {
            part_number: code.to_owned(),
            name: "件".to_owned(),
            quantity: 1,
        }
    }

    fn answer(code: &str) -> Command {
        Command::AnswerChecklist {
            answers: vec![ChecklistEntry {
                item: code.to_owned(),
                answer: Answer::Done,
            }],
        }
    }

    #[test]
    fn every_kind_of_code_is_known_or_named() {
        let catalogue = catalogue();
        let open = |code: &str| Command::Open {
            fields: vec![FieldValue {
                field: Field::Region,
                value: Value::from(code),
            }],
            problem: "x".to_owned(),
        };
        let settle = |code: &str| Command::SettleConflict {
            on: ConflictOn::Field {
                field: Field::ProductLine,
            },
            value: Value::from(code),
        };
        let field = |field| Subject::Field { field };
        let argument = |name: &str| Subject::Argument {
            name: name.to_owned(),
        };
        let cases = [
            (open("east"), open("nowhere"), field(Field::Region)),
            (settle("aircon"), settle("boat"), field(Field::ProductLine)),
            (
                correct(Field::Group, "home"),
                correct(Field::Group, "away"),
                field(Field::Group),
            ),
            (
                correct(Field::Lead, "G1"),
                correct(Field::Lead, "G2"),
                field(Field::Lead),
            ),
            (
                assign("G1", Some("home")),
                assign("G1", Some("away")),
                argument("group"),
            ),
            (assign("G1", None), assign("G2", None), argument("crew")),
            (answer("identity"), answer("<script>"), argument("answers")),
            (use_part("AC-1"), use_part("AC-2"), argument("part_number")),
        ];
        for (known, unknown, subject) in cases {
            assert_eq!(catalogue.unknown_code(&known), None, "{known:?}");
            assert_eq!(
                catalogue.unknown_code(&unknown),
                Some(subject),
                "{unknown:?}"
            );
            assert!(names_codes(&known), "{known:?}");
        }
        assert_eq!(catalogue.unknown_code(&correct(Field::Model, "east")), None);
        let emptied = Command::Correct {
            field: Field::Region,
            value: Value::Empty,
        };
        assert_eq!(catalogue.unknown_code(&emptied), None);
    }
}
