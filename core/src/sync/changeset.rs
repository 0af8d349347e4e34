//! Changesets: commands of one device on one part, sealed by its signature.
//!
//! Invariant: the signature covers a header that holds the salted hash of the body, so that a body
//! with personal data can be erased while the header still verifies. The commands form a chain: each
//! is executed on what the one before made.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::codec::{self, Malformed};
use super::keys::{DeviceKey, PublicKey, Signature};
use super::strict;
use crate::clock::Timestamp;
use crate::ids::{
    ActorId, ChangeHash, ChangesetHash, CommandId, DeviceId, Part, PartRef, PersonId, TicketId,
};
use crate::limits;
use crate::ticket::Authored;
use crate::ticket::command::Command;

/// First bytes of a change's hash: enough to tell that executions agree.
pub type Pin = [u8; 16];
/// First bytes of the hash of a device's previous changeset; zeros before its first.
pub type Link = [u8; 16];
/// A [`Link`] as it travels on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct LinkBytes(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    Link,
);

impl From<Link> for LinkBytes {
    fn from(link: Link) -> Self {
        Self(link)
    }
}

impl From<LinkBytes> for Link {
    fn from(link: LinkBytes) -> Self {
        link.0
    }
}

/// What the body's hash is salted with.
pub type Salt = [u8; 16];

/// The other changesets of an act that spans parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ActLink {
    /// Device sequence number of the act's first changeset.
    #[n(0)]
    pub first: u32,
    /// How many changesets the act has; they follow one another.
    #[n(1)]
    pub count: u32,
}

/// What is signed. Fields are in the order of their codes; the encoding is a CBOR array.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// Version of this layout: 1.
    #[n(0)]
    pub version: u32,
    /// The ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// The part.
    #[n(2)]
    pub part: Part,
    /// Who sealed it.
    #[n(3)]
    pub device: DeviceId,
    /// Who meant it.
    #[n(4)]
    pub person: PersonId,
    /// Who wrote the changes.
    #[n(5)]
    pub actor: ActorId,
    /// That actor's sequence number, in this document, of the first change.
    #[n(6)]
    pub first_sequence: u32,
    /// The heads that the first command was executed on, sorted.
    #[n(7)]
    pub base: Vec<ChangeHash>,
    /// Claimed time of the first command.
    #[n(8)]
    pub at: Timestamp,
    /// SHA-256 of salt and body.
    #[n(9)]
    #[cbor(with = "minicbor::bytes")]
    pub body: [u8; 32],
    /// First bytes of the hash of the last change; it pins those before.
    #[n(10)]
    #[cbor(with = "minicbor::bytes")]
    pub pin: Pin,
    /// The catalogue version that the author had.
    #[n(11)]
    pub catalogue: u32,
    /// Counted from 1 over all changesets of the device.
    #[n(12)]
    pub device_sequence: u32,
    /// The changeset before it.
    #[n(13)]
    #[cbor(with = "minicbor::bytes")]
    pub previous: Link,
    /// Newest signed server time that the device had seen; 0 before any.
    #[n(14)]
    pub anchor: Timestamp,
    /// Set where an act spans parts.
    #[n(15)]
    pub act: Option<ActLink>,
    /// The held changeset of the same device whose commands this one authors anew.
    #[n(16)]
    pub replaces: Option<ChangesetHash>,
}

impl Header {
    /// The document it is about.
    pub const fn part_ref(&self) -> PartRef {
        PartRef {
            ticket: self.ticket,
            part: self.part,
        }
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut message = b"gongdan changeset v1\n".to_vec();
        message.extend_from_slice(&codec::encode(self));
        message
    }
}

/// A changeset as it travels and is kept: header, body, signature. Not yet verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Changeset {
    /// What is signed.
    #[n(0)]
    pub header: Header,
    /// The commands, encoded.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// What the body's hash is salted with.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: Salt,
    /// The device's signature.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
}

/// A command in a body.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct BodyCommand {
    /// Seconds since the command before; since the header's time for the first.
    #[n(0)]
    seconds: i64,
    #[n(1)]
    command: Command,
    /// Only where it is not (header's actor, sequence).
    #[n(2)]
    id: Option<CommandId>,
}

/// Why a body gives no commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// A command that this version does not know: to be held, not refused.
    UnknownCommand,
    /// Not of its form, or past a limit.
    Malformed,
}

