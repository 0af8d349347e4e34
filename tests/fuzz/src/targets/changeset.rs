//! A changeset: as the inbox keeps it, and its body alone, which is what a device's signature vouches for
//! and nothing else does.
//!
//! Promises: no panic; one encoding; limits; a command that passes its checks can be shown as JSON.

use gongdan_core::clock::Timestamp;
use gongdan_core::document;
use gongdan_core::ids::{ChangeHash, DeviceId, Part};
use gongdan_core::limits;
use gongdan_core::sync::changeset::{Changeset, Header, encode_body};
use gongdan_core::sync::codec;
use gongdan_core::testing;

/// Runs it once.
pub fn run(data: &[u8]) {
    if let Ok(changeset) = codec::decode::<Changeset>(data) {
        assert_eq!(codec::encode(&changeset), data);
        let named = changeset.hash();
        assert_eq!(changeset.link()[..], named.0[..16]);
        let _whatever = changeset.check_form();
        check(&changeset);
    }
    check(&Changeset {
        header: header(),
        body: data.to_vec(),
        salt: [7; 16],
        signature: [9; 64],
    });
}

/// What holds of every body that gives commands.
pub(super) fn check(changeset: &Changeset) {
    let Ok(commands) = changeset.commands() else {
        return;
    };
    let header = &changeset.header;
    assert!((1..=limits::CHANGESET_COMMANDS_MAX).contains(&commands.len()));
    assert!(changeset.body.len() <= limits::CHANGESET_BYTES_MAX);
    // Where no time ran over there is one encoding of the commands.
    let far = |at: Timestamp| at.seconds().unsigned_abs() > 1 << 60;
    if header.first_sequence <= u32::MAX - 500 && !commands.iter().any(|c| far(c.at)) {
        let again = encode_body(header.actor, header.first_sequence, header.at, &commands);
        assert_eq!(again, changeset.body);
    }
    for authored in &commands {
        let command = &authored.command;
        assert!(codec::encode(command).len() <= limits::COMMAND_BYTES_MAX);
        let _which = (command.part(), command.action());
        let json = serde_json::to_string(command);
        if document::check(command).is_ok() {
            assert!(json.is_ok(), "a lawful command that cannot be shown");
        }
    }
}

fn header() -> Header {
    Header {
        version: 1,
        ticket: testing::ticket(1),
        part: Part::Service,
        device: DeviceId::from_bytes([8; 16]),
        person: testing::person("W001"),
        actor: testing::actor(1),
        first_sequence: 1,
        base: vec![ChangeHash([1; 32])],
        at: testing::at(0),
        body: [0; 32],
        pin: [2; 16],
        catalogue: 1,
        device_sequence: 1,
        previous: [0; 16],
        anchor: Timestamp(0),
        act: None,
        replaces: None,
    }
}
