//! The rights table as one reviewed file: role × command × part × status × relation, and what is read.
//!
//! Every cell is the answer of `policy::authorize`, `lifecycle::is_lawful`, `policy::may_read` or
//! `policy::may_hold`, asked with a command of each kind; nothing is copied from the table's data.

use std::fmt::Write;

use gongdan_core::evidence::SheetKind;
use gongdan_core::ids::{BlobHash, ChangeHash, Part, SheetHash};
use gongdan_core::policy::{self, Capability, Relation, Role, Standing};
use gongdan_core::testing::{self, at, person};
use gongdan_core::ticket::command::{Collection, FieldValue};
use gongdan_core::ticket::{
    Action, Answer, Capacity, Command, ConfirmationMethod, ConflictOn, Field, FourAnswers, Ink,
    Status, Value, lifecycle,
};
use gongdan_tests::expect;

/// Letters of the relations in a cell.
const LETTERS: [(Relation, char); 6] = [
    (Relation::OTHER, '*'),
    (Relation::CREW, 'c'),
    (Relation::LEAD, 'l'),
    (Relation::POOL, 'p'),
    (Relation::OPENED, 'o'),
    (Relation::UNIT, 'u'),
];
const COLUMNS: [(Role, &str); 12] = [
    (Role::IntakeClerk, "intake"),
    (Role::Dispatcher, "dispat"),
    (Role::Supervisor, "superv"),
    (Role::Technician, "techn"),
    (Role::LeadTechnician, "leadt"),
    (Role::Quality, "qualit"),
    (Role::Branch, "branch"),
    (Role::PartnerManager, "p-man"),
    (Role::PartnerTechnician, "p-tech"),
    (Role::FollowUpClerk, "follow"),
    (Role::Administrator, "admin"),
    (Role::Auditor, "audit"),
];

/// Who asks: one of a group of two and of a partner of two.
fn asker(role: Role) -> Standing {
    Standing {
        group_people: [person("W001"), person("W002")].into(),
        unit_people: [person("W001"), person("W003")].into(),
        ..Standing::bare(person("W001"), vec![role])
    }
}

fn assign(crew: &[&str]) -> Command {
    gongdan_tests::world::assign(crew)
}

fn settle(on: ConflictOn) -> Command {
    Command::SettleConflict {
        on,
        value: Value::Empty,
    }
}

