//! Commands become changes: one command, one change.
//!
//! Invariant: execution reads its own document at the base, the command, the actor and the time, and
//! nothing else. It writes exactly what the command means, or nothing and says why. What is written
//! here is part of the wire contract: golden files pin it.

pub(super) mod write;

use automerge::transaction::CommitOptions;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{Executed, TicketDoc};
use crate::ids::{ActorId, ChangeHash};
use crate::limits;
use crate::sync::codec;
use crate::ticket::command::{Command, FieldValue, Splice};
use crate::ticket::field::{self, Field, Misfit, Value};
use crate::ticket::{Authored, ConflictOn};

/// What a refused command was about: a field, or another argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum Subject {
    /// A typed fact.
    #[n(0)]
    Field {
        /// Which.
        #[n(0)]
        field: Field,
    },
    /// An argument of the command, by its name.
    #[n(1)]
    Argument {
        /// Its name in JSON.
        #[n(0)]
        name: String,
    },
}

/// Why a command cannot be executed on this document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "code")]
#[cbor(flat)]
pub enum Inexecutable {
    /// A value does not fit.
    #[error("execute command: a value does not fit: {misfit}")]
    #[n(0)]
    Misfit {
        /// Where.
        #[n(0)]
        subject: Subject,
        /// Why.
        #[n(1)]
        misfit: Misfit,
    },
    /// A field that this command may not write.
    #[error("execute command: a field that it does not write")]
    #[n(1)]
    FieldNotHere {
        /// Which.
        #[n(0)]
        field: Field,
    },
    /// More items than the limit.
    #[error("execute command: too many items")]
    #[n(2)]
    TooMany {
        /// Of what.
        #[n(0)]
        name: String,
    },
    /// The item it speaks of is not there.
    #[error("execute command: no such item")]
    #[n(3)]
    NoSuchItem,
    /// An item of that key is there already.
    #[error("execute command: item exists")]
    #[n(4)]
    ItemExists,
    /// A splice outside the text.
    #[error("execute command: splice outside the text")]
    #[n(5)]
    SpliceOutside,
    /// It would write nothing.
    #[error("execute command: it would change nothing")]
    #[n(6)]
    NoEffect,
    /// It belongs to another part.
    #[error("execute command: another part's command")]
    #[n(7)]
    OtherPart,
    /// The lead is not in the crew.
    #[error("execute command: the lead is not in the crew")]
    #[n(8)]
    LeadNotInCrew,
}

fn misfit(name: &str, misfit: Misfit) -> Inexecutable {
    Inexecutable::Misfit {
        subject: Subject::Argument {
            name: name.to_owned(),
        },
        misfit,
    }
}

fn too_many(name: &str) -> Inexecutable {
    Inexecutable::TooMany {
        name: name.to_owned(),
    }
}

/// Executes at the tip; see [`TicketDoc::execute`].
pub(super) fn execute(
    doc: &mut TicketDoc,
    actor: ActorId,
    authored: &Authored,
) -> Result<Executed, Inexecutable> {
    if authored.command.part() != doc.part {
        return Err(Inexecutable::OtherPart);
    }
    check(&authored.command)?;
    let plan = write::plan(doc, authored)?;
    doc.doc.set_actor(automerge::ActorId::from(actor.0));
    let mut tx = doc.doc.transaction();
    write::write(&mut tx, plan).expect("a checked plan writes to maps that the genesis made");
    let options = CommitOptions::default().with_time(authored.at.seconds());
    let (hash, _) = tx.commit_with(options);
    let hash = hash.ok_or(Inexecutable::NoEffect)?;
    let change = doc
        .doc
        .get_last_local_change()
        .expect("just committed")
        .raw_bytes()
        .to_vec();
    Ok(Executed {
        hash: ChangeHash(hash.0),
        change,
    })
}

/// What can be said of a command without a document: forms, lengths, ranges.
pub fn check(command: &Command) -> Result<(), Inexecutable> {
    check_parts(command)?;
    // Of all others the parts' limits come to less.
    let may_be_long = matches!(
        command,
        Command::EditProblem { .. } | Command::RecordSignature { .. }
    );
    if may_be_long && codec::encode(command).len() > limits::COMMAND_BYTES_MAX {
        Err(too_many("bytes"))
    } else {
        Ok(())
    }
}

