//! The gate alone: documents of real commands, no database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ChangeHash, CommandId, DeviceId, Part};
use gongdan_core::limits;
use gongdan_core::policy::{Role, Standing};
use gongdan_core::sync::changeset::{Changeset, Header, encode_body, pin};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal};
use gongdan_core::testing::{self, at, person};
use gongdan_core::ticket::command::Splice;
use gongdan_core::ticket::{Authored, Command};

use super::{Author, Authority, Before, Judged, grows_by_max, judge};

const CREW: &str = "W001";

fn ticket() -> TicketDoc {
    let mut doc = TicketDoc::genesis(Part::Service);
    let mut desk = testing::Author::new(1);
    desk.run(&mut doc, testing::open());
    let crew = vec![person(CREW)];
    desk.run(
        &mut doc,
        Command::Assign {
            lead: crew[0].clone(),
            crew,
            group: None,
        },
    );
    doc
}

fn sealed(
    doc: &TicketDoc,
    by: &str,
    commands: Vec<Command>,
    change: impl FnOnce(&mut Header),
) -> Changeset {
    let (mut fork, actor) = (doc.clone(), testing::actor(50));
    let mut last = ChangeHash([0; 32]);
    let authored: Vec<Authored> = (1..)
        .zip(commands)
        .map(|(ordinal, command)| {
            let one = Authored {
                id: CommandId { actor, ordinal },
                at: at(9_000),
                command,
            };
            if let Ok(executed) = fork.execute(actor, &one) {
                last = executed.hash;
            }
            one
        })
        .collect();
    let mut header = Header {
        version: 1,
        ticket: testing::ticket(1),
        part: doc.part(),
        device: DeviceId::from_bytes([8; 16]),
        person: person(by),
        actor,
        first_sequence: 1,
        base: doc.heads(),
        at: at(9_000),
        body: [0; 32],
        pin: pin(last),
        catalogue: 1,
        device_sequence: 1,
        previous: [0; 16],
        anchor: at(0),
        act: None,
        replaces: None,
    };
    change(&mut header);
    Changeset::seal(header, &authored, [7; 16], &DeviceKey::from_bytes(&[3; 32]))
}

fn word(
    doc: &TicketDoc,
    changeset: &Changeset,
    bytes: usize,
    revoked: bool,
    authority: Authority,
) -> Judged {
    let opener = person("D001");
    let before = Before {
        document: doc,
        document_bytes: bytes,
        fork: None,
        service: None,
        opener: Some(&opener),
    };
    let standing = Standing::bare(changeset.header.person.clone(), vec![Role::Technician]);
    let author = Author {
        now: &standing,
        then: &standing,
        revoked,
        foreign_actor: false,
    };
    judge(&before, changeset, &author, authority)
}

fn plain(doc: &TicketDoc, changeset: &Changeset) -> Judged {
    word(doc, changeset, 0, false, Authority::Author)
}

#[test]
fn at_the_tip_the_fork_is_the_new_document() {
    let doc = ticket();
    let Judged::Admitted(admitted) =
        plain(&doc, &sealed(&doc, CREW, vec![Command::Accept], |_| {}))
    else {
        panic!("not admitted")
    };
    assert!(admitted.at_tip() && !admitted.marked());
    assert!(admitted.fork().contains(&doc.heads()));
    assert_eq!(admitted.command_ids().count(), 1);
}

#[test]
fn a_revoked_devices_work_waits_whatever_its_person_may_unless_it_is_decided() {
    let doc = ticket();
    let changeset = sealed(&doc, CREW, vec![Command::Accept], |_| {});
    let waits = word(&doc, &changeset, 0, true, Authority::Author);
    assert!(
        matches!(waits, Judged::Quarantined { reason: QuarantineReason::Revoked, ref changes } if changes.len() == 1)
    );
    assert!(matches!(
        word(&doc, &changeset, 0, true, Authority::Decided),
        Judged::Admitted(_)
    ));
}

