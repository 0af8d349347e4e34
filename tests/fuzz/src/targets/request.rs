//! A sync request as the server takes it in, up to where a signature is checked.
//!
//! Promises: no panic; what is decoded keeps the limits of `core/src/limits.rs`; a resolved changeset encodes
//! back to itself.

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ChangeHash, DeviceId, PartRef, TicketId};
use gongdan_core::limits;
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use gongdan_core::sync::wire::{Resolver, decode_request};
use gongdan_core::testing;

/// A server that has every ticket up to 1,000, each as its genesis.
struct Everything;

impl Resolver for Everything {
    type Error = ();

    fn ticket(&self, index: u64) -> Result<Option<TicketId>, ()> {
        Ok((index <= 1_000).then(|| testing::ticket((index & 0xff) as u8)))
    }

    fn heads_at(&self, part: PartRef, _: Option<u64>) -> Result<Option<Vec<ChangeHash>>, ()> {
        Ok(Some(TicketDoc::genesis(part.part).heads()))
    }
}

/// Runs it once.
pub fn run(data: &[u8]) {
    let Ok(received) = decode_request(data) else {
        return;
    };
    assert!(data.len() <= limits::REQUEST_BYTES_MAX);
    assert!(received.want.len() <= limits::REQUEST_CHANGESETS_MAX);
    assert!(received.incoming.len() <= limits::REQUEST_CHANGESETS_MAX);
    assert!(received.given_back.carried.len() <= limits::REQUEST_CHANGESETS_MAX);
    received.given_back.carried.iter().for_each(sound);
    let device = DeviceId::from_bytes([8; 16]);
    let Ok(changesets) = received
        .incoming
        .resolve(device, &testing::person("W001"), &Everything)
    else {
        return;
    };
    for changeset in changesets {
        assert!(changeset.body_matches());
        sound(&changeset);
    }
}

fn sound(changeset: &Changeset) {
    assert!(changeset.check_form().is_ok());
    let bytes = codec::encode(changeset);
    assert_eq!(codec::decode::<Changeset>(&bytes).as_ref(), Ok(changeset));
    super::changeset::check(changeset);
}