/// A command of each kind and part, with its name in the table.
fn samples() -> Vec<(&'static str, Command)> {
    let text = || "文".to_owned();
    let key = || "k1".parse().expect("a key");
    let note = |part| Command::WriteNote { part, text: text() };
    let correct = |field| Command::Correct {
        field,
        value: Value::from("值"),
    };
    let answers = FourAnswers {
        solved: true,
        satisfied: true,
        professionalism: 9,
        comments: None,
    };
    let on_sheet = answers.clone();
    let shown = ChangeHash([2; 32]);
    vec![
        ("Open", testing::open()),
        (
            "RecordCustomer",
            Command::RecordCustomer {
                fields: vec![FieldValue {
                    field: Field::CustomerName,
                    value: Value::from("客户"),
                }],
            },
        ),
        (
            "Grade",
            Command::Grade {
                grade: "A".to_owned(),
                reasons: vec![text()],
            },
        ),
        ("Assign to anybody", assign(&["W009"])),
        ("Assign to oneself", assign(&["W001"])),
        ("Assign in the group", assign(&["W001", "W002"])),
        ("Assign in the unit", assign(&["W003"])),
        ("Accept", Command::Accept),
        ("Decline", Command::Decline { reason: text() }),
        (
            "Appoint",
            Command::Appoint {
                from: at(0),
                until: at(60),
            },
        ),
        ("Depart", Command::Depart),
        ("Arrive", Command::Arrive),
        ("CountVisit", Command::CountVisit),
        (
            "Suspend",
            Command::Suspend {
                waiting_for: gongdan_core::ticket::command::WaitingFor::Parts,
                reason: text(),
            },
        ),
        ("Resume", Command::Resume),
        (
            "AnswerChecklist",
            Command::AnswerChecklist {
                answers: vec![gongdan_core::ticket::command::ChecklistEntry {
                    item: text(),
                    answer: Answer::Done,
                }],
            },
        ),
        (
            "RecordStep",
            Command::RecordStep {
                operation: text(),
                result: text(),
            },
        ),
        (
            "Diagnose",
            Command::Diagnose {
                cause: "hardware".to_owned(),
                route: "on_site".to_owned(),
                conclusion: text(),
            },
        ),
        ("WriteNote", note(Part::Service)),
        ("WriteNote", note(Part::Customer)),
        ("WriteNote", note(Part::Office)),
        (
            "UsePart",
            Command::UsePart {
                part_number: text(),
                name: text(),
                quantity: 1,
            },
        ),
        (
            "Quote",
            Command::Quote {
                amount_fen: 100,
                explanation: text(),
            },
        ),
        (
            "RecordConsent",
            Command::RecordConsent {
                quote: key(),
                agreed: true,
                by: Capacity::Customer,
            },
        ),
        (
            "AttachPhoto",
            Command::AttachPhoto {
                blob: BlobHash([3; 32]),
                media_type: "image/jpeg".to_owned(),
                bytes: 1,
                caption: text(),
            },
        ),
        ("Complete", Command::Complete { summary: text() }),
        (
            "Confirm",
            Command::Confirm {
                method: ConfirmationMethod::Signature,
                answers,
                shown,
            },
        ),
        (
            "RecordSignature",
            Command::RecordSignature {
                signer: text(),
                capacity: Capacity::Customer,
                shown,
                ink: Ink {
                    width: 1,
                    height: 1,
                    strokes: Vec::new(),
                },
            },
        ),
        (
            "ConfirmOnSheet",
            Command::ConfirmOnSheet {
                kind: SheetKind::Ink,
                answers: on_sheet,
                shown,
                sheet: SheetHash([4; 32]),
                edition: 1,
                corrects: None,
            },
        ),
        (
            "KeepSheet",
            Command::KeepSheet {
                sheet: SheetHash([4; 32]),
                kind: SheetKind::Ink,
                edition: 1,
                shown,
                blob: BlobHash([5; 32]),
                bytes: 1,
                corrects: None,
            },
        ),
        ("Cancel", Command::Cancel { reason: text() }),
        ("Reopen", Command::Reopen { reason: text() }),
        (
            "FollowUp",
            Command::FollowUp {
                satisfied: true,
                score: 9,
                remarks: None,
            },
        ),
        ("Close", Command::Close),
        ("Correct", correct(Field::Model)),
        ("Correct", correct(Field::CustomerName)),
        ("Correct", correct(Field::HandlingOpinion)),
        (
            "EditProblem",
            Command::EditProblem {
                splices: Vec::new(),
            },
        ),
        (
            "SettleConflict on facts",
            settle(ConflictOn::Field {
                field: Field::Model,
            }),
        ),
        (
            "SettleConflict on facts",
            settle(ConflictOn::Field {
                field: Field::CustomerPhone,
            }),
        ),
        (
            "SettleConflict on facts",
            settle(ConflictOn::Field {
                field: Field::HandoverNote,
            }),
        ),
        (
            "SettleConflict on crew",
            settle(ConflictOn::Crew {
                person: person("W001"),
            }),
        ),
        (
            "SettleConflict on grade",
            settle(ConflictOn::Field {
                field: Field::Grade,
            }),
        ),
        (
            "SettleStatus",
            Command::SettleStatus {
                status: Status::Received,
            },
        ),
        (
            "StrikeOut",
            Command::StrikeOut {
                collection: Collection::Notes,
                item: key(),
            },
        ),
    ]
}