/// Encodes the commands of a body; `at` is the header's time.
pub fn encode_body(
    actor: ActorId,
    first_sequence: u32,
    at: Timestamp,
    commands: &[Authored],
) -> Vec<u8> {
    let mut before = at;
    let mut body = Vec::with_capacity(commands.len());
    for (place, authored) in (0..).zip(commands) {
        // Past the last sequence none is derived.
        let sequence = first_sequence.checked_add(place);
        let derived = sequence.map(|ordinal| CommandId { actor, ordinal });
        body.push(BodyCommand {
            seconds: authored.at.seconds().saturating_sub(before.seconds()),
            command: authored.command.clone(),
            id: (Some(authored.id) != derived).then_some(authored.id),
        });
        before = authored.at;
    }
    codec::encode(&body)
}

/// The hash of a body that stands in the header.
pub fn body_hash(salt: &Salt, body: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(body)
        .finalize()
        .into()
}

/// First bytes of a change's hash.
pub fn pin(hash: ChangeHash) -> Pin {
    *hash.0.first_chunk().expect("32 bytes have 16")
}

impl Changeset {
    /// Seals `commands` with `header`, whose `body` is filled in here.
    pub fn seal(mut header: Header, commands: &[Authored], salt: Salt, key: &DeviceKey) -> Self {
        let body = encode_body(header.actor, header.first_sequence, header.at, commands);
        header.body = body_hash(&salt, &body);
        let signature = key.sign(&header.signed_bytes());
        Self {
            header,
            body,
            salt,
            signature,
        }
    }

    /// Its name.
    pub fn hash(&self) -> ChangesetHash {
        let header = codec::encode(&self.header);
        ChangesetHash(
            Sha256::new()
                .chain_update(header)
                .chain_update(self.signature)
                .finalize()
                .into(),
        )
    }

    /// What the device's next changeset refers to.
    pub fn link(&self) -> Link {
        *self.hash().0.first_chunk().expect("32 bytes have 16")
    }

    /// Whether the body is the one that the header names.
    pub fn body_matches(&self) -> bool {
        self.header.body == body_hash(&self.salt, &self.body)
    }

