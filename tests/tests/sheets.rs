//! Signed sheets on phones that come and go: what was signed stands, whatever happens beside it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use gongdan_core::evidence::samples::{moment, signing};
use gongdan_core::evidence::{Language, SheetKind, Signing};
use gongdan_core::ids::{SheetHash, TicketId};
use gongdan_core::replica::{OutboxCounts, Replica, Sealed, SheetError};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::store::{BlobState, Store, StoreError, Work};
use gongdan_core::ticket::{Action, Command, Status};
use gongdan_tests::World;
use gongdan_tests::office::DISPATCHER;
use gongdan_tests::world::assign;

fn complete() -> Command {
    Command::Complete {
        summary: "更换风扇电机".to_owned(),
    }
}

fn quote(amount_fen: i64) -> Command {
    Command::Quote {
        amount_fen,
        explanation: "电机".to_owned(),
    }
}

/// Freezes and seals on a phone at once.
fn sealed(world: &mut World, phone: usize, id: TicketId, how: &Signing) -> Sealed {
    world.wait(60);
    let at = world.now();
    let replica = world.phones[phone].replica();
    let frozen = replica.freeze(id, Language::Zh, 480).unwrap();
    replica.seal(&frozen, how, &moment(at)).unwrap()
}

/// A ticket that W001 has completed, on the phones of both.
fn completed() -> (World, TicketId) {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.act(0, id, quote(30_000));
    world.act(0, id, complete());
    world.run_until_quiescent();
    (world, id)
}

#[test]
fn both_technicians_of_a_crew_have_it_signed_offline_and_both_stand() {
    let (mut world, id) = completed();
    world.cut(0, true);
    world.cut(1, true);
    let first = sealed(&mut world, 0, id, &signing(SheetKind::Ink));
    let second = sealed(&mut world, 1, id, &signing(SheetKind::Paper));
    world.cut(0, false);
    world.cut(1, false);
    world.run_until_quiescent();
    for ticket in [world.office.ticket(id), world.phones[1].ticket(id)] {
        assert_eq!(ticket.status, Status::Confirmed);
        assert_eq!(ticket.confirmations.len(), 2);
        let current: Vec<SheetHash> = ticket.current_sheets().map(|s| s.named.sheet).collect();
        assert_eq!(current.len(), 2);
        assert!(current.contains(&first.hash) && current.contains(&second.hash));
    }
    // Each phone has the bytes of its own, unsent until its host has sent them.
    for (phone, blob) in [(0, first.blob), (1, second.blob)] {
        let unsent = world.phones[phone].replica().unsent_blobs().unwrap();
        assert_eq!(
            unsent.iter().map(|row| row.hash).collect::<Vec<_>>(),
            [blob]
        );
        assert_eq!(unsent[0].state, BlobState::Unsent);
    }
    world.desk(id, Command::Close);
    world.finish();
}

#[test]
fn a_price_changed_while_the_customer_reads_shows_and_has_to_be_signed_before_closing() {
    let (mut world, id) = completed();
    let frozen = world.phones[0]
        .replica()
        .freeze(id, Language::Zh, 480)
        .unwrap();
    world.desk(id, quote(60_000));
    world.run_until_quiescent();
    world.wait(60);
    let at = world.now();
    let replica = world.phones[0].replica();
    let first = replica
        .seal(&frozen, &signing(SheetKind::Ink), &moment(at))
        .unwrap();
    assert!(first.sheet.shown().all(|block| block.text != "¥600.00"));
    world.run_until_quiescent();
    let differs = world.phones[0].replica().differences(&first.sheet).unwrap();
    assert!(
        differs
            .iter()
            .any(|d| d.signed.is_none() && d.ticket.as_deref() == Some("¥600.00"))
    );
    let ticket = world.office.ticket(id);
    assert_eq!(ticket.status, Status::Confirmed);
    assert!(
        world
            .office
            .try_execute(DISPATCHER, id, &Default::default(), Command::Close)
            .is_err(),
        "nobody confirmed the second quote"
    );
    // The correction needs a signature of its own; the first stays what it was.
    let mut again = signing(SheetKind::Ink);
    again.corrects = Some(first.hash);
    let second = sealed(&mut world, 0, id, &again);
    assert_eq!(
        (second.sheet.header.edition, second.sheet.header.running),
        (2, 2)
    );
    assert_eq!(second.sheet.header.previous, first.hash);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!(ticket.sheets.len(), 2);
    let current: Vec<SheetHash> = ticket.current_sheets().map(|s| s.named.sheet).collect();
    assert_eq!(current, [second.hash]);
    let kept = world.phones[0]
        .replica()
        .sheet(first.blob)
        .unwrap()
        .unwrap();
    assert!(kept == first.sheet && kept.is_signed());
    assert_eq!(
        world.phones[0]
            .replica()
            .differences(&second.sheet)
            .unwrap(),
        []
    );
    world.desk(id, Command::Close);
    world.run_until_quiescent();
    world.finish();
}

