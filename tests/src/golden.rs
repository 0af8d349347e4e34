//! The commands of the golden files. Their outcomes were written once and stay: see `tests/golden`.
//!
//! Invariant: nothing here changes after the release that the file is named after; a new command gets a new
//! file beside it.

use gongdan_core::document::TicketDoc;
use gongdan_core::evidence::SheetKind;
use gongdan_core::ids::{BlobHash, ChangeHash, CommandId, ItemKey, Part, SheetHash};
use gongdan_core::testing::{self, Author, person};
use gongdan_core::ticket::command::{
    ChecklistEntry, Collection, FieldValue, InkPoint, Splice, WaitingFor,
};
use gongdan_core::ticket::{
    Answer, Capacity, Command, ConfirmationMethod, ConflictOn, Field, FourAnswers, Ink, Status,
    Value,
};
use gongdan_web::golden::{Document, File, Outcome, Step, encode, hex};

/// Writes a golden document as its commands are executed.
struct Recorder {
    doc: TicketDoc,
    document: Document,
}

impl Recorder {
    fn new(name: &str, part: Part) -> Self {
        let document = Document {
            name: name.to_owned(),
            part,
            steps: Vec::new(),
            heads: Vec::new(),
        };
        Self {
            doc: TicketDoc::genesis(part),
            document,
        }
    }

    /// At the tip; the command's item key.
    fn tip(&mut self, author: &mut Author, command: Command) -> ItemKey {
        self.step(None, author, command)
    }

    fn step(
        &mut self,
        base: Option<Vec<ChangeHash>>,
        author: &mut Author,
        command: Command,
    ) -> ItemKey {
        let authored = author.author(command);
        let heads = base.clone().unwrap_or_else(|| self.doc.heads());
        let mut fork = self
            .doc
            .fork_at(&heads)
            .expect("a base that this recorder made");
        let outcome = match fork.execute(author.actor, &authored) {
            Ok(executed) => {
                self.doc.merge(&mut fork);
                Outcome::Change(executed.hash)
            }
            Err(why) => Outcome::Inexecutable(why),
        };
        self.document.steps.push(Step {
            base,
            actor: author.actor,
            id: authored.id,
            at: authored.at.seconds(),
            cbor: hex(&encode(&authored.command)),
            command: authored.command.clone(),
            outcome,
        });
        authored.item()
    }

    fn done(mut self) -> Document {
        self.document.heads = self.doc.heads();
        self.document
    }
}

/// The file `v1.json`.
pub fn v1() -> File {
    let documents = vec![
        whole_day(),
        branches(),
        customer(),
        office(),
        refused(),
        re_authored(),
    ];
    File {
        release: "v1".to_owned(),
        documents,
    }
}

/// The file `v2.json`: the signed sheet.
pub fn v2() -> File {
    File {
        release: "v2".to_owned(),
        documents: vec![confirmed_on_sheets(), sheets_kept()],
    }
}

fn on_sheet(kind: SheetKind, edition: u32, corrects: Option<SheetHash>) -> Command {
    let n = u8::try_from(edition).expect("a small number");
    Command::ConfirmOnSheet {
        kind,
        answers: answers_of_the_customer(),
        shown: ChangeHash([9; 32]),
        sheet: SheetHash([n; 32]),
        edition,
        corrects,
    }
}

