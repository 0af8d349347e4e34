//! What every commit and edit writes, as field by field writes that any document library can carry out.
//!
//! A note or a status event carries its author and time as values, as in any document that people read without the
//! library's history. Who can derive them from the change that made the item may leave them out.

use super::{
    Act, Edit,
    ticket::{ChecklistAnswer, Instant, Note, Person, StandardTicket, StatusEvent, UnixSeconds},
};

/// A value to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Str(String),
    Int(i64),
    Instant(UnixSeconds),
    /// A text in which several people may edit at once.
    Text(String),
}

impl From<&&'static str> for Value {
    fn from(value: &&'static str) -> Self {
        Self::Str((*value).to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Str(value.clone())
    }
}

impl From<&i64> for Value {
    fn from(value: &i64) -> Self {
        Self::Int(*value)
    }
}

impl From<&Instant> for Value {
    fn from(value: &Instant) -> Self {
        Self::Instant(value.0)
    }
}

/// One write to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets a field of a section.
    Field {
        section: &'static str,
        field: String,
        value: Value,
    },
    /// Adds an item with these fields to a collection.
    Item {
        collection: &'static str,
        key: String,
        fields: Vec<(&'static str, Value)>,
    },
    /// Adds to a counter, which is created with its first write.
    Count { counter: &'static str, by: i64 },
}

impl StandardTicket {
    /// What this act of the history writes.
    pub fn writes(&self, act: Act) -> Vec<Write> {
        match act {
            Act::Open => self.writes_of_open(),
            Act::Assign => {
                let mut writes = self.assignment.writes();
                writes.extend(
                    self.crew
                        .iter()
                        .map(|member| field("crew", member, Value::Int(1))),
                );
                writes.push(event(&self.events[1]));
                writes
            }
            Act::Accept => vec![event(&self.events[2])],
            Act::Appoint => {
                let mut writes = self.appointment.writes();
                writes.push(event(&self.events[3]));
                writes
            }
            Act::Depart => vec![event(&self.events[4])],
            Act::Arrive => vec![
                event(&self.events[5]),
                Write::Count {
                    counter: "visits",
                    by: 1,
                },
            ],
            Act::AnswerChecklist => self.checklist.iter().map(answer).collect(),
            Act::AddNote(index) => vec![note(&self.notes[index])],
        }
    }

    fn writes_of_open(&self) -> Vec<Write> {
        let mut writes = self.intake.writes();
        writes.push(field(
            "intake",
            "problem",
            Value::Text(self.problem.clone()),
        ));
        writes.extend(self.product.writes());
        writes.extend(self.grading.writes());
        writes.extend(self.customer.writes());
        writes.push(Write::Count {
            counter: "visits",
            by: 0,
        });
        writes.push(event(&self.events[0]));
        writes
    }
}

impl Edit {
    /// What this edit writes.
    pub fn writes(&self) -> Vec<Write> {
        vec![match self {
            Self::ChangeAppointment { from } => {
                field("appointment", "appointed_from", Value::Instant(*from))
            }
            Self::AddNote(added) => note(added),
            Self::AnswerItem(answered) => answer(answered),
            Self::Suspend(suspended) => event(suspended),
            Self::CountVisit => Write::Count {
                counter: "visits",
                by: 1,
            },
        }]
    }
}

/// Sets a field.
pub(super) fn field(section: &'static str, field: &str, value: Value) -> Write {
    Write::Field {
        section,
        field: field.to_owned(),
        value,
    }
}

fn answer(answer: &ChecklistAnswer) -> Write {
    field("checklist", answer.item, Value::from(&answer.answer))
}

fn note(note: &Note) -> Write {
    let fields = vec![("text", Value::from(&note.text)), by(note.by), at(note.at)];
    Write::Item {
        collection: "notes",
        key: note.key.clone(),
        fields,
    }
}

fn event(event: &StatusEvent) -> Write {
    let mut fields = vec![
        ("kind", Value::from(&event.kind)),
        by(event.by),
        at(event.at),
    ];
    if let Some(suspension) = &event.suspension {
        fields.push(("waiting_for", Value::from(&suspension.waiting_for)));
        fields.push(("reason", Value::from(&suspension.reason)));
    }
    Write::Item {
        collection: "events",
        key: event.key.clone(),
        fields,
    }
}

fn by(person: Person) -> (&'static str, Value) {
    ("by", Value::Str(person.id().to_owned()))
}

fn at(at: UnixSeconds) -> (&'static str, Value) {
    ("at", Value::Instant(at))
}
