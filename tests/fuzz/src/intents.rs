//! Commands out of fuzzed bytes: what a person could mean, and what nobody could.

use arbitrary::{Result, Unstructured};
use gongdan_core::clock::Timestamp;
use gongdan_core::evidence::SheetKind;
use gongdan_core::ids::{BlobHash, ChangeHash, ItemKey, Part, PersonId, SheetHash};
use gongdan_core::testing::{self, person};
use gongdan_core::ticket::command::{
    ChecklistEntry, Collection, FieldValue, InkPoint, Splice, WaitingFor,
};
use gongdan_core::ticket::{
    Answer, Capacity, Command, ConfirmationMethod, ConflictOn, Field, FourAnswers, Ink, Status,
    Value,
};

/// Words that meet: rivals need the same places.
const WORDS: [&str; 8] = [
    "KFR-35GW",
    "safety",
    "A",
    "agreed",
    "2026-11-02",
    "𠮷祥路口，梯子",
    "repair",
    "=HYPERLINK(\"x\")",
];

/// People of the documents.
pub const PEOPLE: [&str; 4] = ["D001", "W001", "W002", "W003"];

/// One of these.
pub fn pick<T: Clone>(u: &mut Unstructured<'_>, of: &[T]) -> Result<T> {
    Ok(u.choose(of)?.clone())
}

/// A text: mostly a word, sometimes anything, seldom a giant.
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=9u8)? {
        0..=5 => pick(u, &WORDS)?.to_owned(),
        6 | 7 => u.arbitrary::<&str>()?.to_owned(),
        8 => "长".repeat(length(u)?),
        _ => String::new(),
    })
}

/// Characters of a long text: about a limit, or few. A giant costs as much as a hundred other inputs.
fn length(u: &mut Unstructured<'_>) -> Result<usize> {
    // All numbers are drawn by as many bytes as ever, so that inputs that were found stay what they were.
    let drawn = u.int_in_range(0..=12_000usize)?;
    Ok(match drawn {
        1_990..2_010 | 190..210 | 4_990..5_010 | 9_990..=12_000 => drawn,
        _ => drawn % 190,
    })
}

fn who(u: &mut Unstructured<'_>) -> Result<PersonId> {
    Ok(person(u.choose(&PEOPLE)?))
}

fn field(u: &mut Unstructured<'_>) -> Result<Field> {
    pick(u, Field::ALL)
}

fn value(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=4u8)? {
        0 | 1 => Value::Text(text(u)?),
        2 => Value::Integer(u.arbitrary()?),
        3 => Value::Instant(time(u)?),
        _ => Value::Empty,
    })
}

/// A claimed time: mostly near, sometimes anything.
pub fn time(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(if u.ratio(7, 8)? {
        testing::at(i64::from(u.arbitrary::<u16>()?))
    } else {
        Timestamp(u.arbitrary()?)
    })
}

fn key(u: &mut Unstructured<'_>, keys: &[ItemKey]) -> Result<ItemKey> {
    if !keys.is_empty() && u.ratio(3, 4)? {
        return pick(u, keys);
    }
    Ok("absent1".parse().expect("an item key"))
}

fn fields(u: &mut Unstructured<'_>) -> Result<Vec<FieldValue>> {
    let count = u.int_in_range(0..=4usize)?;
    (0..count)
        .map(|_| {
            Ok(FieldValue {
                field: field(u)?,
                value: value(u)?,
            })
        })
        .collect()
}

fn ink(u: &mut Unstructured<'_>) -> Result<Ink> {
    let points = if u.ratio(1, 32)? {
        20_001
    } else {
        u.int_in_range(0..=6usize)?
    };
    let point = InkPoint {
        x: u.arbitrary()?,
        y: u.arbitrary()?,
        millis: u.arbitrary()?,
        pressure: u.arbitrary()?,
    };
    Ok(Ink {
        width: u.arbitrary()?,
        height: u.arbitrary()?,
        strokes: vec![vec![point; points]],
    })
}

fn conflict(u: &mut Unstructured<'_>, keys: &[ItemKey]) -> Result<ConflictOn> {
    Ok(match u.int_in_range(0..=4u8)? {
        0 => ConflictOn::Field { field: field(u)? },
        1 => ConflictOn::Checklist { item: text(u)? },
        2 => ConflictOn::Crew { person: who(u)? },
        3 => ConflictOn::Consent {
            quote: key(u, keys)?,
        },
        _ => ConflictOn::Status,
    })
}

/// Bytes that draw the commands of the sheet.
const ON_SHEET: u8 = 0xf5;
const KEPT: u8 = 0xf6;