/// The letters of the relations for which `holds`; all of them are `*` alone.
fn letters(holds: impl Fn(Relation) -> bool) -> String {
    let own = |tie: Relation| tie.or(Relation::OTHER);
    if holds(Relation::OTHER) {
        // Whoever may everywhere may where they have more to do with it.
        assert!(LETTERS.iter().all(|(tie, _)| holds(own(*tie))));
        return "*".to_owned();
    }
    let crew = own(Relation::CREW);
    let found: String = LETTERS
        .iter()
        // Who leads the crew is in it: the letter says what that adds.
        .filter(|(tie, _)| match *tie {
            Relation::LEAD => holds(crew.or(Relation::LEAD)) && !holds(crew),
            tie => holds(own(tie)),
        })
        .map(|(_, letter)| letter)
        .collect();
    if found.is_empty() {
        "-".to_owned()
    } else {
        found
    }
}

fn statuses(action: Action) -> String {
    let lawful: Vec<&str> = std::iter::once(None)
        .chain(Status::ALL.into_iter().map(Some))
        .filter(|status| lifecycle::is_lawful(action, *status))
        .map(|status| status.map_or("(new)", Status::name))
        .collect();
    if lawful.len() == Status::ALL.len() {
        "any".to_owned()
    } else {
        lawful.join(" ")
    }
}

fn row(out: &mut String, name: &str, part: &str, cells: impl Iterator<Item = String>, rest: &str) {
    let cells: Vec<String> = cells.map(|cell| format!("{cell:<7}")).collect();
    let line = format!("{name:<24}{part:<9}{}{rest}", cells.concat());
    writeln!(out, "{}", line.trim_end()).expect("a string takes what is written");
}

fn table() -> String {
    let mut out = String::from(
        "Relations to a ticket: * any, c in the crew, l leads the crew, p in the pool of one's group, o opened it,\n\
         u of one's partner or branch, - none. A command also wants its part readable and its status lawful.\n\n",
    );
    let heads = || COLUMNS.iter().map(|(_, head)| (*head).to_owned());
    row(&mut out, "command", "part", heads(), "statuses");
    for (name, command) in samples() {
        let part = command.part();
        let cells = COLUMNS.iter().map(|(role, _)| {
            let asker = asker(*role);
            // Whoever opens a ticket has opened it.
            let opens = if command.action() == Action::Open {
                Relation::OPENED
            } else {
                Relation::OTHER
            };
            letters(|relation| policy::authorize(&asker, relation.or(opens), &command).is_ok())
        });
        let statuses = statuses(command.action());
        row(&mut out, name, part.name(), cells, &statuses);
    }
    out.push('\n');
    row(&mut out, "read", "part", heads(), "");
    for part in Part::ALL {
        let cells = COLUMNS
            .iter()
            .map(|(role, _)| letters(|relation| policy::may_read(&[*role], relation, part)));
        row(&mut out, "at the console", part.name(), cells, "");
    }
    for part in Part::ALL {
        let cells = COLUMNS
            .iter()
            .map(|(role, _)| letters(|relation| policy::may_hold(&[*role], relation, part)));
        row(&mut out, "held by a phone", part.name(), cells, "");
    }
    out.push('\n');
    row(&mut out, "beside tickets", "", heads(), "");
    for capability in Capability::ALL {
        if capability.actions().is_empty() {
            let holders = COLUMNS.iter().map(|(role, _)| {
                let yes = policy::holds(&[*role], capability);
                if yes { "yes" } else { "-" }.to_owned()
            });
            row(&mut out, &format!("{capability:?}"), "", holders, "");
        }
    }
    out.push_str("\ncapability        verbs\n");
    for capability in Capability::ALL {
        let verbs: Vec<String> = capability
            .actions()
            .iter()
            .map(|action| format!("{action:?}"))
            .collect();
        let line = format!("{:<18}{}", format!("{capability:?}"), verbs.join(" "));
        writeln!(out, "{}", line.trim_end()).expect("a string takes what is written");
    }
    out
}

#[test]
fn the_permission_table_is_the_reviewed_one() {
    expect::file("snapshots/policy.txt", &table());
}

#[test]
fn every_role_and_every_verb_stands_in_the_table() {
    for role in Role::ALL {
        assert!(
            COLUMNS.iter().any(|(listed, _)| *listed == role),
            "{role:?}"
        );
    }
    for action in Action::ALL {
        let listed = samples()
            .iter()
            .any(|(_, command)| command.action() == action);
        assert!(listed, "{action:?}");
    }
}
