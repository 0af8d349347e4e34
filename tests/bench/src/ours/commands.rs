//! The standard work as the product's own commands.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::ticket::command::{Answer, ChecklistEntry, Command, FieldValue, WaitingFor};
use gongdan_core::ticket::{Field, Value as FieldContent};

use crate::standard_work::{Act, ChecklistAnswer, Commit, Edit, StandardTicket, Value, Write};

/// What a commit of the history means: one command, or one a part.
pub fn history(ticket: &StandardTicket, commit: &Commit) -> Vec<Command> {
    match commit.act {
        Act::Open => {
            let mut service = fields(ticket.intake.writes());
            service.extend(fields(ticket.product.writes()));
            service.extend(fields(ticket.grading.writes()));
            vec![
                Command::Open {
                    fields: service,
                    problem: ticket.problem.clone(),
                },
                Command::RecordCustomer {
                    fields: fields(ticket.customer.writes()),
                },
            ]
        }
        Act::Assign => vec![Command::Assign {
            crew: ticket.crew.iter().map(|id| person(id)).collect(),
            lead: person(&ticket.assignment.lead),
            group: Some(ticket.assignment.group.to_owned()),
        }],
        Act::Accept => vec![Command::Accept],
        Act::Appoint => vec![Command::Appoint {
            from: Timestamp(ticket.appointment.appointed_from.0),
            until: Timestamp(ticket.appointment.appointed_until.0),
        }],
        Act::Depart => vec![Command::Depart],
        Act::Arrive => vec![Command::Arrive],
        Act::AnswerChecklist => {
            vec![Command::AnswerChecklist {
                answers: ticket.checklist.iter().map(entry).collect(),
            }]
        }
        Act::AddNote(n) => vec![note(&ticket.notes[n].text)],
    }
}

/// What an edit made while apart means.
pub fn edit(edit: &Edit) -> Command {
    match edit {
        Edit::ChangeAppointment { from } => Command::Correct {
            field: Field::AppointedFrom,
            value: FieldContent::Instant(Timestamp(*from)),
        },
        Edit::AddNote(added) => note(&added.text),
        Edit::AnswerItem(answer) => Command::AnswerChecklist {
            answers: vec![entry(answer)],
        },
        Edit::Suspend(event) => Command::Suspend {
            waiting_for: WaitingFor::Parts,
            reason: event
                .suspension
                .as_ref()
                .map(|s| s.reason.clone())
                .unwrap_or_default(),
        },
        Edit::CountVisit => Command::CountVisit,
    }
}

fn note(text: &str) -> Command {
    Command::WriteNote {
        part: gongdan_core::ids::Part::Service,
        text: text.to_owned(),
    }
}

/// An employee number of the work.
pub fn person(id: &str) -> PersonId {
    id.parse()
        .expect("the work's employee numbers are of their form")
}

fn entry(answer: &ChecklistAnswer) -> ChecklistEntry {
    let code = Answer::from_code(&answer.answer).expect("the work's answers are of their form");
    ChecklistEntry {
        item: answer.item.to_owned(),
        answer: code,
    }
}

fn fields(writes: Vec<Write>) -> Vec<FieldValue> {
    writes
        .into_iter()
        .filter_map(|write| {
            let Write::Field { field, value, .. } = write else {
                return None;
            };
            let field = Field::by_name(&field).expect("the work's fields are the document's");
            let value = match value {
                Value::Str(text) | Value::Text(text) => FieldContent::Text(text),
                Value::Int(n) => FieldContent::Integer(n),
                Value::Instant(at) => FieldContent::Instant(Timestamp(at)),
            };
            Some(FieldValue { field, value })
        })
        .collect()
}