    /// Whether `key` signed this header, and the body is the one that it names.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.body_matches() && self.header_is_signed_by(key)
    }

    /// Whether `key` signed this header, whatever has become of the body.
    pub fn header_is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(&self.header.signed_bytes(), &self.signature)
    }

    /// The commands.
    pub fn commands(&self) -> Result<Vec<Authored>, BodyError> {
        if self.body.len() > limits::CHANGESET_BYTES_MAX {
            return Err(BodyError::Malformed);
        }
        // Only an array of commands whose number is within the limit is read at all.
        let mut decoder = minicbor::Decoder::new(&self.body);
        let count = decoder.array().ok().flatten().ok_or(BodyError::Malformed)?;
        if count == 0 || count > limits::CHANGESET_COMMANDS_MAX as u64 {
            return Err(BodyError::Malformed);
        }
        strict::check(&self.body, limits::CHANGESET_ITEMS_MAX).map_err(|_| BodyError::Malformed)?;
        let body: Vec<BodyCommand> = match minicbor::decode(&self.body) {
            Ok(body) => body,
            Err(e) if e.is_unknown_variant() => return Err(BodyError::UnknownCommand),
            Err(_) => return Err(BodyError::Malformed),
        };
        if codec::encode(&body) != self.body {
            return Err(BodyError::Malformed);
        }
        let too_long =
            |entry: &BodyCommand| codec::encode(&entry.command).len() > limits::COMMAND_BYTES_MAX;
        // A body that is short has no command that is long.
        if self.body.len() > limits::COMMAND_BYTES_MAX && body.iter().any(too_long) {
            return Err(BodyError::Malformed);
        }
        #[cfg(any(test, feature = "testing"))]
        if body
            .iter()
            .any(|entry| crate::testing::is_of_a_later_version(&entry.command))
        {
            return Err(BodyError::UnknownCommand);
        }
        let mut at = self.header.at;
        let mut commands = Vec::with_capacity(body.len());
        for (place, entry) in (0..).zip(body) {
            at = at.plus(entry.seconds);
            let sequence = self.header.first_sequence.checked_add(place);
            let derived = CommandId {
                actor: self.header.actor,
                ordinal: sequence.ok_or(BodyError::Malformed)?,
            };
            // An id that says what is known is another encoding of the same.
            if entry.id == Some(derived) {
                return Err(BodyError::Malformed);
            }
            commands.push(Authored {
                id: entry.id.unwrap_or(derived),
                at,
                command: entry.command,
            });
        }
        Ok(commands)
    }

    /// What can be said of a header alone.
    pub fn check_form(&self) -> Result<(), Malformed> {
        let header = &self.header;
        let sorted = header.base.windows(2).all(|pair| pair[0] < pair[1]);
        let act_fits = header.act.is_none_or(|act| {
            (2..=3).contains(&act.count)
                && act.first <= header.device_sequence
                && header.device_sequence - act.first < act.count
        });
        if header.version != 1
            || header.first_sequence == 0
            || header.device_sequence == 0
            || !act_fits
        {
            return Err(Malformed::Form);
        }
        if !sorted || header.base.is_empty() || header.base.len() > limits::BASE_HEADS_MAX {
            return Err(Malformed::Form);
        }
        if self.body.len() > limits::CHANGESET_BYTES_MAX {
            Err(Malformed::TooLarge)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::testing::{self, Author};

    fn sealed() -> (Changeset, DeviceKey, Vec<Authored>) {
        let key = DeviceKey::from_bytes(&[3; 32]);
        let mut author = Author::new(5);
        let commands = vec![
            author.author(testing::open()),
            author.author(Command::WriteNote {
                part: Part::Service,
                text: "备注".to_owned(),
            }),
            Authored {
                id: CommandId {
                    actor: testing::actor(9),
                    ordinal: 4,
                },
                ..author.author(Command::CountVisit)
            },
        ];
        let header = Header {
            version: 1,
            ticket: testing::ticket(1),
            part: Part::Service,
            device: DeviceId::from_bytes([8; 16]),
            person: testing::person("W001"),
            actor: author.actor,
            first_sequence: 1,
            base: vec![ChangeHash([1; 32])],
            at: commands[0].at,
            body: [0; 32],
            pin: [2; 16],
            catalogue: 1,
            device_sequence: 1,
            previous: [0; 16],
            anchor: Timestamp(0),
            act: None,
            replaces: None,
        };
        (
            Changeset::seal(header, &commands, [7; 16], &key),
            key,
            commands,
        )
    }

    #[test]
    fn sealed_commands_read_back_and_verify() {
        let (changeset, key, commands) = sealed();
        assert!(changeset.is_signed_by(&key.public()));
        assert_eq!(changeset.commands().unwrap(), commands);
        assert_eq!(changeset.check_form(), Ok(()));
    }

    #[test]
    fn any_other_byte_in_header_or_body_fails() {
        let (changeset, key, _) = sealed();
        let bytes = codec::encode(&changeset);
        for i in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[i] ^= 1;
            if let Ok(bent) = codec::decode::<Changeset>(&bent) {
                assert!(!bent.is_signed_by(&key.public()), "byte {i}");
            }
        }
    }

    #[test]
    fn an_id_that_says_what_is_known_and_a_sequence_past_the_last_are_malformed() {
        let (mut changeset, _, mut commands) = sealed();
        let header = &changeset.header;
        // A command of the second place, put first: its id is spelled out.
        let spelled = encode_body(header.actor, 1, header.at, &commands[1..2]);
        commands[1].id.ordinal = 1;
        let left_out = encode_body(header.actor, 1, header.at, &commands[1..2]);
        assert!(spelled.len() > left_out.len());
        changeset.body = spelled;
        assert!(changeset.commands().is_ok());
        changeset.header.first_sequence = 2;
        assert_eq!(changeset.commands(), Err(BodyError::Malformed));
        changeset.body = encode_body(changeset.header.actor, 1, Timestamp(0), &sealed().2[..2]);
        changeset.header.first_sequence = u32::MAX - 1;
        assert!(changeset.commands().is_ok());
        changeset.header.first_sequence = u32::MAX;
        assert_eq!(changeset.commands(), Err(BodyError::Malformed));
    }

    #[test]
    fn a_command_of_a_later_version_is_told_from_garbage() {
        let (mut changeset, ..) = sealed();
        changeset.body = vec![0x81, 0x82, 0x00, 0x81, 0x18, 0xc8];
        assert_eq!(changeset.commands(), Err(BodyError::UnknownCommand));
        changeset.body = vec![0x81, 0x82, 0x00, 0x61, 0x41];
        assert_eq!(changeset.commands(), Err(BodyError::Malformed));
        changeset.body = vec![0x80];
        assert_eq!(
            changeset.commands(),
            Err(BodyError::Malformed),
            "no commands"
        );
    }

    #[test]
    fn a_command_more_than_the_limit_is_malformed() {
        let (mut changeset, ..) = sealed();
        let one = testing::Author::new(1).author(Command::CountVisit);
        let many = |n: usize| encode_body(changeset.header.actor, 1, one.at, &vec![one.clone(); n]);
        let (at, past) = (
            many(limits::CHANGESET_COMMANDS_MAX),
            many(limits::CHANGESET_COMMANDS_MAX + 1),
        );
        changeset.body = at;
        assert!(changeset.commands().is_ok());
        changeset.body = past;
        assert_eq!(changeset.commands(), Err(BodyError::Malformed));
    }
}