/// Any command. `keys` are those of items that are there.
pub fn command(u: &mut Unstructured<'_>, keys: &[ItemKey]) -> Result<Command> {
    // One byte, as before there were sheets: what was found by it is still found.
    let drawn: u8 = u.arbitrary()?;
    let kind = match drawn {
        ON_SHEET | KEPT => drawn,
        _ => drawn % 32,
    };
    Ok(match kind {
        0 => Command::Open {
            fields: fields(u)?,
            problem: text(u)?,
        },
        1 => Command::RecordCustomer { fields: fields(u)? },
        2 => Command::Grade {
            grade: text(u)?,
            reasons: vec![text(u)?; u.int_in_range(0..=9usize)?],
        },
        3 => {
            let lead = who(u)?;
            let mut crew = vec![lead.clone(); usize::from(u.ratio(7, 8)?)];
            for _ in 0..u.int_in_range(0..=2u8)? {
                crew.push(who(u)?);
            }
            Command::Assign {
                crew,
                lead,
                group: None,
            }
        }
        4 => Command::Accept,
        5 => Command::Decline { reason: text(u)? },
        6 => Command::Appoint {
            from: time(u)?,
            until: time(u)?,
        },
        7 => Command::Depart,
        8 => Command::Arrive,
        9 => Command::CountVisit,
        10 => Command::Suspend {
            waiting_for: pick(u, &[WaitingFor::Parts, WaitingFor::Leader])?,
            reason: text(u)?,
        },
        11 => Command::Resume,
        12 => {
            let answer = match u.int_in_range(0..=3u8)? {
                0 => Answer::Done,
                1 => Answer::NotApplicable,
                2 => Answer::Skipped { reason: text(u)? },
                _ => Answer::Reading { text: text(u)? },
            };
            let entry = ChecklistEntry {
                item: text(u)?,
                answer,
            };
            let count = if u.ratio(1, 32)? { 65 } else { 1 };
            Command::AnswerChecklist {
                answers: vec![entry; count],
            }
        }
        13 => Command::RecordStep {
            operation: text(u)?,
            result: text(u)?,
        },
        14 => Command::Diagnose {
            cause: pick(u, &["hardware", "none"])?.to_owned(),
            route: pick(u, &["on_site", ""])?.to_owned(),
            conclusion: text(u)?,
        },
        15 => Command::WriteNote {
            part: pick(u, &Part::ALL)?,
            text: text(u)?,
        },
        16 => Command::UsePart {
            part_number: text(u)?,
            name: text(u)?,
            quantity: u.arbitrary()?,
        },
        17 => Command::Quote {
            amount_fen: u.arbitrary()?,
            explanation: text(u)?,
        },
        18 => Command::RecordConsent {
            quote: key(u, keys)?,
            agreed: u.arbitrary()?,
            by: Capacity::Customer,
        },
        19 => Command::AttachPhoto {
            blob: BlobHash(u.arbitrary()?),
            media_type: text(u)?,
            bytes: u.arbitrary()?,
            caption: text(u)?,
        },
        20 => Command::Complete { summary: text(u)? },
        21 => Command::Confirm {
            method: pick(
                u,
                &[ConfirmationMethod::Signature, ConfirmationMethod::Reply],
            )?,
            answers: FourAnswers {
                solved: u.arbitrary()?,
                satisfied: u.arbitrary()?,
                professionalism: u.arbitrary()?,
                comments: None,
            },
            shown: ChangeHash([9; 32]),
        },
        22 => Command::RecordSignature {
            signer: text(u)?,
            capacity: Capacity::Employee,
            shown: ChangeHash([9; 32]),
            ink: ink(u)?,
        },
        23 => Command::Cancel { reason: text(u)? },
        24 => Command::Reopen { reason: text(u)? },
        25 => Command::FollowUp {
            satisfied: u.arbitrary()?,
            score: u.arbitrary()?,
            remarks: None,
        },
        26 => Command::Close,
        27 => Command::Correct {
            field: field(u)?,
            value: value(u)?,
        },
        28 => {
            let splice = Splice {
                at: u.int_in_range(0..=40u32)?,
                delete: u.int_in_range(0..=5u32)?,
                insert: text(u)?,
            };
            let count = if u.ratio(1, 32)? { 65 } else { 1 };
            Command::EditProblem {
                splices: vec![splice; count],
            }
        }
        29 => Command::SettleConflict {
            on: conflict(u, keys)?,
            value: value(u)?,
        },
        30 => Command::SettleStatus {
            status: pick(u, &Status::ALL)?,
        },
        ON_SHEET => Command::ConfirmOnSheet {
            kind: pick(u, &SheetKind::ALL)?,
            answers: FourAnswers {
                solved: u.arbitrary()?,
                satisfied: u.arbitrary()?,
                professionalism: u.arbitrary()?,
                comments: None,
            },
            shown: ChangeHash([9; 32]),
            sheet: SheetHash(u.arbitrary()?),
            edition: u.int_in_range(0..=3u32)?,
            corrects: u.ratio(1, 2)?.then_some(SheetHash([7; 32])),
        },
        KEPT => Command::KeepSheet {
            sheet: SheetHash(u.arbitrary()?),
            kind: pick(u, &SheetKind::ALL)?,
            edition: u.int_in_range(0..=3u32)?,
            shown: ChangeHash([9; 32]),
            blob: BlobHash(u.arbitrary()?),
            bytes: u.arbitrary()?,
            corrects: u.ratio(1, 2)?.then_some(SheetHash([7; 32])),
        },
        _ => Command::StrikeOut {
            collection: pick(
                u,
                &[Collection::Notes, Collection::PartsUsed, Collection::Photos],
            )?,
            item: key(u, keys)?,
        },
    })
}