/// Sheets in the `service` part: two of a crew at the same time, a correction, and what cannot be.
fn confirmed_on_sheets() -> Document {
    let (mut desk, mut a, mut b) = (Author::new(1), Author::new(2), Author::new(3));
    let mut r = Recorder::new(
        "a confirmation on a sheet, and its correction",
        Part::Service,
    );
    r.tip(&mut desk, testing::open());
    r.tip(&mut desk, assign(&["W001", "W002"]));
    r.tip(&mut a, Command::Accept);
    let summary = "更换室外机风扇电机".to_owned();
    r.tip(&mut a, Command::Complete { summary });
    let base = r.doc.heads();
    r.step(
        Some(base.clone()),
        &mut a,
        on_sheet(SheetKind::Ink, 1, None),
    );
    let mut second = on_sheet(SheetKind::Paper, 1, None);
    if let Command::ConfirmOnSheet { sheet, answers, .. } = &mut second {
        *sheet = SheetHash([7; 32]);
        answers.comments = None;
    }
    r.step(Some(base), &mut b, second);
    let before = Some(SheetHash([1; 32]));
    r.tip(&mut a, on_sheet(SheetKind::Reply, 2, before));
    r.tip(
        &mut a,
        on_sheet(SheetKind::Receipt, 3, Some(SheetHash([2; 32]))),
    );
    r.tip(&mut a, on_sheet(SheetKind::Refused, 1, None));
    r.tip(&mut a, on_sheet(SheetKind::Ink, 2, None));
    r.tip(&mut a, on_sheet(SheetKind::Ink, 1, before));
    let mut long = on_sheet(SheetKind::Ink, 1, None);
    if let Command::ConfirmOnSheet { answers, .. } = &mut long {
        answers.comments = Some("好".repeat(5_000));
    }
    r.tip(&mut b, long.clone());
    if let Command::ConfirmOnSheet { answers, .. } = &mut long {
        answers.comments = Some("好".repeat(5_001));
    }
    r.tip(&mut b, long);
    r.tip(&mut desk, Command::Close);
    r.done()
}

/// Sheets in the `customer` part.
fn sheets_kept() -> Document {
    let mut a = Author::new(2);
    let mut r = Recorder::new("references of sheets", Part::Customer);
    let keep = |kind, edition: u32, corrects, bytes| Command::KeepSheet {
        sheet: SheetHash([edition as u8; 32]),
        kind,
        edition,
        shown: ChangeHash([9; 32]),
        blob: BlobHash([8; 32]),
        bytes,
        corrects,
    };
    r.tip(&mut a, keep(SheetKind::Absent, 1, None, 900));
    r.tip(
        &mut a,
        keep(SheetKind::Ink, 2, Some(SheetHash([1; 32])), 14_000),
    );
    r.tip(&mut a, keep(SheetKind::Ink, 1, None, 0));
    r.tip(&mut a, keep(SheetKind::Ink, 2, None, 14_000));
    r.done()
}

fn note(part: Part, text: &str) -> Command {
    Command::WriteNote {
        part,
        text: text.to_owned(),
    }
}

fn assign(crew: &[&str]) -> Command {
    let crew: Vec<_> = crew.iter().map(|id| person(id)).collect();
    Command::Assign {
        lead: crew[0].clone(),
        crew,
        group: Some("home".to_owned()),
    }
}

fn answer(item: &str, answer: Answer) -> Command {
    Command::AnswerChecklist {
        answers: vec![ChecklistEntry {
            item: item.to_owned(),
            answer,
        }],
    }
}

fn answers_of_the_customer() -> FourAnswers {
    FourAnswers {
        solved: true,
        satisfied: true,
        professionalism: 9,
        comments: Some("师傅很专业".to_owned()),
    }
}