#[test]
fn what_a_customer_signed_waits_for_a_person_where_other_commands_are_refused() {
    use gongdan_core::evidence::SheetKind;
    use gongdan_core::ids::SheetHash;
    use gongdan_core::ticket::{ConfirmationMethod, FourAnswers};
    let doc = ticket();
    let answers = FourAnswers {
        solved: true,
        satisfied: true,
        professionalism: 9,
        comments: None,
    };
    let signed = Command::ConfirmOnSheet {
        kind: SheetKind::Ink,
        answers: answers.clone(),
        shown: ChangeHash([1; 32]),
        sheet: SheetHash([2; 32]),
        edition: 1,
        corrects: None,
    };
    let unsigned = Command::Confirm {
        method: ConfirmationMethod::Signature,
        answers,
        shown: ChangeHash([1; 32]),
    };
    // Nothing is completed yet: neither is lawful here.
    let changeset = sealed(&doc, CREW, vec![signed], |_| {});
    assert!(matches!(
        plain(&doc, &changeset),
        Judged::Quarantined { reason: QuarantineReason::Signed, ref changes } if changes.is_empty()
    ));
    assert!(matches!(
        word(&doc, &changeset, 0, false, Authority::Decided),
        Judged::Refused {
            reason: Refusal::NotLawful { .. },
            ..
        }
    ));
    assert!(matches!(
        plain(&doc, &sealed(&doc, CREW, vec![unsigned], |_| {})),
        Judged::Refused {
            reason: Refusal::NotLawful { .. },
            ..
        }
    ));
    // And a stranger's neither.
    let stranger = sealed(&doc, "W099", vec![Command::Accept], |_| {});
    assert!(matches!(plain(&doc, &stranger), Judged::Refused { .. }));
}

#[test]
fn an_actor_that_wrote_beside_its_base_is_to_author_anew() {
    let mut doc = ticket();
    let base = doc.clone();
    let actor = testing::actor(50);
    let one = Authored {
        id: CommandId { actor, ordinal: 1 },
        at: at(8_000),
        command: Command::Accept,
    };
    doc.execute(actor, &one).unwrap();
    let beside = sealed(&base, CREW, vec![Command::Accept], |_| {});
    assert!(matches!(
        plain(&doc, &beside),
        Judged::Held(HeldWhy::OtherHash)
    ));
}

#[test]
fn a_sequence_that_is_not_the_actors_next_is_malformed() {
    let doc = ticket();
    let skipped = sealed(&doc, CREW, vec![Command::Accept], |header| {
        header.first_sequence = 2
    });
    assert!(matches!(
        plain(&doc, &skipped),
        Judged::Refused {
            reason: Refusal::Malformed,
            ..
        }
    ));
}

#[test]
fn a_document_takes_no_more_past_its_limit() {
    // Notes that a compressor makes nothing of, until one more would be past the limit.
    let mut doc = ticket();
    let mut author = testing::Author::new(77);
    let note = || Command::WriteNote {
        part: Part::Service,
        text: "长".repeat(limits::LONG_TEXT_CHARS_MAX),
    };
    while doc.plain_bytes() + 400_000 <= limits::DOCUMENT_BYTES_MAX {
        for _ in 0..50 {
            author.run(&mut doc, note());
        }
    }
    let mut smaller = Vec::new();
    while doc.plain_bytes() <= limits::DOCUMENT_BYTES_MAX {
        smaller.push(doc.clone());
        author.run(&mut doc, note());
    }
    assert!(doc.save().len() < limits::DOCUMENT_BYTES_MAX / 20);
    let judged = |doc: &TicketDoc| {
        let changeset = sealed(doc, CREW, vec![note()], |header| {
            header.actor = testing::actor(51);
        });
        let bytes = doc.plain_bytes();
        let changeset = resealed(doc, changeset);
        word(doc, &changeset, bytes, false, Authority::Author)
    };
    let Some([two_fit, one_does_not]) = smaller.last_chunk::<2>() else {
        panic!("two steps at least")
    };
    let Judged::Admitted(admitted) = judged(two_fit) else {
        panic!("it fits")
    };
    assert_eq!(admitted.document_bytes(), admitted.fork().plain_bytes());
    assert!(matches!(
        judged(one_does_not),
        Judged::Refused {
            reason: Refusal::DocumentFull,
            ..
        }
    ));
}