fn check_parts(command: &Command) -> Result<(), Inexecutable> {
    let long = |name: &str, text: &str| field::check_long(text).map_err(|m| misfit(name, m));
    let short = |name: &str, text: &str| field::check_short(text).map_err(|m| misfit(name, m));
    match command {
        Command::Open { fields, problem } => {
            check_fields(fields, opens)?;
            check_problem(problem)
        }
        Command::RecordCustomer { fields } => {
            check_fields(fields, |field| field.part() == crate::ids::Part::Customer)
        }
        Command::Grade { grade, reasons } => {
            check_value(Field::Grade, &Value::Text(grade.clone()))?;
            if reasons.is_empty() {
                return Err(misfit("reasons", Misfit::Empty));
            }
            if reasons.len() > limits::GRADE_REASONS_MAX {
                return Err(too_many("reasons"));
            }
            reasons
                .iter()
                .try_for_each(|reason| short("reasons", reason))
        }
        Command::Assign { crew, lead, group } => {
            if crew.len() > limits::CREW_MAX {
                return Err(too_many("crew"));
            }
            if !crew.contains(lead) {
                return Err(Inexecutable::LeadNotInCrew);
            }
            group
                .as_deref()
                .map_or(Ok(()), |group| short("group", group))
        }
        Command::Decline { reason }
        | Command::Suspend { reason, .. }
        | Command::Cancel { reason }
        | Command::Reopen { reason } => long("reason", reason),
        Command::Appoint { from, until } => {
            field::check_instant(*from).map_err(|m| misfit("from", m))?;
            field::check_instant(*until).map_err(|m| misfit("until", m))?;
            if from < until {
                Ok(())
            } else {
                Err(misfit("until", Misfit::Range))
            }
        }
        Command::AnswerChecklist { answers } => {
            if answers.is_empty() {
                return Err(misfit("answers", Misfit::Empty));
            }
            if answers.len() > limits::ANSWERS_MAX {
                return Err(too_many("answers"));
            }
            answers.iter().try_for_each(|entry| {
                short("item", &entry.item)?;
                short("answer", &entry.answer.code())
            })
        }
        Command::RecordStep { operation, result } => {
            long("operation", operation)?;
            long("result", result)
        }
        Command::Diagnose {
            cause,
            route,
            conclusion,
        } => {
            check_value(Field::Cause, &Value::Text(cause.clone()))?;
            check_value(Field::Route, &Value::Text(route.clone()))?;
            check_value(Field::Conclusion, &Value::Text(conclusion.clone()))
        }
        Command::WriteNote { part, text } => {
            if *part == crate::ids::Part::Customer {
                return Err(misfit("part", Misfit::Choice));
            }
            long("text", text)
        }
        Command::UsePart {
            part_number,
            name,
            quantity,
        } => {
            short("part_number", part_number)?;
            short("name", name)?;
            range("quantity", (1..=limits::QUANTITY_MAX).contains(quantity))
        }
        Command::Quote {
            amount_fen,
            explanation,
        } => {
            range(
                "amount_fen",
                (0..=limits::AMOUNT_FEN_MAX).contains(amount_fen),
            )?;
            long("explanation", explanation)
        }
        Command::AttachPhoto {
            media_type,
            bytes,
            caption,
            ..
        } => {
            short("media_type", media_type)?;
            range("bytes", (1..=limits::BLOB_BYTES_MAX).contains(bytes))?;
            short("caption", caption)
        }
        Command::Complete { summary } => long("summary", summary),
        Command::Confirm { answers, .. } => {
            range(
                "professionalism",
                (1..=10).contains(&answers.professionalism),
            )?;
            answers
                .comments
                .as_deref()
                .map_or(Ok(()), |text| long("comments", text))
        }
        Command::RecordSignature { signer, ink, .. } => {
            short("signer", signer)?;
            if ink.strokes.len() > limits::STROKES_MAX {
                return Err(too_many("strokes"));
            }
            let points: usize = ink.strokes.iter().map(Vec::len).sum();
            if points > limits::STROKE_POINTS_MAX {
                return Err(too_many("points"));
            }
            if points < 2 {
                Err(misfit("strokes", Misfit::Empty))
            } else {
                Ok(())
            }
        }
        Command::ConfirmOnSheet {
            kind,
            answers,
            edition,
            corrects,
            ..
        } => {
            if kind.method().is_none() {
                return Err(misfit("kind", Misfit::Choice));
            }
            range(
                "professionalism",
                (1..=10).contains(&answers.professionalism),
            )?;
            if let Some(text) = &answers.comments
                && !crate::evidence::answers::fits_remarks(text)
            {
                return Err(misfit("comments", Misfit::TooLong));
            }
            check_edition(*edition, corrects.is_some())
        }
        Command::KeepSheet {
            bytes,
            edition,
            corrects,
            ..
        } => {
            let bytes_max = limits::SHEET_BYTES_MAX as u64;
            range("bytes", (1..=bytes_max).contains(bytes))?;
            check_edition(*edition, corrects.is_some())
        }
        Command::FollowUp { score, remarks, .. } => {
            range("score", (1..=10).contains(score))?;
            remarks
                .as_deref()
                .map_or(Ok(()), |text| long("remarks", text))
        }
        Command::Correct { field, value } => {
            if !corrects(*field) {
                return Err(Inexecutable::FieldNotHere { field: *field });
            }
            check_value(*field, value)
        }
        Command::EditProblem { splices } => check_splices(splices),
        Command::SettleConflict { on, value } => check_settled(on, value),
        Command::Accept
        | Command::Depart
        | Command::Arrive
        | Command::CountVisit
        | Command::Resume
        | Command::RecordConsent { .. }
        | Command::Close
        | Command::SettleStatus { .. }
        | Command::StrikeOut { .. } => Ok(()),
    }
}

