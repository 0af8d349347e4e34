//! What a phone cannot send any more arrives by a rescue file, brought by another phone or by the office; each
//! command takes effect once, whoever brings it and however often.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::ids::TicketId;
use gongdan_core::replica::Unsent;
use gongdan_core::rescue::{Reader, RescueError};
use gongdan_core::store::BlobState;
use gongdan_tests::link::Fate;
use gongdan_tests::world::{World, note};

const PASSPHRASE: &str = "雨夜里还亮着的那盏灯是维修站";
const PHOTO: &[u8] = b"\xff\xd8 what the camera gave";

/// A phone with an accepted ticket, two notes and a photo that nobody else has, one of the notes on its way.
fn stranded() -> (World, TicketId) {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    world.fate(0, &[Fate::LosesRequest]);
    world.exchange(0);
    world.act(0, id, note("二"));
    let replica = world.phones[0].replica();
    replica.add_blob(id, "image/jpeg", PHOTO).unwrap();
    (world, id)
}

fn file(world: &mut World, phone: usize) -> Vec<u8> {
    let now = world.now();
    let replica = world.phones[phone].replica();
    let file = replica.write_rescue(now, PASSPHRASE, Vec::new()).unwrap();
    let again = replica.write_rescue(now, PASSPHRASE, Vec::new()).unwrap();
    assert_ne!(file, again, "salt and nonce are fresh each time");
    assert_eq!(file.len(), again.len());
    file
}

fn bring_in(world: &mut World, file: &[u8]) -> gongdan_server::relay::BroughtIn {
    let reader = Reader::open(file, PASSPHRASE).unwrap();
    let now = world.now();
    let relay = world.office.relay();
    relay.bring_in(now, &reader.manifest().changesets).unwrap()
}

fn notes(world: &World, id: TicketId) -> usize {
    world.office.ticket(id).notes.len()
}

#[test]
fn what_is_in_a_rescue_file_is_not_lost_with_the_phone_and_what_came_after_it_is_said() {
    let (mut world, id) = stranded();
    let unsent = Unsent {
        commands: 2,
        carried: 0,
        blobs: 1,
        blob_bytes: PHOTO.len() as u64,
        tickets: 1,
    };
    assert_eq!(world.phones[0].replica().unsent().unwrap(), unsent);
    let file = file(&mut world, 0);
    let replica = world.phones[0].replica();
    assert_eq!(
        replica.unsent().unwrap(),
        unsent,
        "written is not yet read back"
    );
    for damaged in [&file[..file.len() - 1], &file[..200], b""] {
        assert!(replica.confirm_rescue(damaged, PASSPHRASE).is_err());
    }
    let wrong = replica.confirm_rescue(&file[..], "另一句口令也有十二个字");
    assert!(matches!(wrong, Err(RescueError::WrongPassphrase)));
    assert_eq!(replica.unsent().unwrap(), unsent);
    replica.confirm_rescue(&file[..], PASSPHRASE).unwrap();
    assert!(replica.unsent().unwrap().is_empty());
    world.phones[0].reopen();
    assert!(world.phones[0].replica().unsent().unwrap().is_empty());
    world.act(0, id, note("三"));
    let unsent = world.phones[0].replica().unsent().unwrap();
    assert_eq!((unsent.commands, unsent.blobs), (1, 0));
    // Another phone's file says nothing about this one.
    let replica = world.phones[1].replica();
    assert!(matches!(
        replica.confirm_rescue(&file[..], PASSPHRASE),
        Err(RescueError::Malformed)
    ));
    let hash = world.phones[0].replica().unsent_blobs().unwrap()[0].hash;
    world.phones[0].replica().mark_blob_sent(hash).unwrap();
    world.finish();
}