#[test]
fn a_sheet_stands_where_the_office_has_still_to_decide_what_is_beneath_it() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(0, id, complete());
    let sealed = sealed(&mut world, 0, id, &signing(SheetKind::Ink));
    let named = sealed.sheet.block("basis/commands/service").unwrap();
    assert_ne!(named.value, gongdan_core::evidence::Scalar::Nothing);
    world.phones[0]
        .replica()
        .mark_blob_sent(sealed.blob)
        .unwrap();
    world.desk(id, assign(&["W002"]));
    world.run_until_quiescent();
    world.cut(0, false);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!((ticket.sheets.len(), ticket.confirmations.len()), (1, 0));
    assert_eq!(ticket.sheets[0].named.sheet, sealed.hash);
    let left = world.phones[0].counts();
    assert_eq!(
        left,
        OutboxCounts {
            quarantined: 2,
            ..OutboxCounts::default()
        }
    );
    world.phones[0].leaves = left;
    world.finish();
}

#[test]
fn an_absent_customer_is_recorded_and_nothing_is_confirmed() {
    let (mut world, id) = completed();
    sealed(&mut world, 0, id, &signing(SheetKind::Absent));
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!((ticket.status, ticket.sheets.len()), (Status::Completed, 1));
    assert!(
        world
            .office
            .try_execute(DISPATCHER, id, &Default::default(), Command::Close)
            .is_err()
    );
    // The confirmation may come from afar later.
    let supervised = sealed(&mut world, 0, id, &signing(SheetKind::Reply));
    assert_eq!(supervised.sheet.header.running, 2);
    world.run_until_quiescent();
    world.desk(id, Command::Close);
    world.run_until_quiescent();
    world.finish();
}

#[test]
fn what_cannot_be_signed_leaves_nothing_behind() {
    let (mut world, id) = completed();
    let at = world.now();
    let replica = world.phones[0].replica();
    let frozen = replica.freeze(id, Language::Zh, 480).unwrap();
    let mut empty = signing(SheetKind::Ink);
    empty.signers[0].ink.as_mut().unwrap().strokes.clear();
    assert!(matches!(
        replica.seal(&frozen, &empty, &moment(at)),
        Err(SheetError::Unfit(_))
    ));
    let mut of_nothing = signing(SheetKind::Ink);
    of_nothing.corrects = Some(SheetHash([3; 32]));
    let refused = replica.seal(&frozen, &of_nothing, &moment(at));
    assert!(matches!(refused, Err(SheetError::NothingToCorrect)));
    assert!(replica.unsent_blobs().unwrap().is_empty());
    assert_eq!(replica.outbox().unwrap(), []);
    let sealed = sealed(&mut world, 0, id, &signing(SheetKind::Ink));
    assert_eq!(sealed.sheet.header.running, 1);
    world.run_until_quiescent();
    world.finish();
}

/// A store that counts its transactions and can be made to fail at the end of the next.
struct Counting {
    beneath: MemoryStore,
    writes: Arc<AtomicU32>,
    fails: Arc<AtomicBool>,
}

impl Store for Counting {
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let fails = self.fails.load(Ordering::SeqCst);
        self.beneath.write(&mut |txn| {
            work(txn)?;
            if fails {
                Err(StoreError::RolledBack)
            } else {
                Ok(())
            }
        })
    }
    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.beneath.read(work)
    }
}