/// Every command of the main line in the `service` part, one after the other.
fn whole_day() -> Document {
    let (mut desk, mut field) = (Author::new(1), Author::new(2));
    let mut r = Recorder::new(
        "a whole day, every command of the service part",
        Part::Service,
    );
    r.tip(&mut desk, testing::open());
    let reasons = vec!["老人家中".to_owned(), "无法使用".to_owned()];
    r.tip(
        &mut desk,
        Command::Grade {
            grade: "A".to_owned(),
            reasons,
        },
    );
    r.tip(&mut desk, assign(&["W001", "W002"]));
    r.tip(
        &mut field,
        Command::Decline {
            reason: "当天已满".to_owned(),
        },
    );
    r.tip(&mut desk, assign(&["W001"]));
    r.tip(&mut field, Command::Accept);
    r.tip(
        &mut field,
        Command::Appoint {
            from: testing::at(7200),
            until: testing::at(10800),
        },
    );
    r.tip(&mut field, Command::CountVisit);
    r.tip(&mut field, Command::Depart);
    r.tip(&mut field, Command::Arrive);
    let waiting_for = WaitingFor::Parts;
    r.tip(
        &mut field,
        Command::Suspend {
            waiting_for,
            reason: "等配件".to_owned(),
        },
    );
    r.tip(&mut field, Command::Resume);
    r.tip(&mut field, answer("identity", Answer::Done));
    r.tip(&mut field, answer("use", Answer::NotApplicable));
    r.tip(
        &mut field,
        answer(
            "teach",
            Answer::Skipped {
                reason: "客户不在场".to_owned(),
            },
        ),
    );
    r.tip(
        &mut field,
        answer(
            "pressure",
            Answer::Reading {
                text: "0.85 MPa".to_owned(),
            },
        ),
    );
    let (operation, result) = ("测量电容".to_owned(), "容量衰减".to_owned());
    r.tip(&mut field, Command::RecordStep { operation, result });
    let conclusion = "启动电容失效".to_owned();
    r.tip(
        &mut field,
        Command::Diagnose {
            cause: "hardware".to_owned(),
            route: "on_site".to_owned(),
            conclusion,
        },
    );
    let kept = r.tip(
        &mut field,
        note(Part::Service, "𠮷野家楼下停车，电梯需刷卡"),
    );
    r.tip(
        &mut field,
        Command::StrikeOut {
            collection: Collection::Notes,
            item: kept,
        },
    );
    let used = Command::UsePart {
        part_number: "AC-CAP-35".to_owned(),
        name: "启动电容".to_owned(),
        quantity: 1,
    };
    let used = r.tip(&mut field, used);
    r.tip(
        &mut desk,
        Command::StrikeOut {
            collection: Collection::PartsUsed,
            item: used,
        },
    );
    let quote = r.tip(
        &mut field,
        Command::Quote {
            amount_fen: 12_800,
            explanation: "电容与工时".to_owned(),
        },
    );
    r.tip(
        &mut field,
        Command::RecordConsent {
            quote,
            agreed: true,
            by: Capacity::Customer,
        },
    );
    let photo = Command::AttachPhoto {
        blob: BlobHash([7; 32]),
        media_type: "image/jpeg".to_owned(),
        bytes: 345_678,
        caption: "更换后".to_owned(),
    };
    let photo = r.tip(&mut field, photo);
    r.tip(
        &mut field,
        Command::StrikeOut {
            collection: Collection::Photos,
            item: photo,
        },
    );
    r.tip(
        &mut field,
        Command::Correct {
            field: Field::Serial,
            value: Value::from("SN20260099"),
        },
    );
    r.tip(
        &mut field,
        Command::Correct {
            field: Field::WishedTime,
            value: Value::Empty,
        },
    );
    let splices = vec![
        Splice {
            at: 2,
            delete: 1,
            insert: "（挂机）".to_owned(),
        },
        Splice {
            at: 0,
            delete: 0,
            insert: "𠮷".to_owned(),
        },
    ];
    r.tip(&mut desk, Command::EditProblem { splices });
    r.tip(
        &mut field,
        Command::Complete {
            summary: "更换启动电容，试机正常".to_owned(),
        },
    );
    let shown = ChangeHash([9; 32]);
    let answers = answers_of_the_customer();
    r.tip(
        &mut field,
        Command::Confirm {
            method: ConfirmationMethod::Signature,
            answers,
            shown,
        },
    );
    r.tip(
        &mut desk,
        Command::FollowUp {
            satisfied: true,
            score: 10,
            remarks: Some("满意".to_owned()),
        },
    );
    r.tip(
        &mut desk,
        Command::FollowUp {
            satisfied: false,
            score: 1,
            remarks: None,
        },
    );
    r.tip(&mut desk, Command::Close);
    r.tip(
        &mut desk,
        Command::Reopen {
            reason: "再次不制冷".to_owned(),
        },
    );
    r.tip(
        &mut desk,
        Command::Cancel {
            reason: "客户取消".to_owned(),
        },
    );
    r.done()
}

