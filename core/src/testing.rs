//! Builders for tests, of this crate and of others (feature `testing`).

use crate::clock::Timestamp;
use crate::document::TicketDoc;
use crate::ids::{ActorId, ChangeHash, CommandId, Part, PersonId, TicketId};
use crate::store::{OutboxEntry, OutboxState};
use crate::ticket::command::{Command, FieldValue, InkPoint};
use crate::ticket::{Authored, Capacity, ConfirmationMethod, Field, FourAnswers, Ink, Value};

thread_local! {
    static FIRST_UNKNOWN: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
}

/// From now on this thread reads changesets as a program that knows the first `known` commands alone;
/// `None`: all.
pub fn know_commands(known: Option<usize>) {
    FIRST_UNKNOWN.set(known.unwrap_or(usize::MAX));
}

/// Whether a program of the version that [`know_commands`] names does not know this command.
pub(crate) fn is_of_a_later_version(command: &Command) -> bool {
    command.action() as usize >= FIRST_UNKNOWN.get()
}

thread_local! {
    static PAGE_ENTRIES: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

/// From now on this thread's answers to devices hold at most so many entries of the log; `None`: as delivered.
pub fn limit_pages(entries: Option<usize>) {
    PAGE_ENTRIES.set(entries);
}

/// What [`limit_pages`] set.
pub fn page_entries() -> Option<usize> {
    PAGE_ENTRIES.get()
}

/// The `n`th instant of tests: seconds after 2026-11-22T00:00:00Z.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp(1_795_305_600 + seconds)
}

/// The `n`th actor of tests; each has a prefix of its own.
pub fn actor(n: u8) -> ActorId {
    let mut bytes = [n.wrapping_mul(37).wrapping_add(11); 16];
    bytes[0] = n;
    ActorId(bytes)
}

/// The `n`th ticket of tests.
pub fn ticket(n: u8) -> TicketId {
    TicketId::new(at(0), [n; 10])
}

/// A person of tests.
///
/// # Panics
/// Where `id` is no employee number.
#[expect(clippy::expect_used, reason = "tests alone call this")]
pub fn person(id: &str) -> PersonId {
    id.parse().expect("an employee number")
}

/// A confirmation of what was `shown`, and the signature that somebody drew under it: an act over two parts.
pub fn signed(signer: &str, answers: FourAnswers, shown: ChangeHash) -> [Command; 2] {
    let point = |n: i32| InkPoint {
        x: 10 * n,
        y: n,
        millis: n.unsigned_abs(),
        pressure: None,
    };
    let confirm = Command::Confirm {
        method: ConfirmationMethod::Signature,
        answers,
        shown,
    };
    let sign = Command::RecordSignature {
        signer: signer.to_owned(),
        capacity: Capacity::Customer,
        shown,
        ink: Ink {
            width: 300,
            height: 200,
            strokes: vec![(0..9).map(point).collect()],
        },
    };
    [confirm, sign]
}

/// The opening of an ordinary ticket.
pub fn open() -> Command {
    let field = |field, value: &str| FieldValue {
        field,
        value: Value::from(value),
    };
    Command::Open {
        fields: vec![
            field(Field::TicketType, "repair"),
            field(Field::Channel, "phone"),
            field(Field::Region, "east"),
            field(Field::ProductLine, "aircon"),
            field(Field::Model, "KFR-35GW"),
            field(Field::Serial, "SN20260001"),
            field(Field::Grade, "B"),
        ],
        problem: "空调不制冷,室外机有异响".to_owned(),
    }
}

/// An outbox entry of no particular content.
pub fn entry(state: OutboxState) -> OutboxEntry {
    OutboxEntry {
        id: 0,
        ticket: ticket(1),
        part: Part::Service,
        command_id: CommandId {
            actor: actor(1),
            ordinal: 1,
        },
        at: at(0),
        command: Command::Accept,
        actor: actor(1),
        sequence: 1,
        base: vec![ChangeHash([1; 32]), ChangeHash([2; 32])],
        hash: ChangeHash([3; 32]),
        change: vec![1, 2, 3],
        state,
        device_sequence: None,
        act: None,
        anchor: at(0),
        catalogue: 0,
        verdict: None,
        replaces: None,
    }
}

/// Writes commands to one document as one actor, each with the ordinal that its sequence gives.
pub struct Author {
    /// Who writes.
    pub actor: ActorId,
    ordinal: u32,
    clock: i64,
}

impl Author {
    /// The `n`th author.
    pub fn new(n: u8) -> Self {
        Self {
            actor: actor(n),
            ordinal: 0,
            clock: i64::from(n),
        }
    }

    /// The command as this author's next.
    pub fn author(&mut self, command: Command) -> Authored {
        self.ordinal += 1;
        self.clock += 60;
        let id = CommandId {
            actor: self.actor,
            ordinal: self.ordinal,
        };
        Authored {
            id,
            at: at(self.clock),
            command,
        }
    }

    /// Executes it at the tip.
    ///
    /// # Panics
    /// Where it cannot be executed.
    #[expect(clippy::expect_used, reason = "tests alone call this")]
    pub fn run(&mut self, doc: &mut TicketDoc, command: Command) -> Authored {
        let authored = self.author(command);
        doc.execute(self.actor, &authored)
            .expect("an executable command");
        authored
    }
}

/// Documents of every part: fresh, long, with two and three heads.
pub fn documents_with_forks() -> Vec<TicketDoc> {
    let note = |part, text: &str| Command::WriteNote {
        part,
        text: text.to_owned(),
    };
    let mut docs: Vec<TicketDoc> = Part::ALL.into_iter().map(TicketDoc::genesis).collect();
    let mut desk = Author::new(1);
    let mut doc = TicketDoc::genesis(Part::Service);
    desk.run(&mut doc, open());
    docs.push(doc.clone());
    let crew = vec![person("W001")];
    desk.run(
        &mut doc,
        Command::Assign {
            lead: crew[0].clone(),
            crew,
            group: None,
        },
    );
    for fork in 0..3u8 {
        let mut author = Author::new(10 + fork);
        let mut other = doc.clone();
        for n in 0..=fork {
            author.run(&mut other, note(Part::Service, &format!("第{n}条备注")));
        }
        desk.run(&mut doc, note(Part::Service, "调度备注"));
        doc.merge(&mut other);
        docs.push(doc.clone());
    }
    let mut office = TicketDoc::genesis(Part::Office);
    Author::new(30).run(&mut office, note(Part::Office, "内部意见"));
    docs.push(office);
    docs
}