#[test]
fn a_phone_that_dies_while_it_seals_has_nothing_half_signed() {
    let (world, id) = completed();
    let (writes, fails) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let store = Counting {
        beneath: world.phones[0].backup(),
        writes: Arc::clone(&writes),
        fails: Arc::clone(&fails),
    };
    let key = world.phones[0].key.clone();
    let mut replica = Replica::open(Box::new(store), key, [77; 32]).unwrap();
    let at = world.now();
    let frozen = replica.freeze(id, Language::Zh, 480).unwrap();
    assert_eq!(writes.load(Ordering::SeqCst), 0, "reading writes nothing");
    fails.store(true, Ordering::SeqCst);
    let failed = replica.seal(&frozen, &signing(SheetKind::Ink), &moment(at));
    assert!(matches!(failed, Err(SheetError::Execute(_))));
    assert_eq!(
        writes.load(Ordering::SeqCst),
        1,
        "one transaction holds it all"
    );
    assert!(replica.unsent_blobs().unwrap().is_empty());
    assert_eq!(replica.outbox().unwrap(), []);
    assert!(
        replica
            .ticket(id)
            .unwrap()
            .unwrap()
            .ticket
            .sheets
            .is_empty()
    );
    fails.store(false, Ordering::SeqCst);
    let sealed = replica
        .seal(&frozen, &signing(SheetKind::Ink), &moment(at))
        .unwrap();
    assert_eq!(writes.load(Ordering::SeqCst), 2);
    assert_eq!(sealed.sheet.header.running, 1);
    let actions: Vec<Action> = replica
        .outbox()
        .unwrap()
        .iter()
        .map(|e| e.command.action())
        .collect();
    assert_eq!(actions, [Action::KeepSheet, Action::ConfirmOnSheet]);
    assert_eq!(replica.sheet(sealed.blob).unwrap(), Some(sealed.sheet));
    world.finish();
}

/// Printed, not asserted: time is the machine's. The length is asserted.
#[test]
fn what_a_sheet_costs() {
    use gongdan_core::evidence::samples;
    use gongdan_core::sync::keys::DeviceKey;
    use std::time::Instant;

    let id = gongdan_core::testing::ticket(1);
    let mut how = signing(SheetKind::Ink);
    how.signers[0].ink = Some(samples::ink(800));
    let none = SheetHash([0; 32]);
    let rounds = 20;
    let (mut world, there) = completed();
    let replica = world.phones[0].replica();
    let begun = Instant::now();
    for _ in 0..rounds {
        replica.freeze(there, Language::Zh, 480).unwrap();
    }
    let freezing = begun.elapsed() / rounds;
    world.finish();
    let frozen = samples::frozen(id, Language::Zh);
    let begun = Instant::now();
    for _ in 0..rounds {
        samples::sheet(3, &frozen, &how, 1, none);
    }
    let sealing = begun.elapsed() / rounds;
    let sheet = samples::sheet(3, &frozen, &how, 1, none);
    let bytes = sheet.to_bytes();
    let key = DeviceKey::from_bytes(&[3; 32]);
    let begun = Instant::now();
    for _ in 0..rounds {
        let hash: [u8; 32] = sha2::Digest::finalize(sha2::Digest::chain_update(
            <sha2::Sha256 as sha2::Digest>::new(),
            &bytes,
        ))
        .into();
        key.sign(&hash);
    }
    let bare = begun.elapsed() / rounds;
    let begun = Instant::now();
    let mut file = samples::file(3, &sheet);
    file.attachments[0].is_here = false;
    file.attachments[0].bytes.clear();
    let file = file.to_bytes();
    let asked = gongdan_core::evidence::verify::Asked::default();
    assert!(gongdan_core::evidence::verify::verify(&file, &asked).good);
    let verifying = begun.elapsed();
    eprintln!(
        "freeze on the phone {freezing:?}, seal {sealing:?}, bare hash and signature of its {} bytes {bare:?}, \
         evidence file without photos {} bytes, made and verified in {verifying:?}",
        bytes.len(),
        file.len()
    );
    assert!(file.len() <= 40_000, "{} bytes", file.len());
}