/// Three authors on one base, conflicts of every kind, settled, and raised again beside the settlement.
fn branches() -> Document {
    let (mut desk, mut a, mut b) = (Author::new(1), Author::new(3), Author::new(4));
    let mut r = Recorder::new(
        "branches on one base, conflicts settled and raised again",
        Part::Service,
    );
    r.tip(&mut desk, testing::open());
    r.tip(&mut desk, assign(&["W001", "W002"]));
    r.tip(&mut a, Command::Accept);
    let quote = r.tip(
        &mut a,
        Command::Quote {
            amount_fen: 100,
            explanation: "检测费".to_owned(),
        },
    );
    let base = r.doc.heads();
    let model = |value: &str| Command::Correct {
        field: Field::Model,
        value: Value::from(value),
    };
    let on = |r: &mut Recorder, author: &mut Author, command| {
        r.step(Some(base.clone()), author, command)
    };
    on(&mut r, &mut a, model("KFR-26GW"));
    on(&mut r, &mut b, model("KFR-50LW"));
    on(
        &mut r,
        &mut desk,
        Command::Cancel {
            reason: "重复报修".to_owned(),
        },
    );
    let tip_of_a = vec![change(&r, a.actor)];
    r.step(
        Some(tip_of_a),
        &mut a,
        Command::Complete {
            summary: "已修复".to_owned(),
        },
    );
    let tip_of_b = vec![change(&r, b.actor)];
    r.step(
        Some(tip_of_b.clone()),
        &mut b,
        answer("identity", Answer::Done),
    );
    let tip_of_b = vec![change(&r, b.actor)];
    let consent = Command::RecordConsent {
        quote: quote.clone(),
        agreed: false,
        by: Capacity::Representative,
    };
    r.step(Some(tip_of_b), &mut b, consent);
    let tip_of_a = vec![change(&r, a.actor)];
    let consent = Command::RecordConsent {
        quote: quote.clone(),
        agreed: true,
        by: Capacity::Employee,
    };
    r.step(Some(tip_of_a), &mut a, consent);
    let before = r.doc.heads();
    let on_model = ConflictOn::Field {
        field: Field::Model,
    };
    r.tip(
        &mut desk,
        Command::SettleConflict {
            on: on_model.clone(),
            value: Value::from("KFR-50LW"),
        },
    );
    r.step(Some(before), &mut b, model("KFR-72LW"));
    r.tip(
        &mut desk,
        Command::SettleConflict {
            on: on_model,
            value: Value::from("KFR-72LW"),
        },
    );
    let on_consent = ConflictOn::Consent { quote };
    r.tip(
        &mut desk,
        Command::SettleConflict {
            on: on_consent,
            value: Value::from("agreed"),
        },
    );
    let on_item = ConflictOn::Checklist {
        item: "identity".to_owned(),
    };
    r.tip(
        &mut desk,
        Command::SettleConflict {
            on: on_item,
            value: Value::from("n/a"),
        },
    );
    let on_crew = ConflictOn::Crew {
        person: person("W002"),
    };
    r.tip(
        &mut desk,
        Command::SettleConflict {
            on: on_crew,
            value: Value::Integer(0),
        },
    );
    r.tip(
        &mut desk,
        Command::SettleStatus {
            status: Status::Completed,
        },
    );
    r.done()
}

/// The last change that an author made.
fn change(r: &Recorder, actor: gongdan_core::ids::ActorId) -> ChangeHash {
    let own = r
        .document
        .steps
        .iter()
        .rev()
        .filter(|step| step.actor == actor);
    let hash = own.filter_map(|step| match &step.outcome {
        Outcome::Change(hash) => Some(*hash),
        _ => None,
    });
    hash.into_iter().next().expect("the author has written")
}

