//! The attacks: what is sent, and what the server must say to it.

use std::io::Write;

use gongdan_core::clock::Timestamp;
use gongdan_core::document::TicketDoc;
use gongdan_core::ids::CommandId;
use gongdan_core::ids::{ActorId, ChangeHash, Part, TicketId};
use gongdan_core::limits;
use gongdan_core::sync::changeset::{Changeset, encode_body};
use gongdan_core::sync::codec;
use gongdan_core::sync::protocol::{BaseHint, DeviceRecord, GivenBack, Outgoing, Request};
use gongdan_core::sync::wire::{decode_response, encode_request};
use gongdan_core::ticket::{Authored, Command};
use gongdan_tests::device::TestDevice;

use super::Failure;
use super::http::{self, Answer, Connection};
use super::process::Process;
use super::world::{self, HOSTILE, World};

/// Requests of a window beside the honest device; an attacker that has sent them all is silent.
pub(super) const WINDOW_REQUESTS_MAX: usize = 60;
const BATCH: usize = limits::REQUEST_CHANGESETS_MAX;
/// How near its limit a document is filled.
const FULL_BYTES: usize = limits::DOCUMENT_BYTES_MAX - 200_000;

/// One attack.
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// The same bytes again and again.
    pub(super) repeats: bool,
    /// In one request.
    pub(super) changesets: usize,
    /// What the server must answer.
    status: u16,
    /// The problem's code, or the verdict on every changeset; empty where there is none.
    says: &'static str,
    /// What comes before it and is not measured.
    before: fn(&mut Attacker, &World) -> Result<(), Failure>,
    body: fn(&mut Attacker) -> Vec<u8>,
}

const fn refused(
    name: &'static str,
    status: u16,
    says: &'static str,
    body: fn(&mut Attacker) -> Vec<u8>,
) -> Attack {
    Attack {
        name,
        repeats: true,
        changesets: 0,
        status,
        says,
        before: nothing,
        body,
    }
}

const fn judged(
    name: &'static str,
    changesets: usize,
    says: &'static str,
    body: fn(&mut Attacker) -> Vec<u8>,
) -> Attack {
    Attack {
        name,
        repeats: false,
        changesets,
        status: 200,
        says,
        before: nothing,
        body,
    }
}

/// All of them but the slow connections.
pub(super) const ALL: &[Attack] = &[
    refused(
        "a body that decompresses to 2 GiB",
        413,
        "body_too_large",
        bomb,
    ),
    refused("a million items", 413, "body_too_large", items),
    refused(
        "a million arrays within arrays",
        413,
        "body_too_large",
        nesting,
    ),
    refused("2 MB of noise", 400, "malformed_sync", noise),
    judged("400,000 commands in 4 changesets", 4, "refused", commands),
    judged("8 texts of 240 KB", 8, "refused", giants),
    Attack {
        before: fill_notes,
        ..judged("a note written 100,000 times", 200, "refused", notes)
    },
    judged("1,000 orphans", BATCH, "held", orphans),
    Attack {
        before: wait_orphans,
        ..judged("a note where 1,000 orphans wait", 1, "admitted", note)
    },
    Attack {
        before: send_batch,
        repeats: true,
        ..judged("1,000 changesets sent again", BATCH, "held", batch_again)
    },
    Attack {
        before: forge,
        ..refused(
            "1,000 changesets, the last one forged",
            400,
            "bad_signature",
            batch_again,
        )
    },
    Attack {
        before: fill_document,
        ..judged("a note on a document at its limit", 1, "admitted", note)
    },
    Attack {
        before: fill_document,
        ..judged("a note on its oldest heads", 1, "admitted", note_on_oldest)
    },
    Attack {
        before: fill_document,
        ..refused(
            "a first sync of a document at its limit",
            200,
            "",
            first_sync,
        )
    },
];

/// A device that signs whatever it likes.
pub(super) struct Attacker {
    device: TestDevice,
    connection: Connection,
    cursor: Vec<u8>,
    directory: Vec<DeviceRecord>,
    ticket: TicketId,
    document: TicketDoc,
    at: Timestamp,
    /// Heads that were the document's once.
    oldest: Vec<ChangeHash>,
    /// A request that is sent again.
    again: Vec<u8>,
    drawn: u64,
}

fn nothing(_: &mut Attacker, _: &World) -> Result<(), Failure> {
    Ok(())
}

impl Attacker {
    /// A device of a technician with an assigned ticket that has synced once.
    pub(super) fn bare(world: &mut World) -> Result<Self, Failure> {
        let ticket = world.assigned(HOSTILE)?;
        let (identity, key) = world.enrol(HOSTILE)?;
        let (document, at) = world.with(|state| {
            let document = world::document(state, ticket)?;
            Ok((document, state.host.now()))
        })?;
        Ok(Self {
            device: TestDevice {
                identity,
                key,
                actor: ActorId([world.last_device(); 16]),
                device_sequence: 0,
                link: [0; 16],
            },
            connection: Connection::default(),
            cursor: Vec::new(),
            directory: Vec::new(),
            ticket,
            oldest: document.heads(),
            document,
            at,
            again: Vec::new(),
            drawn: 1,
        })
    }

