//! What each command writes: first a plan, read off the document, then the writes.

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};

use super::{Inexecutable, misfit, too_many};
use crate::document::{TicketDoc, hydrate, schema};
use crate::ids::{ItemKey, PersonId};
use crate::limits;
use crate::ticket::command::{Collection, Command, FieldValue, Splice, WaitingFor};
use crate::ticket::field::{Field, Misfit, Value};
use crate::ticket::{Authored, ConfirmationMethod, ConflictOn, EventKind, Ink, status};

/// One write; values are checked, places exist.
pub(super) enum Write {
    Put {
        map: ObjId,
        key: String,
        value: ScalarValue,
    },
    Item {
        map: ObjId,
        key: ItemKey,
        fields: Vec<(&'static str, ScalarValue)>,
    },
    Splice {
        text: ObjId,
        splice: Splice,
    },
    CountVisit,
}

pub(super) fn write(tx: &mut Transaction<'_>, plan: Vec<Write>) -> Result<(), AutomergeError> {
    for step in plan {
        match step {
            Write::Put { map, key, value } => tx.put(map, key, value)?,
            Write::Item { map, key, fields } => {
                let item = tx.put_object(map, key.as_str(), ObjType::Map)?;
                for (name, value) in fields {
                    tx.put(&item, name, value)?;
                }
            }
            Write::Splice { text, splice } => {
                let delete = isize::try_from(splice.delete).unwrap_or(isize::MAX);
                tx.splice_text(text, splice.at as usize, delete, &splice.insert)?;
            }
            Write::CountVisit => tx.increment(ROOT, schema::VISITS, 1)?,
        }
    }
    Ok(())
}

/// What `authored` writes to `doc` as it is.
pub(super) fn plan(doc: &TicketDoc, authored: &Authored) -> Result<Vec<Write>, Inexecutable> {
    let p = Planner { doc, authored };
    match &authored.command {
        Command::Open { fields, problem } => {
            let mut plan = p.fields(fields);
            let splice = Splice {
                at: 0,
                delete: 0,
                insert: problem.clone(),
            };
            plan.push(Write::Splice {
                text: p.object(schema::PROBLEM),
                splice,
            });
            plan.push(p.event(EventKind::Opened, None, None)?);
            Ok(plan)
        }
        Command::RecordCustomer { fields } => Ok(p.fields(fields)),
        Command::Grade { grade, reasons } => Ok(vec![
            p.field(Field::Grade, &text(grade)),
            p.field(Field::GradeReasons, &text(&reasons.join("\n"))),
            p.event(EventKind::Graded, Some(&reasons.join("\n")), Some(grade))?,
        ]),
        Command::Assign { crew, lead, group } => p.assign(crew, lead, group.as_deref()),
        Command::Accept => p.just(EventKind::Accepted, None),
        Command::Decline { reason } => p.just(EventKind::Declined, Some(reason)),
        Command::Appoint { from, until } => Ok(vec![
            p.field(Field::AppointedFrom, &Value::Instant(*from)),
            p.field(Field::AppointedUntil, &Value::Instant(*until)),
            p.event(EventKind::Appointed, None, None)?,
        ]),
        Command::Depart => p.just(EventKind::Departed, None),
        Command::Arrive => Ok(vec![
            p.event(EventKind::Arrived, None, None)?,
            Write::CountVisit,
        ]),
        Command::CountVisit => Ok(vec![Write::CountVisit]),
        Command::Suspend {
            waiting_for,
            reason,
        } => {
            let detail = match waiting_for {
                WaitingFor::Parts => "parts",
                WaitingFor::Customer => "customer",
                WaitingFor::Leader => "leader",
            };
            Ok(vec![p.event(
                EventKind::Suspended,
                Some(reason),
                Some(detail),
            )?])
        }
        Command::Resume => p.just(EventKind::Resumed, None),
        Command::AnswerChecklist { answers } => {
            let map = p.object(schema::CHECKLIST);
            Ok(answers
                .iter()
                .map(|entry| Write::Put {
                    map: map.clone(),
                    key: entry.item.clone(),
                    value: entry.answer.code().into(),
                })
                .collect())
        }
        Command::RecordStep { operation, result } => p.item(
            schema::STEPS,
            vec![
                ("operation", operation.as_str().into()),
                ("result", result.as_str().into()),
            ],
        ),
        Command::Diagnose {
            cause,
            route,
            conclusion,
        } => Ok(vec![
            p.field(Field::Cause, &text(cause)),
            p.field(Field::Route, &text(route)),
            p.field(Field::Conclusion, &text(conclusion)),
        ]),
        Command::WriteNote { text, .. } => {
            p.item(schema::NOTES, vec![("text", text.as_str().into())])
        }
        Command::UsePart {
            part_number,
            name,
            quantity,
        } => p.item(
            schema::PARTS_USED,
            vec![
                ("part_number", part_number.as_str().into()),
                ("name", name.as_str().into()),
                ("quantity", int(i64::from(*quantity))),
            ],
        ),
        Command::Quote {
            amount_fen,
            explanation,
        } => p.item(
            schema::QUOTES,
            vec![
                ("amount_fen", int(*amount_fen)),
                ("explanation", explanation.as_str().into()),
            ],
        ),
        Command::RecordConsent { quote, agreed, by } => {
            let map = p.existing(schema::QUOTES, quote)?;
            let consent = if *agreed { "agreed" } else { "declined" };
            Ok(vec![
                Write::Put {
                    map: map.clone(),
                    key: "consent".to_owned(),
                    value: consent.into(),
                },
                Write::Put {
                    map,
                    key: "consent_by".to_owned(),
                    value: by.name().into(),
                },
            ])
        }
        Command::AttachPhoto {
            blob,
            media_type,
            bytes,
            caption,
        } => p.item(
            schema::PHOTOS,
            vec![
                ("blob", ScalarValue::Bytes(blob.0.to_vec())),
                ("media_type", media_type.as_str().into()),
                ("bytes", int(i64::try_from(*bytes).unwrap_or(i64::MAX))),
                ("caption", caption.as_str().into()),
            ],
        ),
        Command::Complete { summary } => Ok(vec![
            p.field(Field::CompletionSummary, &text(summary)),
            p.event(EventKind::Completed, None, None)?,
        ]),
        Command::Confirm {
            method,
            answers,
            shown,
        } => {
            let mut fields = vec![
                ("method", confirmation_method(*method).into()),
                ("solved", answers.solved.into()),
                ("satisfied", answers.satisfied.into()),
                ("professionalism", int(i64::from(answers.professionalism))),
                ("shown", ScalarValue::Bytes(shown.0.to_vec())),
            ];
            if let Some(comments) = &answers.comments {
                fields.push(("comments", comments.as_str().into()));
            }
            let mut plan = p.item(schema::CONFIRMATIONS, fields)?;
            plan.push(p.event(EventKind::Confirmed, None, None)?);
            Ok(plan)
        }
        Command::RecordSignature {
            signer,
            capacity: by,
            shown,
            ink,
        } => p.item(
            schema::SIGNATURES,
            vec![
                ("signer", signer.as_str().into()),
                ("capacity", by.name().into()),
                ("shown", ScalarValue::Bytes(shown.0.to_vec())),
                ("ink", ScalarValue::Bytes(ink_bytes(ink))),
            ],
        ),
        Command::ConfirmOnSheet {
            kind,
            answers,
            shown,
            sheet,
            edition,
            corrects,
        } => {
            let method = kind
                .method()
                .ok_or_else(|| misfit("kind", Misfit::Choice))?;
            let mut fields = vec![
                ("method", confirmation_method(method).into()),
                ("solved", answers.solved.into()),
                ("satisfied", answers.satisfied.into()),
                ("professionalism", int(i64::from(answers.professionalism))),
                ("shown", ScalarValue::Bytes(shown.0.to_vec())),
                ("sheet", ScalarValue::Bytes(sheet.0.to_vec())),
                ("kind", kind.name().into()),
                ("edition", int(i64::from(*edition))),
            ];
            if let Some(comments) = &answers.comments {
                fields.push(("comments", comments.as_str().into()));
            }
            if let Some(corrects) = corrects {
                fields.push(("corrects", ScalarValue::Bytes(corrects.0.to_vec())));
            }
            let mut plan = p.item(schema::CONFIRMATIONS, fields)?;
            plan.push(p.event(EventKind::Confirmed, None, None)?);
            Ok(plan)
        }
        Command::KeepSheet {
            sheet,
            kind,
            edition,
            shown,
            blob,
            bytes,
            corrects,
        } => {
            let mut fields = vec![
                ("sheet", ScalarValue::Bytes(sheet.0.to_vec())),
                ("kind", kind.name().into()),
                ("edition", int(i64::from(*edition))),
                ("shown", ScalarValue::Bytes(shown.0.to_vec())),
                ("blob", ScalarValue::Bytes(blob.0.to_vec())),
                ("bytes", int(i64::try_from(*bytes).unwrap_or(i64::MAX))),
            ];
            if let Some(corrects) = corrects {
                fields.push(("corrects", ScalarValue::Bytes(corrects.0.to_vec())));
            }
            p.item(schema::SIGNATURES, fields)
        }
        Command::Cancel { reason } => p.just(EventKind::Cancelled, Some(reason)),
        Command::Reopen { reason } => p.just(EventKind::Reopened, Some(reason)),
        Command::FollowUp {
            satisfied,
            score,
            remarks,
        } => {
            let mut fields = vec![
                ("satisfied", (*satisfied).into()),
                ("score", int(i64::from(*score))),
            ];
            if let Some(remarks) = remarks {
                fields.push(("remarks", remarks.as_str().into()));
            }
            let mut plan = p.item(schema::FOLLOW_UPS, fields)?;
            plan.push(p.event(EventKind::FollowedUp, None, None)?);
            Ok(plan)
        }
        Command::Close => p.just(EventKind::Closed, None),
        Command::Correct { field, value } => Ok(vec![p.field(*field, value)]),
        Command::EditProblem { splices } => p.edit_problem(splices),
        Command::SettleConflict { on, value } => p.settle(on, value),
        Command::SettleStatus { status } => Ok(vec![p.event(
            EventKind::Settled,
            None,
            Some(status.name()),
        )?]),
        Command::StrikeOut { collection, item } => {
            let collection = match collection {
                Collection::Notes => schema::NOTES,
                Collection::PartsUsed => schema::PARTS_USED,
                Collection::Photos => schema::PHOTOS,
            };
            let map = p.existing(collection, item)?;
            Ok(vec![Write::Put {
                map,
                key: schema::STRUCK_OUT.to_owned(),
                value: true.into(),
            }])
        }
    }
}

struct Planner<'a> {
    doc: &'a TicketDoc,
    authored: &'a Authored,
}

