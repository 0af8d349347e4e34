//! Why a command was not taken, as a problem: one code a reason, a pointer where a value is to blame.
//!
//! Invariant: neither code nor detail holds what was written.

use axum::http::StatusCode;
use gongdan_core::document::{Inexecutable, Subject};
use gongdan_core::sync::verdict::Refusal;
use gongdan_core::ticket::Field;
use gongdan_core::ticket::command::{Command, ConflictOn};

use super::super::problem::ApiError;

const NOT_PROCESSED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// The problem of a refusal of the command at `place` of `commands`, which stood at `/commands` in the body;
/// without a place where it cannot be told which it was.
pub(super) fn problem(commands: &[Command], place: Option<usize>, refusal: &Refusal) -> ApiError {
    let command = place.and_then(|place| Some((place, commands.get(place)?)));
    match refusal {
        // What only a device can do, or a person in quarantine: no act of the desk comes to it.
        Refusal::Malformed | Refusal::ForeignActor | Refusal::Declined => not_admitted(),
        Refusal::Inexecutable { why } => inexecutable(command, why),
        Refusal::Denied { .. } => at(
            ApiError::new(StatusCode::FORBIDDEN, "denied"),
            command,
            None,
        ),
        Refusal::NotLawful { .. } => at(
            ApiError::new(StatusCode::CONFLICT, "not_lawful"),
            command,
            None,
        ),
        Refusal::DocumentFull => ApiError::new(NOT_PROCESSED, "document_full"),
        Refusal::NotAnAct => ApiError::new(NOT_PROCESSED, "not_an_act"),
    }
}

/// What an act builds on is not in the ticket: a customer without a request, say.
pub(super) const fn not_admitted() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "not_admitted")
}

/// The problem of a code that is not in the catalogue, in the command at `place`.
pub(super) fn unknown_code(commands: &[Command], place: usize, subject: &Subject) -> ApiError {
    let command = commands.get(place).map(|command| (place, command));
    let inner = command.and_then(|(_, command)| place_of(command, subject));
    at(ApiError::new(NOT_PROCESSED, "unknown_code"), command, inner)
}

fn inexecutable(command: Option<(usize, &Command)>, why: &Inexecutable) -> ApiError {
    let (status, code, inner) = match why {
        Inexecutable::Misfit { subject, misfit } => {
            let problem = ApiError::new(NOT_PROCESSED, "misfit").detail(misfit.to_string());
            return at(
                problem,
                command,
                command.and_then(|(_, command)| place_of(command, subject)),
            );
        }
        Inexecutable::FieldNotHere { field } => {
            let subject = Subject::Field { field: *field };
            let inner = command.and_then(|(_, command)| place_of(command, &subject));
            (NOT_PROCESSED, "field_not_here", inner)
        }
        Inexecutable::TooMany { name } => (NOT_PROCESSED, "too_many", Some(name.clone())),
        Inexecutable::NoSuchItem => (NOT_PROCESSED, "no_such_item", None),
        Inexecutable::SpliceOutside => (NOT_PROCESSED, "splice_outside", None),
        Inexecutable::NoEffect => (StatusCode::CONFLICT, "no_effect", None),
        // The desk draws the names of items, and sorts commands by their parts.
        Inexecutable::ItemExists | Inexecutable::OtherPart => return not_admitted(),
        Inexecutable::LeadNotInCrew => (NOT_PROCESSED, "lead_not_in_crew", Some("lead".to_owned())),
    };
    at(ApiError::new(status, code), command, inner)
}

/// Where within a command its subject stands.
fn place_of(command: &Command, subject: &Subject) -> Option<String> {
    let field = match subject {
        Subject::Argument { name } => return Some(name.clone()),
        Subject::Field { field } => *field,
    };
    match command {
        Command::Open { fields, .. } | Command::RecordCustomer { fields } => {
            let at = fields.iter().position(|entry| entry.field == field)?;
            Some(format!("fields/{at}/value"))
        }
        Command::Correct { .. } => Some("value".to_owned()),
        Command::SettleConflict { .. } => Some("value".to_owned()),
        _ => Some(field.name().to_owned()),
    }
}

