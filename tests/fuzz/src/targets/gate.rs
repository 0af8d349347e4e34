//! The gate: changesets with a right signature by authors who may be anybody, on documents that grow by what
//! is admitted.
//!
//! Promises: no panic; the same question has the same answer; who has no role comes in nowhere; what is
//! admitted gives, executed again from where the story began, the same heads; a document saves and loads as it is.
//!
//! Where stories begin is made once a process: an input pays for what it says alone.

use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use gongdan_core::clock::Timestamp;
use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::{ChangeHash, CommandId, DeviceId, ItemKey, Part, PersonId};
use gongdan_core::policy::{Role, Standing};
use gongdan_core::sync::changeset::{Changeset, Header, encode_body, pin};
use gongdan_core::testing::{self, person};
use gongdan_core::ticket::{Authored, Command};
use gongdan_server::gate::{self, Author, Authority, Before, Judged};

use crate::intents;

const CHANGESETS_MAX: usize = 6;
const COMMANDS_MAX: usize = 4;

/// A part as it stands, and how to make it again.
#[derive(Clone)]
struct PartSoFar {
    document: TicketDoc,
    /// Its [`TicketDoc::plain_bytes`].
    bytes: usize,
    bases: Vec<Vec<ChangeHash>>,
    /// What was admitted since the story began.
    admitted: Vec<Changeset>,
}

impl PartSoFar {
    fn genesis(part: Part) -> Self {
        let document = TicketDoc::genesis(part);
        Self {
            bytes: document.plain_bytes(),
            bases: vec![document.heads()],
            document,
            admitted: Vec::new(),
        }
    }
}

/// Where a story may begin.
struct Beginnings {
    /// Nothing was said of the ticket.
    empty: [PartSoFar; 3],
    /// It was opened and given to somebody, as most are.
    opened: [PartSoFar; 3],
}

fn beginnings() -> &'static Beginnings {
    static MADE: OnceLock<Beginnings> = OnceLock::new();
    MADE.get_or_init(|| {
        let empty = Part::ALL.map(PartSoFar::genesis);
        let mut opened = empty.clone();
        open(&mut opened[0]);
        Beginnings { empty, opened }
    })
}

/// Runs it once.
pub fn run(data: &[u8]) {
    // Bytes that run out end the story where it is.
    let _ended = story(&mut Unstructured::new(data));
}

fn story(u: &mut Unstructured<'_>) -> Result<()> {
    let (begun, mut opener) = match u.ratio(7, 8)? {
        true => (&beginnings().opened, Some(person("D001"))),
        false => (&beginnings().empty, None),
    };
    let mut parts = begun.clone();
    let mut keys: Vec<ItemKey> = Vec::new();
    for _ in 0..CHANGESETS_MAX {
        if u.is_empty() {
            break;
        }
        step(u, &mut parts, &mut opener, &mut keys)?;
    }
    for (part, begun) in parts.iter().zip(begun) {
        whole(part, begun);
    }
    let docs: Vec<&TicketDoc> = parts.iter().map(|part| &part.document).collect();
    if let Some(ticket) = hydrate(testing::ticket(1), None, &docs) {
        assert!(serde_json::to_string(&ticket).is_ok());
    }
    Ok(())
}

/// A ticket that was opened and given to somebody.
fn open(part: &mut PartSoFar) {
    let mut desk = testing::Author::new(1);
    let assign = Command::Assign {
        crew: vec![person("W001")],
        lead: person("W001"),
        group: None,
    };
    for command in [testing::open(), assign] {
        let authored = desk.author(command);
        part.document
            .execute(desk.actor, &authored)
            .expect("an opening");
        part.bases.push(part.document.heads());
    }
    part.bytes = part.document.plain_bytes();
}

fn step(
    u: &mut Unstructured<'_>,
    parts: &mut [PartSoFar; 3],
    opener: &mut Option<PersonId>,
    keys: &mut Vec<ItemKey>,
) -> Result<()> {
    let n = if u.ratio(3, 4)? {
        0
    } else {
        u.int_in_range(0..=2usize)?
    };
    let who = person(u.choose(&intents::PEOPLE)?);
    let changeset = composed(u, &parts[n], &who, keys)?;
    let roles = |u: &mut Unstructured<'_>| -> Result<Vec<Role>> {
        let count = u.int_in_range(0..=2u8)?;
        (0..count).map(|_| intents::pick(u, &Role::ALL)).collect()
    };
    let (roles_now, roles_then) = (roles(u)?, roles(u)?);
    let mut standing = |roles: &[Role]| -> Result<Standing> {
        let mut standing = Standing::bare(who.clone(), roles.to_vec());
        if u.ratio(1, 4)? {
            standing.unit_people = intents::PEOPLE.iter().map(|id| person(id)).collect();
        }
        Ok(standing)
    };
    let (now, then) = (standing(&roles_now)?, standing(&roles_then)?);
    let author = Author {
        now: &now,
        then: &then,
        revoked: u.ratio(1, 16)?,
        foreign_actor: u.ratio(1, 16)?,
    };
    let authority = if u.ratio(1, 8)? {
        Authority::Decided
    } else {
        Authority::Author
    };
    let before = Before {
        document: &parts[n].document,
        document_bytes: if u.ratio(1, 32)? {
            gongdan_core::limits::DOCUMENT_BYTES_MAX
        } else {
            0
        },
        fork: None,
        service: (n > 0 && opener.is_some()).then_some(&parts[0].document),
        opener: opener.as_ref(),
    };
    let word = gate::judge(&before, &changeset, &author, authority);
    let again = gate::judge(&before, &changeset, &author, authority);
    assert_eq!(told(&word), told(&again), "two words on one changeset");
    let Judged::Admitted(admitted) = word else {
        return Ok(());
    };
    let powerless = roles_now.iter().all(|role| *role == Role::Auditor)
        && roles_then.iter().all(|role| *role == Role::Auditor);
    assert!(
        authority == Authority::Decided || !(powerless || author.revoked),
        "somebody without a right wrote"
    );
    assert!(!author.foreign_actor, "somebody wrote as another");
    let at_tip = admitted.at_tip();
    let (bound, commands) = (admitted.document_bytes(), admitted.commands().len());
    keys.extend(
        admitted
            .command_ids()
            .map(|id| ItemKey::new(id.actor, id.ordinal)),
    );
    let mut fork = admitted.into_fork();
    let part = &mut parts[n];
    if at_tip {
        part.document = fork;
    } else {
        part.document.merge(&mut fork);
    }
    let bytes = part.document.plain_bytes();
    let grew = bytes.saturating_sub(part.bytes);
    assert!(
        grew <= gate::grows_by_max(changeset.body.len(), commands),
        "{grew} bytes more"
    );
    assert!(bound <= gongdan_core::limits::DOCUMENT_BYTES_MAX);
    if n == 0 && opener.is_none() {
        *opener = Some(changeset.header.person.clone());
    }
    part.bytes = bytes;
    part.bases.push(part.document.heads());
    part.admitted.push(changeset);
    Ok(())
}