#[test]
fn another_phone_brings_a_rescue_file_and_its_own_phone_never_comes_back() {
    let (mut world, id) = stranded();
    let file = file(&mut world, 0);
    world.phones[0].lost = true;
    let replica = world.phones[1].replica();
    let manifest = replica.bring_rescue(&file[..], PASSPHRASE).unwrap();
    assert_eq!(manifest.person.as_str(), "W001");
    let unsent = replica.unsent().unwrap();
    assert_eq!(unsent.carried as usize, manifest.changesets.len());
    assert_eq!(unsent.blobs, 1, "the photo goes by this phone too");
    // It can be handed on once more: its own rescue file holds what it carries.
    let now = world.now();
    let replica = world.phones[1].replica();
    let handed_on = replica.write_rescue(now, PASSPHRASE, Vec::new()).unwrap();
    let reader = Reader::open(&handed_on[..], PASSPHRASE).unwrap();
    assert_eq!(reader.manifest().changesets, manifest.changesets);
    assert_eq!(notes(&world, id), 0);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    let replica = world.phones[1].replica();
    assert_eq!(replica.unsent().unwrap().carried, 0);
    let blobs = replica.unsent_blobs().unwrap();
    assert_eq!(blobs.len(), 1);
    let read = replica.read_blob(blobs[0].hash, 0, 1_000).unwrap();
    assert_eq!(read.as_deref(), Some(PHOTO));
    assert_eq!(blobs[0].state, BlobState::Unsent);
    world.finish();
}

#[test]
fn phone_courier_and_office_bring_the_same_and_each_command_takes_effect_once() {
    let (mut world, id) = stranded();
    let file = file(&mut world, 0);
    let first = bring_in(&mut world, &file);
    assert_eq!((first.new, first.strange), (2, 0));
    assert_eq!(first.states.get("admitted"), Some(&2));
    assert_eq!(notes(&world, id), 2);
    let second = bring_in(&mut world, &file);
    assert_eq!(second.new, 0);
    assert_eq!(second.states, first.states);
    let replica = world.phones[1].replica();
    replica.bring_rescue(&file[..], PASSPHRASE).unwrap();
    replica.bring_rescue(&file[..], PASSPHRASE).unwrap();
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    assert_eq!(world.office.inbox("quarantined"), []);
    assert_eq!(world.phones[0].counts().in_flight, 0, "it heard of it");
    for phone in [0, 1] {
        for blob in world.phones[phone].replica().unsent_blobs().unwrap() {
            let replica = world.phones[phone].replica();
            replica.mark_blob_sent(blob.hash).unwrap();
        }
    }
    world.finish();
}

#[test]
fn what_a_restored_phone_sends_again_after_its_file_came_in_takes_effect_once() {
    let (mut world, id) = stranded();
    let before = world.phones[0].backup();
    let file = file(&mut world, 0);
    bring_in(&mut world, &file);
    assert_eq!(notes(&world, id), 2);
    // Put back to before the file was made: it seals the same commands again, under the same numbers.
    world.phones[0].restore(before);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    assert_eq!(world.office.inbox("quarantined"), []);
    let hash = world.phones[0].replica().unsent_blobs().unwrap()[0].hash;
    world.phones[0].replica().mark_blob_sent(hash).unwrap();
    world.finish();
}

#[test]
fn what_its_author_did_not_sign_is_left_out_and_the_rest_comes_in() {
    let (mut world, id) = stranded();
    let file = file(&mut world, 0);
    let reader = Reader::open(&file[..], PASSPHRASE).unwrap();
    let mut changesets = reader.manifest().changesets.clone();
    let mut forged = changesets[0].clone();
    forged.signature[3] ^= 1;
    changesets.insert(0, forged);
    let now = world.now();
    let brought = world.office.relay().bring_in(now, &changesets).unwrap();
    assert_eq!((brought.new, brought.strange), (2, 1));
    assert_eq!(notes(&world, id), 2);
    let hash = world.phones[0].replica().unsent_blobs().unwrap()[0].hash;
    world.phones[0].replica().mark_blob_sent(hash).unwrap();
    world.finish();
}