fn range(name: &str, inside: bool) -> Result<(), Inexecutable> {
    if inside {
        Ok(())
    } else {
        Err(misfit(name, Misfit::Range))
    }
}

/// The first sheet corrects none, and every later one does.
fn check_edition(edition: u32, corrects: bool) -> Result<(), Inexecutable> {
    let fits = (1..=limits::EDITION_MAX).contains(&edition) && (edition > 1) == corrects;
    range("edition", fits)
}

fn check_value(field: Field, value: &Value) -> Result<(), Inexecutable> {
    field.check(value).map_err(|m| Inexecutable::Misfit {
        subject: Subject::Field { field },
        misfit: m,
    })
}

fn check_fields(
    fields: &[FieldValue],
    allowed: impl Fn(Field) -> bool,
) -> Result<(), Inexecutable> {
    for (i, entry) in fields.iter().enumerate() {
        if !allowed(entry.field) || fields[..i].iter().any(|before| before.field == entry.field) {
            return Err(Inexecutable::FieldNotHere { field: entry.field });
        }
        check_value(entry.field, &entry.value)?;
    }
    Ok(())
}

/// The fields that an opening may write.
pub const fn opens(field: Field) -> bool {
    matches!(
        field.place().1.as_bytes(),
        b"intake" | b"product" | b"grading"
    )
}

/// The fields that [`Command::Correct`] may write: those that no other command answers for.
pub const fn corrects(field: Field) -> bool {
    !matches!(
        field,
        Field::Lead
            | Field::Group
            | Field::Grade
            | Field::GradeReasons
            | Field::ExternalRef
            | Field::CompletionSummary
    )
}

fn check_problem(text: &str) -> Result<(), Inexecutable> {
    if text.len() > 4 * limits::PROBLEM_TEXT_CHARS_MAX
        || text.chars().count() > limits::PROBLEM_TEXT_CHARS_MAX
    {
        return Err(misfit("problem", Misfit::TooLong));
    }
    if text.trim().is_empty() {
        return Err(misfit("problem", Misfit::Empty));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        return Err(misfit("problem", Misfit::Characters));
    }
    Ok(())
}

fn check_splices(splices: &[Splice]) -> Result<(), Inexecutable> {
    if splices.is_empty() {
        return Err(misfit("splices", Misfit::Empty));
    }
    if splices.len() > limits::SPLICES_MAX {
        return Err(too_many("splices"));
    }
    for splice in splices {
        if !splice.insert.is_empty() {
            check_problem(&format!("x{}", splice.insert))?;
        } else if splice.delete == 0 {
            return Err(misfit("splices", Misfit::Empty));
        }
    }
    Ok(())
}

fn check_settled(on: &ConflictOn, value: &Value) -> Result<(), Inexecutable> {
    let fits = match on {
        ConflictOn::Field { field } => return check_value(*field, value),
        ConflictOn::Checklist { .. } => value.as_text().is_some_and(|code| {
            crate::ticket::Answer::from_code(code).is_some() && field::check_short(code).is_ok()
        }),
        ConflictOn::Crew { .. } => matches!(value, Value::Integer(0 | 1)),
        ConflictOn::Consent { .. } => matches!(value.as_text(), Some("agreed" | "declined")),
        // Settled by an event, so that who saw what stays known.
        ConflictOn::Status => false,
    };
    if fits {
        Ok(())
    } else {
        Err(misfit("value", Misfit::Choice))
    }
}