/// A changeset of `who`, mostly with the pin that execution gives.
fn composed(
    u: &mut Unstructured<'_>,
    part: &PartSoFar,
    who: &PersonId,
    keys: &[ItemKey],
) -> Result<Changeset> {
    let mut header = header(who.clone(), part.document.part());
    header.base = match u.int_in_range(0..=7u8)? {
        0..=4 => part.document.heads(),
        5 | 6 => intents::pick(u, &part.bases)?,
        _ => vec![ChangeHash(u.arbitrary()?)],
    };
    header.actor = testing::actor(u.int_in_range(2..=6u8)?);
    header.at = intents::time(u)?;
    header.catalogue = u.arbitrary()?;
    let mut fork = part.document.fork_at(&header.base);
    header.first_sequence = fork
        .as_ref()
        .map_or(1, |fork| fork.sequence_of(header.actor) + 1);
    if u.ratio(1, 32)? {
        header.first_sequence = u.arbitrary()?;
    }
    let mut commands = Vec::new();
    for ordinal in 0..u.int_in_range(1..=COMMANDS_MAX as u32)? {
        let id = CommandId {
            actor: header.actor,
            ordinal: header.first_sequence.saturating_add(ordinal),
        };
        let authored = Authored {
            id,
            at: header.at,
            command: intents::command(u, keys)?,
        };
        if let Some(fork) = &mut fork
            && let Ok(executed) = fork.execute(header.actor, &authored)
        {
            header.pin = pin(executed.hash);
        }
        commands.push(authored);
    }
    if u.ratio(1, 32)? {
        header.pin = u.arbitrary()?;
    }
    Ok(changeset(header, &commands))
}

fn changeset(header: Header, commands: &[Authored]) -> Changeset {
    let body = encode_body(header.actor, header.first_sequence, header.at, commands);
    Changeset {
        header,
        body,
        salt: [7; 16],
        signature: [0; 64],
    }
}

fn header(person: PersonId, part: Part) -> Header {
    Header {
        version: 1,
        ticket: testing::ticket(1),
        part,
        device: DeviceId::from_bytes([8; 16]),
        person,
        actor: testing::actor(2),
        first_sequence: 1,
        base: Vec::new(),
        at: testing::at(0),
        body: [0; 32],
        pin: [0; 16],
        catalogue: 1,
        device_sequence: 1,
        previous: [0; 16],
        anchor: Timestamp(0),
        act: None,
        replaces: None,
    }
}

/// A word in a form that can be compared.
fn told(word: &Judged) -> String {
    match word {
        Judged::Admitted(admitted) => format!(
            "admitted {:?} {} {}",
            admitted.fork().heads(),
            admitted.at_tip(),
            admitted.marked()
        ),
        Judged::Held(why) => format!("held {why:?}"),
        Judged::Quarantined { reason, changes } => format!("quarantined {reason:?} {changes:?}"),
        Judged::Refused { command, reason } => format!("refused {command} {reason:?}"),
    }
}

/// From the admitted changesets alone the same document comes out, and it saves and loads as it is.
fn whole(part: &PartSoFar, begun: &PartSoFar) {
    if part.admitted.is_empty() {
        return;
    }
    let mut document = begun.document.clone();
    for changeset in &part.admitted {
        let header = &changeset.header;
        let mut fork = document.fork_at(&header.base).expect("an admitted base");
        for authored in changeset.commands().expect("admitted commands") {
            fork.execute(header.actor, &authored)
                .expect("an admitted command executes");
        }
        document.merge(&mut fork);
    }
    assert_eq!(document.heads(), part.document.heads());
    let saved = part.document.save();
    let loaded = TicketDoc::load(document.part(), &saved).expect("what was saved loads");
    assert_eq!(loaded.heads(), document.heads());
}