#[test]
fn a_changeset_adds_no_more_to_a_document_than_its_bound() {
    let mixed: String = "a长".repeat(limits::LONG_TEXT_CHARS_MAX / 2);
    let splice = |at: u32, delete: u32, insert: &str| Splice {
        at,
        delete,
        insert: insert.to_owned(),
    };
    // A text put together out of order, and deleted at once.
    let scattered = || {
        (0..100).map(|round: u32| Command::EditProblem {
            splices: (0..64)
                .map(|n| splice((round * 64 + n) * 7 % (round * 64 + n + 1), 0, "中b"))
                .collect(),
        })
    };
    let mut stories: Vec<Vec<Command>> = vec![
        vec![Command::CountVisit; 500],
        vec![
            Command::WriteNote {
                part: Part::Service,
                text: mixed.clone()
            };
            40
        ],
        vec![Command::EditProblem {
            splices: vec![splice(0, 0, &mixed)],
        }],
        scattered().take(60).collect(),
    ];
    stories.push(vec![Command::EditProblem {
        splices: vec![splice(0, 7_000, "")],
    }]);
    let mut doc = ticket();
    for commands in stories {
        let mut author = testing::Author::new(77);
        author.actor = testing::actor(doc.actors().len() as u8 + 100);
        let before = doc.plain_bytes();
        let mut authored = Vec::new();
        for command in commands {
            let one = author.author(command);
            doc.execute(author.actor, &one).unwrap();
            authored.push(one);
        }
        let body = encode_body(author.actor, 1, authored[0].at, &authored);
        let grew = doc.plain_bytes().saturating_sub(before);
        let bound = grows_by_max(body.len(), authored.len());
        assert!(grew <= bound, "{grew} bytes more, of {bound}");
    }
}

/// The same commands by an actor that has not written yet.
fn resealed(doc: &TicketDoc, changeset: Changeset) -> Changeset {
    let mut fork = doc.clone();
    let commands = changeset.commands().unwrap();
    let last = commands
        .iter()
        .map(|c| fork.execute(changeset.header.actor, c).unwrap().hash)
        .last()
        .unwrap();
    let header = Header {
        pin: pin(last),
        ..changeset.header
    };
    Changeset::seal(header, &commands, [7; 16], &DeviceKey::from_bytes(&[3; 32]))
}

fn grouped(code: &str) -> Standing {
    let label = gongdan_core::catalogue::Label {
        zh: "组".to_owned(),
        en: "group".to_owned(),
    };
    Standing {
        group: Some(gongdan_core::catalogue::Group {
            code: code.to_owned(),
            label,
            regions: vec![code.to_owned()],
            product_lines: vec!["aircon".to_owned()],
            unit: None,
        }),
        ..Standing::bare(person(CREW), vec![Role::Technician])
    }
}

/// A pool ticket of region `east`, taken and accepted on what the author saw, judged at `tip`.
fn picked(tip: &TicketDoc, base: &TicketDoc, then: &Standing, now: &Standing) -> Judged {
    let crew = vec![person(CREW)];
    let pick = Command::Assign {
        lead: crew[0].clone(),
        crew,
        group: None,
    };
    let changeset = sealed(base, CREW, vec![pick, Command::Accept], |_| {});
    let opener = person("D001");
    let before = Before {
        document: tip,
        document_bytes: 0,
        fork: None,
        service: None,
        opener: Some(&opener),
    };
    let author = Author {
        now,
        then,
        revoked: false,
        foreign_actor: false,
    };
    judge(&before, &changeset, &author, Authority::Author)
}

#[test]
fn a_ticket_is_taken_from_the_pool_of_ones_group_alone() {
    let mut desk = testing::Author::new(1);
    let mut base = TicketDoc::genesis(Part::Service);
    desk.run(&mut base, testing::open());
    let mut tip = base.clone();
    desk.run(
        &mut tip,
        Command::EditProblem {
            splices: vec![gongdan_core::ticket::command::Splice {
                at: 0,
                delete: 0,
                insert: "急:".to_owned(),
            }],
        },
    );
    let (east, west) = (grouped("east"), grouped("west"));
    for document in [&base, &tip] {
        // What the changeset itself brings about counts for what follows in it, beside others' edits too.
        let taken = picked(document, &base, &east, &east);
        assert!(matches!(taken, Judged::Admitted(ref a) if !a.marked()));
        assert!(matches!(
            picked(document, &base, &west, &west),
            Judged::Refused { command: 0, .. }
        ));
        assert!(matches!(
            picked(document, &base, &east, &west),
            Judged::Quarantined {
                reason: QuarantineReason::PolicyChanged,
                ..
            }
        ));
    }
}
