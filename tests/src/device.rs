//! A device that is not a replica: it signs what it is told to, the impossible included.
//!
//! Invariant: its signatures are real; what the server makes of it is the server's own doing.

use gongdan_core::clock::Timestamp;
use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ActorId, ChangeHash, CommandId, TicketId};
use gongdan_core::replica::Identity;
use gongdan_core::sync::changeset::{self, Changeset, Header, Link, body_hash, pin};
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::protocol::{BaseHint, Outgoing, Request, Response};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::sync::wire::{decode_response, encode_request};
use gongdan_core::ticket::{Authored, Command};
use gongdan_server::relay::SyncError;

use crate::office::Office;

/// The device.
pub struct TestDevice {
    /// Who it says it is.
    pub identity: Identity,
    /// Its key.
    pub key: DeviceKey,
    /// Who writes.
    pub actor: ActorId,
    /// The number of its last changeset.
    pub device_sequence: u32,
    /// What the next one names.
    pub link: Link,
}

impl TestDevice {
    /// A fresh device of `person`, enrolled.
    pub fn enrolled(office: &Office, person: &str, n: u8) -> Self {
        let key = DeviceKey::from_bytes(&[n; 32]);
        let identity = office.enrol(person, &key);
        Self {
            identity,
            key,
            actor: ActorId([n; 16]),
            device_sequence: 0,
            link: [0; 16],
        }
    }

    /// Commands executed on `doc` at its tip, and sealed as the device's next changeset. `bend` may change
    /// the header before it is signed.
    pub fn changeset(
        &mut self,
        ticket: TicketId,
        doc: &mut TicketDoc,
        at: Timestamp,
        commands: Vec<Command>,
        bend: impl FnOnce(&mut Header),
    ) -> Changeset {
        let base = doc.heads();
        let first_sequence = doc.sequence_of(self.actor) + 1;
        let mut last = ChangeHash([0; 32]);
        let mut authored = Vec::new();
        for (ordinal, command) in (first_sequence..).zip(commands) {
            let one = Authored {
                id: CommandId {
                    actor: self.actor,
                    ordinal,
                },
                at,
                command,
            };
            if let Ok(executed) = doc.execute(self.actor, &one) {
                last = executed.hash;
            }
            authored.push(one);
        }
        let body = changeset::encode_body(self.actor, first_sequence, at, &authored);
        self.seal(ticket, doc, at, base, first_sequence, last, body, bend)
    }

    /// Any bytes as a body, signed.
    #[expect(clippy::too_many_arguments, reason = "what a header is made of")]
    pub fn seal(
        &mut self,
        ticket: TicketId,
        doc: &TicketDoc,
        at: Timestamp,
        base: Vec<ChangeHash>,
        first_sequence: u32,
        last: ChangeHash,
        body: Vec<u8>,
        bend: impl FnOnce(&mut Header),
    ) -> Changeset {
        let salt = [7; 16];
        let mut header = Header {
            version: 1,
            ticket,
            part: doc.part(),
            device: self.identity.device,
            person: self.identity.person.clone(),
            actor: self.actor,
            first_sequence,
            base,
            at,
            body: body_hash(&salt, &body),
            pin: pin(last),
            catalogue: 1,
            device_sequence: self.device_sequence + 1,
            previous: self.link,
            anchor: Timestamp(0),
            act: None,
            replaces: None,
        };
        bend(&mut header);
        // By the protocol's description, not by the code under test.
        let mut message = b"gongdan changeset v1\n".to_vec();
        message.extend_from_slice(&codec::encode(&header));
        let signature = self.key.sign(&message);
        let changeset = Changeset {
            header,
            body,
            salt,
            signature,
        };
        self.device_sequence = changeset.header.device_sequence;
        self.link = changeset.link();
        changeset
    }

    /// The bytes of a request that carries these, everything spelled out.
    pub fn request(&self, changesets: &[Changeset]) -> Vec<u8> {
        let changesets = changesets.iter().map(|changeset| Outgoing {
            base: BaseHint::Explicit(changeset.header.base.clone()),
            changeset: changeset.clone(),
            ticket_index: None,
        });
        encode_request(&Request {
            cursor: Vec::new(),
            catalogue: 0,
            directory: 0,
            want: Vec::new(),
            changesets: changesets.collect(),
            given_back: Default::default(),
            unsent: None,
            sheet_log: None,
        })
    }

    /// Sends these; what is answered.
    ///
    /// # Errors
    /// The relay's.
    pub fn send(&self, office: &Office, changesets: &[Changeset]) -> Result<Response, SyncError> {
        let answer = office.sync(self.identity.device, &self.request(changesets))?;
        Ok(decode_response(&answer, |_| None)
            .expect("an answer to a device that knows nothing is whole"))
    }

    /// Sends these; the verdict on each.
    ///
    /// # Panics
    /// The relay does not take them, or tells no verdict.
    pub fn verdicts(&self, office: &Office, changesets: &[Changeset]) -> Vec<Verdict> {
        let response = self
            .send(office, changesets)
            .expect("well-formed changesets of an enrolled device");
        let verdict_on = |sequence| {
            let told = response
                .verdicts
                .iter()
                .find(|told| told.device_sequence == sequence);
            told.expect("a verdict on every changeset").verdict.clone()
        };
        changesets
            .iter()
            .map(|changeset| verdict_on(changeset.header.device_sequence))
            .collect()
    }
}
