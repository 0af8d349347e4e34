//! Random commands that a person could mean, given the ticket as he sees it.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{BlobHash, ChangeHash, ItemKey, Part};
use gongdan_core::testing::{self, person};
use gongdan_core::ticket::command::{ChecklistEntry, Collection, FieldValue, Splice, WaitingFor};
use gongdan_core::ticket::{
    Act, Answer, Capacity, Command, ConfirmationMethod, ConflictOn, Field, FourAnswers, Status,
    Ticket, Value,
};

use crate::office::TECHNICIANS;
use crate::random::Random;

/// Values that rivals pick from: few, so that they meet.
const MODELS: [&str; 4] = ["KFR-26GW", "KFR-35GW", "KFR-50LW", "KFR-72LW"];
const ITEMS: [&str; 4] = ["identity", "safety", "pressure", "verify"];
const TEXTS: [&str; 6] = [
    "已到小区门口",
    "需要带梯子",
    "客户要求改期",
    "𠮷祥路口堵车",
    "电容鼓包",
    "已拍照",
];

fn text(random: &mut Random) -> String {
    let words: Vec<&str> = (0..=random.below(3))
        .map(|_| *random.pick(&TEXTS))
        .collect();
    words.join("，")
}

/// What a technician may mean to do.
pub fn of_technician(random: &mut Random, ticket: &Ticket, now: Timestamp) -> Act {
    match random.below(14) {
        0 => customer(random).into(),
        _ if ticket.status == Status::Completed && random.one_in(3) => signed(random),
        _ => technicians_command(random, ticket, now).into(),
    }
}

/// A confirmation with its signature: an act over two parts.
fn signed(random: &mut Random) -> Act {
    let shown = ChangeHash(random.bytes());
    Act(testing::signed("测试客户", answers(random), shown).into())
}

fn customer(random: &mut Random) -> Command {
    let field = *random.pick(&[Field::CustomerName, Field::Address, Field::ContactName]);
    let value = Value::from(*random.pick(&["测试客户甲", "测试客户乙", "示例路 1 号"]));
    Command::Correct { field, value }
}

fn technicians_command(random: &mut Random, ticket: &Ticket, now: Timestamp) -> Command {
    match random.below(24) {
        0 | 1 => Command::Accept,
        2 => Command::Decline {
            reason: text(random),
        },
        3 => appoint(random, now),
        4 | 5 => Command::Depart,
        6 | 7 => Command::Arrive,
        8 => Command::CountVisit,
        9 => Command::Suspend {
            waiting_for: WaitingFor::Customer,
            reason: text(random),
        },
        10 => Command::Resume,
        11 | 12 => answer(random),
        13 => Command::RecordStep {
            operation: text(random),
            result: text(random),
        },
        14 => Command::Diagnose {
            cause: (*random.pick(&["hardware", "software"])).to_owned(),
            route: "on_site".to_owned(),
            conclusion: text(random),
        },
        15 | 16 => note(random),
        17 => Command::UsePart {
            part_number: "AC-CAP-35".to_owned(),
            name: "启动电容".to_owned(),
            quantity: 1 + u32::try_from(random.below(3)).unwrap_or(0),
        },
        18 => quote_or_consent(random, ticket),
        19 => Command::AttachPhoto {
            blob: BlobHash(random.bytes()),
            media_type: "image/jpeg".to_owned(),
            bytes: 1 + random.number() % 1_000_000,
            caption: text(random),
        },
        20 => correct(random),
        21 => edit_problem(random, ticket),
        22 => match ticket.status {
            Status::Completed => confirm(random),
            _ => Command::Complete {
                summary: text(random),
            },
        },
        _ => settle(random, ticket).unwrap_or_else(|| strike_out(random, ticket)),
    }
}

/// What the office may mean to do.
pub fn of_office(random: &mut Random, ticket: &Ticket, now: Timestamp) -> Command {
    match random.below(16) {
        0 | 1 => assign(random),
        2 | 3 => correct(random),
        4 => appoint(random, now),
        5 => Command::Grade {
            grade: (*random.pick(&["A", "B", "C"])).to_owned(),
            reasons: vec![text(random)],
        },
        6 => edit_problem(random, ticket),
        7 | 8 => note(random),
        9 => Command::WriteNote {
            part: Part::Office,
            text: text(random),
        },
        10 => customer(random),
        11 => Command::Cancel {
            reason: text(random),
        },
        12 => match ticket.status {
            Status::Confirmed if ticket.covered => Command::Close,
            _ => Command::Reopen {
                reason: text(random),
            },
        },
        13 if !ticket.clashes.is_empty() => Command::SettleStatus {
            status: *random.pick(&Status::ALL),
        },
        14 => answer(random),
        _ => settle(random, ticket).unwrap_or_else(|| strike_out(random, ticket)),
    }
}