    /// The same, ready for an attack.
    pub(super) fn new(world: &mut World, attack: &Attack) -> Result<Self, Failure> {
        let mut attacker = Self::bare(world)?;
        (attack.before)(&mut attacker, world)?;
        attacker.learn(world)?;
        Ok(attacker)
    }

    /// Syncs until nothing is new, as every phone does at first.
    fn learn(&mut self, world: &World) -> Result<(), Failure> {
        loop {
            let answer = self.sync_here(world, &self.request(&[]))?;
            let answer = decode_response(&answer, |n| self.known(n))?;
            self.cursor = answer.cursor;
            self.directory.extend(answer.devices);
            if !answer.more {
                return Ok(());
            }
        }
    }

    fn known(&self, index: u64) -> Option<DeviceRecord> {
        self.directory.iter().find(|d| d.index == index).cloned()
    }

    /// The requests of an attack.
    pub(super) fn bodies(&mut self, attack: &Attack, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| (attack.body)(self)).collect()
    }

    pub(super) fn authorization(&self, body: &[u8]) -> String {
        http::authorization(self.device.identity.device, &self.device.key, body)
    }

    pub(super) fn post(&self, server: &Process, body: &[u8]) -> Result<Answer, Failure> {
        self.connection
            .post(server, &self.authorization(body), body)
    }

    fn sync_here(&self, world: &World, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let identity = &self.device.identity;
        world.with(|state| world::sync(state, identity.device, &identity.person, body))
    }

    fn request(&self, changesets: &[Changeset]) -> Vec<u8> {
        let changesets = changesets.iter().map(|changeset| Outgoing {
            base: BaseHint::Explicit(changeset.header.base.clone()),
            changeset: changeset.clone(),
            ticket_index: None,
        });
        encode_request(&Request {
            cursor: self.cursor.clone(),
            catalogue: 1,
            directory: self.directory.iter().map(|d| d.index).max().unwrap_or(0),
            want: Vec::new(),
            changesets: changesets.collect(),
            given_back: GivenBack::default(),
            unsent: None,
            sheet_log: None,
        })
    }

    /// Commands at the tip of what this device has.
    fn changeset(&mut self, commands: Vec<Command>) -> Changeset {
        let Self {
            device, document, ..
        } = self;
        device.changeset(self.ticket, document, self.at, commands, |_| {})
    }

    /// A note that rests on what nobody has.
    fn orphan(&mut self) -> Changeset {
        let base = ChangeHash(std::array::from_fn(|_| self.draw() as u8));
        let (actor, at) = (self.device.actor, self.at);
        let one = Authored {
            id: CommandId { actor, ordinal: 1 },
            at,
            command: text("孤儿"),
        };
        let body = encode_body(actor, 1, at, &[one]);
        let Self {
            device, document, ..
        } = self;
        device.seal(self.ticket, document, at, vec![base], 1, base, body, |_| {})
    }

    fn draw(&mut self) -> u64 {
        self.drawn = self
            .drawn
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.drawn >> 33
    }

    fn batch(&mut self) -> Vec<Changeset> {
        (0..BATCH).map(|_| self.orphan()).collect()
    }
}

impl Attack {
    /// Whether the answer is the one that was to come; in words.
    pub(super) fn check(&self, attacker: &Attacker, answer: &Answer) -> Result<String, Failure> {
        if answer.status != 200 {
            let code = answer.code();
            return match (answer.status, code.as_str()) == (self.status, self.says) {
                true => Ok(format!("{} {code}", answer.status)),
                false => Err(format!("{}: answered {} {code}", self.name, answer.status).into()),
            };
        }
        let said = decode_response(&answer.body, |n| attacker.known(n))?;
        let other = said
            .verdicts
            .iter()
            .find(|told| told.verdict.name() != self.says);
        if self.status != 200 || said.verdicts.len() < self.changesets || other.is_some() {
            return Err(
                format!("{}: {} verdicts, {other:?}", self.name, said.verdicts.len()).into(),
            );
        }
        Ok(match self.changesets {
            0 => format!("200, {} bytes", answer.body.len()),
            n => format!("200, {n} {}", self.says),
        })
    }
}

fn text(text: &str) -> Command {
    Command::WriteNote {
        part: Part::Service,
        text: text.to_owned(),
    }
}

fn bomb(_: &mut Attacker) -> Vec<u8> {
    let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("a level of zstd");
    let zeros = vec![0; 1 << 20];
    for _ in 0..2_048 {
        packer.write_all(&zeros).expect("writing to memory");
    }
    codec::framed(1, &packer.finish().expect("writing to memory"), &[])
}

fn items(_: &mut Attacker) -> Vec<u8> {
    let mut section = vec![0x9a];
    section.extend_from_slice(&1_000_000_u32.to_be_bytes());
    section.resize(section.len() + 1_000_000, 0);
    codec::framed(0, &section, &[])
}