fn customer() -> Document {
    let (mut desk, mut field) = (Author::new(1), Author::new(2));
    let mut r = Recorder::new(
        "the customer part: who it is, and a drawn signature",
        Part::Customer,
    );
    let field_value = |field, value: &str| FieldValue {
        field,
        value: Value::from(value),
    };
    let fields = vec![
        field_value(Field::CustomerName, "测试客户"),
        field_value(Field::CustomerPhone, "000-0000"),
        field_value(Field::Address, "示例路 1 号"),
    ];
    r.tip(&mut desk, Command::RecordCustomer { fields });
    r.tip(
        &mut field,
        Command::Correct {
            field: Field::ContactName,
            value: Value::from("门卫"),
        },
    );
    let point = |n: i32| InkPoint {
        x: 100 * n,
        y: -37 * n,
        millis: n.unsigned_abs() * 16,
        pressure: (n % 2 == 0).then_some(500),
    };
    let strokes = vec![(0..20).map(point).collect(), (20..25).map(point).collect()];
    r.tip(
        &mut field,
        Command::RecordSignature {
            signer: "测试客户".to_owned(),
            capacity: Capacity::Customer,
            shown: ChangeHash([9; 32]),
            ink: Ink {
                width: 32_000,
                height: 18_000,
                strokes,
            },
        },
    );
    r.done()
}

fn office() -> Document {
    let mut desk = Author::new(1);
    let mut r = Recorder::new("the office part", Part::Office);
    let opinion = Value::from("建议免收上门费");
    r.tip(
        &mut desk,
        Command::Correct {
            field: Field::HandlingOpinion,
            value: opinion,
        },
    );
    r.tip(&mut desk, note(Part::Office, "已致电"));
    r.done()
}

/// Commands that write nothing, with the reason each replica must give.
fn refused() -> Document {
    let (mut desk, mut field) = (Author::new(1), Author::new(2));
    let mut r = Recorder::new("commands that cannot be executed", Part::Service);
    r.tip(&mut desk, testing::open());
    r.tip(&mut desk, testing::open());
    r.tip(
        &mut desk,
        Command::Grade {
            grade: "D".to_owned(),
            reasons: vec!["?".to_owned()],
        },
    );
    let crew = vec![person("W001")];
    r.tip(
        &mut desk,
        Command::Assign {
            crew,
            lead: person("W002"),
            group: None,
        },
    );
    r.tip(
        &mut field,
        Command::Correct {
            field: Field::Lead,
            value: Value::from("W001"),
        },
    );
    r.tip(
        &mut field,
        Command::Correct {
            field: Field::CustomerName,
            value: Value::from("张"),
        },
    );
    let splices = vec![Splice {
        at: 9_999,
        delete: 1,
        insert: String::new(),
    }];
    r.tip(&mut field, Command::EditProblem { splices });
    let absent: ItemKey = "absent1".parse().expect("an item key");
    r.tip(
        &mut field,
        Command::RecordConsent {
            quote: absent,
            agreed: true,
            by: Capacity::Customer,
        },
    );
    r.tip(&mut field, note(Part::Service, " "));
    r.done()
}

/// A command keeps its name under another actor: its item has the key it had.
fn re_authored() -> Document {
    let (mut desk, mut fresh) = (Author::new(1), Author::new(5));
    let mut r = Recorder::new("a command authored anew keeps its name", Part::Service);
    r.tip(&mut desk, testing::open());
    let first = CommandId {
        actor: testing::actor(6),
        ordinal: 3,
    };
    let mut authored = fresh.author(note(Part::Service, "离线期间的备注"));
    authored.id = first;
    let executed = r
        .doc
        .execute(fresh.actor, &authored)
        .expect("an executable command");
    r.document.steps.push(Step {
        base: None,
        actor: fresh.actor,
        id: first,
        at: authored.at.seconds(),
        cbor: hex(&encode(&authored.command)),
        command: authored.command,
        outcome: Outcome::Change(executed.hash),
    });
    r.done()
}