/// Names a crew of one or two.
pub fn assign(random: &mut Random) -> Command {
    let first = random.below(3);
    let mut crew = vec![person(TECHNICIANS[first])];
    if random.one_in(2) {
        crew.push(person(TECHNICIANS[(first + 1) % 3]));
    }
    Command::Assign {
        lead: crew[0].clone(),
        crew,
        group: None,
    }
}

fn appoint(random: &mut Random, now: Timestamp) -> Command {
    let from = now.plus(3600 * (1 + i64::try_from(random.below(48)).unwrap_or(0)));
    Command::Appoint {
        from,
        until: from.plus(3600),
    }
}

fn answer(random: &mut Random) -> Command {
    let item = (*random.pick(&ITEMS)).to_owned();
    let answer = match random.below(4) {
        0 => Answer::Done,
        1 => Answer::NotApplicable,
        2 => Answer::Skipped {
            reason: text(random),
        },
        _ => Answer::Reading {
            text: format!("{}.{}", random.below(9), random.below(9)),
        },
    };
    Command::AnswerChecklist {
        answers: vec![ChecklistEntry { item, answer }],
    }
}

fn note(random: &mut Random) -> Command {
    Command::WriteNote {
        part: Part::Service,
        text: text(random),
    }
}

fn correct(random: &mut Random) -> Command {
    Command::Correct {
        field: Field::Model,
        value: Value::from(*random.pick(&MODELS)),
    }
}

fn answers(random: &mut Random) -> FourAnswers {
    FourAnswers {
        solved: true,
        satisfied: random.one_in(2),
        professionalism: 8,
        comments: None,
    }
}

fn confirm(random: &mut Random) -> Command {
    Command::Confirm {
        method: ConfirmationMethod::Signature,
        answers: answers(random),
        shown: ChangeHash(random.bytes()),
    }
}

fn edit_problem(random: &mut Random, ticket: &Ticket) -> Command {
    let length = ticket.problem.chars().count();
    let at = random.below(length + 1);
    let delete = random.below(3).min(length - at);
    let splice = Splice {
        at: u32::try_from(at).unwrap_or(0),
        delete: u32::try_from(delete).unwrap_or(0),
        insert: text(random),
    };
    Command::EditProblem {
        splices: vec![splice],
    }
}

fn quote_or_consent(random: &mut Random, ticket: &Ticket) -> Command {
    match ticket.quotes.first() {
        Some(quote) => Command::RecordConsent {
            quote: quote.key.clone(),
            agreed: random.one_in(2),
            by: Capacity::Customer,
        },
        None => Command::Quote {
            amount_fen: 100 * (1 + random.below(99) as i64),
            explanation: text(random),
        },
    }
}

/// Settles the first conflict by one of its values.
fn settle(random: &mut Random, ticket: &Ticket) -> Option<Command> {
    let conflict = ticket.conflicts.first()?;
    if conflict.on == ConflictOn::Status {
        return None;
    }
    let value = random.pick(&conflict.candidates).value.clone();
    Some(Command::SettleConflict {
        on: conflict.on.clone(),
        value,
    })
}

fn strike_out(random: &mut Random, ticket: &Ticket) -> Command {
    let keys: Vec<&ItemKey> = ticket
        .notes
        .iter()
        .filter(|n| n.part == Part::Service)
        .map(|n| &n.key)
        .collect();
    match keys.is_empty() {
        true => note(random),
        false => Command::StrikeOut {
            collection: Collection::Notes,
            item: (*random.pick(&keys)).clone(),
        },
    }
}

/// An opening, with the customer's side of it or without.
pub fn open(random: &mut Random) -> Act {
    let mut act = vec![testing::open()];
    if random.one_in(2) {
        let value = Value::from(*random.pick(&["测试客户甲", "测试客户乙"]));
        let field = Field::CustomerName;
        act.push(Command::RecordCustomer {
            fields: vec![FieldValue { field, value }],
        });
    }
    Act(act)
}