fn nesting(_: &mut Attacker) -> Vec<u8> {
    codec::framed(0, &vec![0x81; 1_000_000], &[])
}

fn noise(attacker: &mut Attacker) -> Vec<u8> {
    let noise: Vec<u8> = (0..2_000_000).map(|_| attacker.draw() as u8).collect();
    codec::framed(0, &noise, &[])
}

fn commands(attacker: &mut Attacker) -> Vec<u8> {
    let changesets: Vec<Changeset> = (0..4)
        .map(|_| {
            let (actor, at) = (attacker.device.actor, attacker.at);
            let many: Vec<Authored> = (1..=100_000)
                .map(|ordinal| Authored {
                    id: CommandId { actor, ordinal },
                    at,
                    command: Command::Accept,
                })
                .collect();
            let body = encode_body(actor, 1, at, &many);
            let Attacker {
                device, document, ..
            } = attacker;
            let base = document.heads();
            device.seal(
                attacker.ticket,
                document,
                at,
                base,
                1,
                ChangeHash([0; 32]),
                body,
                |_| {},
            )
        })
        .collect();
    attacker.request(&changesets)
}

fn giants(attacker: &mut Attacker) -> Vec<u8> {
    let changesets: Vec<Changeset> = (0..8)
        .map(|_| attacker.changeset(vec![text(&"长".repeat(80_000))]))
        .collect();
    attacker.request(&changesets)
}

fn five_hundred_notes(attacker: &mut Attacker) -> Changeset {
    attacker.changeset(vec![text("催单"); limits::CHANGESET_COMMANDS_MAX])
}

fn fill_notes(attacker: &mut Attacker, world: &World) -> Result<(), Failure> {
    let full: Vec<Changeset> = (0..limits::ITEMS_MAX / limits::CHANGESET_COMMANDS_MAX)
        .map(|_| five_hundred_notes(attacker))
        .collect();
    attacker
        .sync_here(world, &attacker.request(&full))
        .map(drop)
}

fn notes(attacker: &mut Attacker) -> Vec<u8> {
    let all: Vec<Changeset> = (0..200).map(|_| five_hundred_notes(attacker)).collect();
    attacker.request(&all)
}

fn orphans(attacker: &mut Attacker) -> Vec<u8> {
    let batch = attacker.batch();
    attacker.request(&batch)
}

fn wait_orphans(attacker: &mut Attacker, world: &World) -> Result<(), Failure> {
    let batch = attacker.batch();
    attacker
        .sync_here(world, &attacker.request(&batch))
        .map(drop)
}

fn note(attacker: &mut Attacker) -> Vec<u8> {
    let note = attacker.changeset(vec![text("又一条")]);
    attacker.request(&[note])
}

fn send_batch(attacker: &mut Attacker, world: &World) -> Result<(), Failure> {
    let batch = attacker.batch();
    attacker.again = attacker.request(&batch);
    attacker.sync_here(world, &attacker.again).map(drop)
}

fn forge(attacker: &mut Attacker, _: &World) -> Result<(), Failure> {
    let mut batch = attacker.batch();
    batch.last_mut().expect("a batch").signature[0] ^= 1;
    attacker.again = attacker.request(&batch);
    Ok(())
}

fn batch_again(attacker: &mut Attacker) -> Vec<u8> {
    attacker.again.clone()
}

/// Characters that no compressor makes much of.
fn fill_document(attacker: &mut Attacker, world: &World) -> Result<(), Failure> {
    while attacker.document.plain_bytes() < FULL_BYTES {
        let long = |attacker: &mut Attacker| {
            let any = |attacker: &mut Attacker| {
                char::from_u32(0x4e00 + attacker.draw() as u32 % 0x5000)
                    .expect("a Chinese character")
            };
            let long: String = (0..limits::LONG_TEXT_CHARS_MAX)
                .map(|_| any(attacker))
                .collect();
            text(&long)
        };
        let some: Vec<Command> = (0..20).map(|_| long(attacker)).collect();
        let changeset = attacker.changeset(some);
        attacker.sync_here(world, &attacker.request(&[changeset]))?;
    }
    Ok(())
}

fn note_on_oldest(attacker: &mut Attacker) -> Vec<u8> {
    let mut fork = attacker
        .document
        .fork_at(&attacker.oldest)
        .expect("heads of this document");
    // Somebody who has not written since.
    attacker.device.actor = ActorId(std::array::from_fn(|_| attacker.draw() as u8));
    let Attacker { device, .. } = attacker;
    let note = device.changeset(
        attacker.ticket,
        &mut fork,
        attacker.at,
        vec![text("迟到的一条")],
        |_| {},
    );
    attacker.request(&[note])
}

fn first_sync(attacker: &mut Attacker) -> Vec<u8> {
    attacker.cursor.clear();
    attacker.directory.clear();
    attacker.request(&[])
}