/// With a pointer to the command, or to what stands within it.
fn at(problem: ApiError, command: Option<(usize, &Command)>, inner: Option<String>) -> ApiError {
    let Some((place, command)) = command else {
        return problem;
    };
    let name = command_name(command);
    problem.pointer(match inner {
        Some(inner) => format!("/commands/{place}/{name}/{inner}"),
        None => format!("/commands/{place}"),
    })
}

/// A command's name in JSON, which is its action's.
fn command_name(command: &Command) -> String {
    let json = serde_json::to_value(command.action()).expect("an action is JSON");
    json.as_str().unwrap_or_default().to_owned()
}

/// JSON has no instants: texts that stand where a field is one become instants, as the field says.
pub(super) fn coerce(command: Command) -> Command {
    let all = |fields: Vec<gongdan_core::ticket::command::FieldValue>| {
        fields
            .into_iter()
            .map(|mut entry| {
                entry.value = entry.field.coerce(entry.value);
                entry
            })
            .collect()
    };
    match command {
        Command::Open { fields, problem } => Command::Open {
            fields: all(fields),
            problem,
        },
        Command::RecordCustomer { fields } => Command::RecordCustomer {
            fields: all(fields),
        },
        Command::Correct { field, value } => Command::Correct {
            value: Field::coerce(field, value),
            field,
        },
        Command::SettleConflict {
            on: ConflictOn::Field { field },
            value,
        } => Command::SettleConflict {
            value: Field::coerce(field, value),
            on: ConflictOn::Field { field },
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use gongdan_core::clock::Timestamp;
    use gongdan_core::document::check;
    use gongdan_core::ticket::Value;
    use gongdan_core::ticket::command::FieldValue;

    use super::*;

    fn refused(commands: &[Command], place: usize) -> serde_json::Value {
        let why = check(&commands[place]).expect_err("a command that does not fit");
        let problem = problem(commands, Some(place), &Refusal::Inexecutable { why });
        serde_json::json!([problem.code(), problem.pointer_text()])
    }

    #[test]
    fn a_misfit_points_at_the_value_in_the_body() {
        let value = |field, text: &str| FieldValue {
            field,
            value: Value::from(text),
        };
        let open = Command::Open {
            fields: vec![
                value(Field::Region, "east"),
                value(Field::TicketType, "party"),
            ],
            problem: "不制冷".to_owned(),
        };
        let grade = Command::Grade {
            grade: "D".to_owned(),
            reasons: vec!["因为".to_owned()],
        };
        let correct = Command::Correct {
            field: Field::PurchaseDate,
            value: Value::from("2026-02-30"),
        };
        let commands = [open, grade, correct];
        let expected = serde_json::json!([
            ["misfit", "/commands/0/open/fields/1/value"],
            ["misfit", "/commands/1/grade/grade"],
            ["misfit", "/commands/2/correct/value"],
        ]);
        let found: Vec<_> = (0..commands.len())
            .map(|place| refused(&commands, place))
            .collect();
        assert_eq!(serde_json::json!(found), expected);
    }

    #[test]
    fn texts_become_instants_where_the_field_is_one() {
        let text = Value::from("2026-11-22T08:00:00+08:00");
        let instant = Value::Instant(Timestamp(1_795_305_600));
        let correct = |field, value| Command::Correct { field, value };
        assert_eq!(
            coerce(correct(Field::ReportedAt, text.clone())),
            correct(Field::ReportedAt, instant.clone())
        );
        assert_eq!(
            coerce(correct(Field::WishedTime, text.clone())),
            correct(Field::WishedTime, text.clone())
        );
        let open = |value| Command::Open {
            fields: vec![FieldValue {
                field: Field::AppointedFrom,
                value,
            }],
            problem: String::new(),
        };
        assert_eq!(coerce(open(text.clone())), open(instant.clone()));
        let settle = |value| Command::SettleConflict {
            on: ConflictOn::Field {
                field: Field::AppointedFrom,
            },
            value,
        };
        assert_eq!(coerce(settle(text)), settle(instant));
    }
}