impl Planner<'_> {
    fn object(&self, name: &str) -> ObjId {
        let (_, id) = self
            .doc
            .automerge()
            .get(ROOT, name)
            .ok()
            .flatten()
            .expect("the genesis makes every map, and nothing ever writes over one");
        id
    }

    fn field(&self, field: Field, value: &Value) -> Write {
        let (_, section, key) = field.place();
        Write::Put {
            map: self.object(section),
            key: key.to_owned(),
            value: scalar(value),
        }
    }

    fn fields(&self, fields: &[FieldValue]) -> Vec<Write> {
        // A field left empty on a form is not there, rather than there and empty.
        fields
            .iter()
            .filter(|entry| entry.value != Value::Empty)
            .map(|entry| self.field(entry.field, &entry.value))
            .collect()
    }

    fn item(
        &self,
        collection: &str,
        fields: Vec<(&'static str, ScalarValue)>,
    ) -> Result<Vec<Write>, Inexecutable> {
        Ok(vec![self.new_item(collection, fields)?])
    }

    fn new_item(
        &self,
        collection: &str,
        fields: Vec<(&'static str, ScalarValue)>,
    ) -> Result<Write, Inexecutable> {
        let map = self.object(collection);
        let key = self.authored.item();
        let doc = self.doc.automerge();
        if doc.length(&map) >= limits::ITEMS_MAX {
            return Err(too_many(collection));
        }
        if matches!(doc.get(&map, key.as_str()), Ok(Some(_))) {
            return Err(Inexecutable::ItemExists);
        }
        Ok(Write::Item { map, key, fields })
    }

    fn existing(&self, collection: &str, item: &ItemKey) -> Result<ObjId, Inexecutable> {
        match self
            .doc
            .automerge()
            .get(self.object(collection), item.as_str())
        {
            Ok(Some((value, id))) if value.is_object() => Ok(id),
            _ => Err(Inexecutable::NoSuchItem),
        }
    }

    fn event(
        &self,
        kind: EventKind,
        reason: Option<&str>,
        detail: Option<&str>,
    ) -> Result<Write, Inexecutable> {
        let tips = status::fold(&hydrate::events(self.doc)).tips;
        let mut fields = vec![("kind", kind.name().into())];
        if !tips.is_empty() {
            let after: Vec<&str> = tips.iter().map(ItemKey::as_str).collect();
            fields.push(("after", after.join(" ").into()));
        }
        if let Some(reason) = reason {
            fields.push(("reason", reason.into()));
        }
        if let Some(detail) = detail {
            fields.push(("detail", detail.into()));
        }
        self.new_item(schema::EVENTS, fields)
    }

    fn just(&self, kind: EventKind, reason: Option<&str>) -> Result<Vec<Write>, Inexecutable> {
        Ok(vec![self.event(kind, reason, None)?])
    }

    fn assign(
        &self,
        crew: &[PersonId],
        lead: &PersonId,
        group: Option<&str>,
    ) -> Result<Vec<Write>, Inexecutable> {
        let map = self.object(schema::CREW);
        let mut plan = vec![self.field(Field::Lead, &text(lead.as_str()))];
        if let Some(group) = group {
            plan.push(self.field(Field::Group, &text(group)));
        }
        let put = |person: &str, inside: bool| Write::Put {
            map: map.clone(),
            key: person.to_owned(),
            value: inside.into(),
        };
        plan.extend(crew.iter().map(|person| put(person.as_str(), true)));
        for gone in hydrate::crew_members(self.doc) {
            if !crew.contains(&gone) {
                plan.push(put(gone.as_str(), false));
            }
        }
        plan.push(self.event(EventKind::Assigned, None, None)?);
        Ok(plan)
    }

    fn edit_problem(&self, splices: &[Splice]) -> Result<Vec<Write>, Inexecutable> {
        let id = self.object(schema::PROBLEM);
        let mut length = self.doc.automerge().length(&id) as u64;
        let mut plan = Vec::with_capacity(splices.len());
        for splice in splices {
            if u64::from(splice.at) + u64::from(splice.delete) > length {
                return Err(Inexecutable::SpliceOutside);
            }
            length = length - u64::from(splice.delete) + splice.insert.chars().count() as u64;
            if length > limits::PROBLEM_TEXT_CHARS_MAX as u64 {
                return Err(misfit("problem", Misfit::TooLong));
            }
            plan.push(Write::Splice {
                text: id.clone(),
                splice: splice.clone(),
            });
        }
        Ok(plan)
    }

    fn settle(&self, on: &ConflictOn, value: &Value) -> Result<Vec<Write>, Inexecutable> {
        let (map, key, value) = match on {
            ConflictOn::Field { field } => {
                let (_, section, key) = field.place();
                (self.object(section), key.to_owned(), scalar(value))
            }
            ConflictOn::Checklist { item } => {
                let map = self.object(schema::CHECKLIST);
                if !matches!(self.doc.automerge().get(&map, item.as_str()), Ok(Some(_))) {
                    return Err(Inexecutable::NoSuchItem);
                }
                (map, item.clone(), scalar(value))
            }
            ConflictOn::Crew { person } => {
                let inside = *value == Value::Integer(1);
                (
                    self.object(schema::CREW),
                    person.as_str().to_owned(),
                    inside.into(),
                )
            }
            ConflictOn::Consent { quote } => (
                self.existing(schema::QUOTES, quote)?,
                "consent".to_owned(),
                scalar(value),
            ),
            ConflictOn::Status => return Err(misfit("on", Misfit::Choice)),
        };
        // Automerge settles on the present winner by deleting the others, and a deletion hides behind
        // any update that did not see it. The settlement is to be a value of its own that such an
        // update conflicts with: so another value is written first.
        let winner = self.doc.automerge().get(&map, key.as_str()).ok().flatten();
        let mut plan = Vec::new();
        if winner.is_some_and(|(held, _)| held.as_scalar() == Some(&value)) {
            let other = if value == ScalarValue::Null {
                false.into()
            } else {
                ScalarValue::Null
            };
            plan.push(Write::Put {
                map: map.clone(),
                key: key.clone(),
                value: other,
            });
        }
        plan.push(Write::Put { map, key, value });
        Ok(plan)
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn int(n: i64) -> ScalarValue {
    ScalarValue::Int(n)
}

fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Integer(n) => int(*n),
        // Milliseconds, as the stock libraries read a timestamp.
        Value::Instant(at) => ScalarValue::Timestamp(at.millis()),
        Value::Empty => ScalarValue::Null,
    }
}

/// The code of a confirmation's method in the document.
pub(in crate::document) const fn confirmation_method(method: ConfirmationMethod) -> &'static str {
    match method {
        ConfirmationMethod::Signature => "signature",
        ConfirmationMethod::Reply => "reply",
        ConfirmationMethod::Receipt => "receipt",
    }
}

fn ink_bytes(ink: &Ink) -> Vec<u8> {
    minicbor::to_vec(ink).expect("writing to memory does not fail")
}
