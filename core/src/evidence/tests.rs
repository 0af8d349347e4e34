//! Sheets from freezing to the verifier, and what it takes notice of.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::answers::{self, SheetKind, Unfit};
use super::erase::PERSONAL;
use super::file::EvidenceFile;
use super::form::Language;
use super::ink::InkFault;
use super::leaf::{Leaf, Scalar};
use super::samples::{self, device_key, signing};
use super::seal::{Anchor, ClockTrust, Header, SignedSheet};
use super::verify::{Asked, ChainFault, Check, Level, Outcome, chain, verify, words};
use super::{compare, dynamics, log};
use crate::clock::Timestamp;
use crate::ids::SheetHash;
use crate::sync::codec;
use crate::testing;
use crate::ticket::command::InkPoint;
use crate::ticket::{Field, Ink, Value};

const NONE: SheetHash = SheetHash([0; 32]);

fn asked() -> Asked {
    Asked {
        organisation: Some(samples::organisation().public()),
        ..Asked::default()
    }
}

fn sheet(kind: SheetKind) -> SignedSheet {
    let frozen = samples::frozen(testing::ticket(1), Language::Zh);
    samples::sheet(3, &frozen, &signing(kind), 1, NONE)
}

fn bytes(sheet: &SignedSheet) -> Vec<u8> {
    samples::file(3, sheet).to_bytes()
}

#[test]
fn a_sheet_of_every_kind_verifies_at_its_level() {
    for kind in SheetKind::ALL {
        let sheet = sheet(kind);
        let report = verify(&bytes(&sheet), &asked());
        assert!(report.good, "{kind:?}: {:?}", report.failing());
        let level = if kind.method().is_some() {
            Level::ReceiptTaken
        } else {
            Level::Unsigned
        };
        assert_eq!(report.level, level);
        for language in [Language::Zh, Language::En] {
            let words = words(&report, language);
            assert!(
                words.contains("receipt") && words.contains(&report.told.as_ref().unwrap().code)
            );
        }
        let mut bare = samples::file(3, &sheet);
        bare.addenda.clear();
        let report = verify(&bare.to_bytes(), &asked());
        assert_eq!(report.level == Level::Witnessed, kind.method().is_some());
    }
}

#[test]
fn what_is_asked_for_is_checked_and_what_is_not_is_told() {
    let sheet = sheet(SheetKind::Ink);
    let file = bytes(&sheet);
    let report = verify(&file, &Asked::default());
    assert_eq!(report.outcome(Check::Organisation), Outcome::NotAsked);
    assert!(report.good && report.not_proven.contains(&"organisation"));
    let told = report.told.unwrap();
    let mut asks = asked();
    asks.receipt = Some(told.code.to_lowercase());
    asks.ticket = Some(told.ticket.to_string());
    assert!(verify(&file, &asks).good);
    asks.ticket = told.number.clone();
    assert!(verify(&file, &asks).good);
    asks.ticket = Some(testing::ticket(2).to_string());
    assert_eq!(verify(&file, &asks).failing(), [Check::Ticket]);
    let mut other = Asked {
        organisation: Some(device_key(9).public()),
        ..Asked::default()
    };
    let failing = verify(&file, &other).failing();
    assert!(failing.contains(&Check::Organisation) && failing.contains(&Check::Certificate));
    // A whole sheet, signed anew by the same device: only the customer's receipt tells.
    let mut dearer = samples::frozen(testing::ticket(1), Language::Zh);
    let price = dearer
        .blocks
        .iter_mut()
        .find(|b| b.path.ends_with("/amount_fen"))
        .unwrap();
    (price.value, price.text) = (Scalar::Number(60_000), "¥600.00".to_owned());
    let exchanged = samples::sheet(3, &dearer, &signing(SheetKind::Ink), 1, NONE);
    other = asked();
    other.receipt = Some(told.code);
    assert_eq!(
        verify(&bytes(&exchanged), &other).failing(),
        [Check::Receipt]
    );
    assert!(
        verify(&bytes(&exchanged), &asked()).good,
        "without the receipt it cannot be told"
    );
}

#[test]
fn every_byte_of_a_file_is_bound() {
    let file = samples::file_from_server(3, &sheet(SheetKind::Ink)).to_bytes();
    assert!(verify(&file, &asked()).good);
    let mut checks = BTreeSet::new();
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        let report = verify(&changed, &asked());
        assert!(!report.good && report.level == Level::None, "byte {at}");
        checks.extend(report.failing());
        if at % 16 == 0 {
            assert!(!verify(&file[..at], &asked()).good, "cut at {at}");
        }
    }
    for check in [
        Check::File,
        Check::Sheet,
        Check::Content,
        Check::Root,
        Check::Signature,
        Check::Organisation,
        Check::Certificate,
        Check::Attachments,
        Check::Addenda,
        Check::Sections,
        Check::Countersignature,
        Check::Log,
        #[cfg(feature = "timestamp")]
        Check::Timestamp,
    ] {
        assert!(
            checks.contains(&check),
            "{check:?} took notice of something"
        );
    }
    assert!(!verify(&[&file[..], &[0]].concat(), &asked()).good);
}

#[test]
fn every_field_that_is_changed_is_noticed_by_the_root() {
    let sheet = sheet(SheetKind::Ink);
    for at in 0..sheet.leaves.len() {
        for part in 0..3 {
            let mut changed = sheet.clone();
            let Leaf::Open { block, .. } = &mut changed.leaves[at] else {
                unreachable!("nothing is erased")
            };
            match part {
                0 => block.value = Scalar::Number(424_242),
                1 => block.label.push('x'),
                _ => block.text.push('x'),
            }
            let failing = verify(&bytes(&changed), &asked()).failing();
            assert!(failing.contains(&Check::Root), "{at} {part}");
            let frozen = at < changed.header.content_leaves as usize;
            assert_eq!(failing.contains(&Check::Content), frozen, "{at} {part}");
            assert!(!failing.contains(&Check::Signature));
        }
        let mut without = sheet.clone();
        without.leaves.remove(at);
        assert!(
            verify(&bytes(&without), &asked())
                .failing()
                .contains(&Check::Sheet)
        );
        if at + 1 == sheet.leaves.len() {
            continue;
        }
        let mut twice = sheet.clone();
        twice.leaves.insert(at, twice.leaves[at].clone());
        twice.leaves.pop();
        assert!(
            verify(&bytes(&twice), &asked())
                .failing()
                .contains(&Check::Root)
        );
    }
}

#[test]
fn every_field_of_the_header_is_under_the_signature() {
    let sheet = sheet(SheetKind::Ink);
    let changes: [fn(&mut Header); 14] = [
        |h| h.ticket = testing::ticket(2),
        |h| h.kind = SheetKind::Paper,
        |h| h.device = samples::device(4),
        |h| h.key = *device_key(4).public().as_bytes(),
        |h| h.person = testing::person("W002"),
        |h| h.at = h.at.plus(1),
        |h| h.zone.push('x'),
        |h| h.monotonic_millis += 1,
        |h| h.anchor = None,
        |h| (h.running, h.previous) = (2, SheetHash([1; 32])),
        |h| (h.edition, h.corrects) = (2, Some(SheetHash([1; 32]))),
        |h| h.content_leaves -= 1,
        |h| h.content[0] ^= 1,
        |h| h.root[0] ^= 1,
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut changed = sheet.clone();
        change(&mut changed.header);
        let failing = verify(&bytes(&changed), &asked()).failing();
        assert!(failing.contains(&Check::Signature), "change {n}");
    }
}

#[test]
fn a_sheet_signed_by_somebody_else_has_no_certificate() {
    let frozen = samples::frozen(testing::ticket(1), Language::Zh);
    let foreign = samples::sheet(4, &frozen, &signing(SheetKind::Ink), 1, NONE);
    let mut file = samples::file(3, &foreign);
    file.addenda.clear();
    assert_eq!(
        verify(&file.to_bytes(), &asked()).failing(),
        [Check::Device]
    );
    file.certificates.clear();
    assert!(
        verify(&file.to_bytes(), &asked())
            .failing()
            .contains(&Check::Certificate)
    );
    // An addendum of another sheet, or of a device without a certificate.
    let own = sheet(SheetKind::Ink);
    let mut moved = samples::file(3, &own);
    moved.addenda = samples::file(3, &foreign).addenda;
    assert_eq!(
        verify(&moved.to_bytes(), &asked()).failing(),
        [Check::Addenda]
    );
}

#[test]
fn a_device_that_shows_one_thing_and_signs_another_is_found_by_the_form() {
    let mut frozen = samples::frozen(testing::ticket(1), Language::En);
    let price = frozen
        .blocks
        .iter_mut()
        .find(|b| b.path.ends_with("/amount_fen"))
        .unwrap();
    price.text = "¥3.00".to_owned();
    let lying = samples::sheet(3, &frozen, &signing(SheetKind::Ink), 1, NONE);
    assert_eq!(verify(&bytes(&lying), &asked()).failing(), [Check::Form]);
    // And what is put among the answers after the customer had read.
    let mut frozen = samples::frozen(testing::ticket(1), Language::En);
    let block = frozen
        .blocks
        .iter_mut()
        .find(|b| b.path == "content/model")
        .unwrap();
    block.path = "answers/model".to_owned();
    let late = samples::sheet(3, &frozen, &signing(SheetKind::Ink), 1, NONE);
    assert!(
        verify(&bytes(&late), &asked())
            .failing()
            .contains(&Check::Paths)
    );
}

#[test]
fn what_the_server_adds_is_checked_and_told() {
    let own = sheet(SheetKind::Ink);
    let whole = samples::file_from_server(3, &own);
    let report = verify(&whole.to_bytes(), &asked());
    assert!(report.good, "{:?}", report.failing());
    let told = report.told.as_ref().unwrap();
    assert_eq!(told.countersigned.unwrap().serial, 5);
    assert_eq!(told.log_size, Some(7));
    assert!(!report.not_proven.contains(&"server") && report.not_proven.contains(&"one_log"));
    assert!(words(&report, Language::En).contains("Countersigned by the server: 2026"));
    let bare = verify(&bytes(&own), &asked());
    assert_eq!(bare.outcome(Check::Countersignature), Outcome::NotThere);
    assert_eq!(bare.outcome(Check::Log), Outcome::NotThere);
    assert!(bare.good && bare.not_proven.contains(&"server"));
    let failing = |change: &dyn Fn(&mut EvidenceFile)| {
        let mut changed = whole.clone();
        change(&mut changed);
        verify(&changed.to_bytes(), &asked()).failing()
    };
    let other = samples::received(&sheet(SheetKind::Paper));
    let (countersigned, logged) = ([Check::Countersignature, Check::Log], [Check::Log]);
    assert_eq!(
        failing(&|f| f.sections[0].bytes = other.0.to_bytes()),
        countersigned
    );
    assert_eq!(
        failing(&|f| f.sections[1].bytes = other.1.to_bytes()),
        logged
    );
    assert_eq!(failing(&|f| drop(f.sections.remove(0))), logged);
    assert_eq!(failing(&|f| drop(f.sections.remove(1))), []);
    assert_eq!(failing(&|f| drop(f.certificates.pop())), countersigned);
    assert_eq!(failing(&|f| f.sections.swap(0, 1)), [Check::Sections]);
    assert_eq!(
        failing(&|f| f.sections[1].kind = 1_000),
        [Check::Sections],
        "what it would prove cannot be told"
    );
    // A technician's device does not speak for the server.
    let (receival, checkpoint) = samples::received(&own);
    let forged = log::Countersignature::sign(&device_key(3), receival.receival);
    assert_eq!(
        failing(&|f| f.sections[0].bytes = forged.to_bytes()),
        countersigned
    );
    let mut forged = checkpoint;
    forged.checkpoint = log::Checkpoint::sign(&device_key(3), forged.checkpoint.head);
    assert_eq!(
        failing(&|f| f.sections[1].bytes = forged.to_bytes()),
        logged
    );
    forged.checkpoint.head.at = testing::at(9_104);
    forged.checkpoint =
        log::Checkpoint::sign(&samples::server_key(), forged.checkpoint.head.clone());
    assert_eq!(
        failing(&|f| f.sections[1].bytes = forged.to_bytes()),
        logged,
        "a head from before it came"
    );
}

#[cfg(feature = "timestamp")]
#[test]
fn a_time_stamp_is_checked_and_its_authority_told() {
    use super::timestamp::samples::{AUTHORITY, ISSUER, NONCE, token};
    let own = sheet(SheetKind::Ink);
    let whole = samples::file_from_server(3, &own);
    let check_of = |file: &EvidenceFile, authorities: &[&[u8]]| {
        let authorities = authorities.iter().map(|der| der.to_vec()).collect();
        let asked = Asked {
            authorities,
            ..asked()
        };
        verify(&file.to_bytes(), &asked)
    };
    let report = check_of(&whole, &[]);
    assert_eq!(report.outcome(Check::Timestamp), Outcome::Holds);
    assert_eq!(report.outcome(Check::Authority), Outcome::NotAsked);
    assert!(report.good && report.not_proven.contains(&"authority"));
    let stamped = report.told.as_ref().unwrap().stamped.clone().unwrap();
    assert_eq!(stamped.at, testing::at(9_110));
    assert!(stamped.authority.contains("CN=Example time-stamps"));
    assert!(words(&report, Language::Zh).contains("CN=Example time-stamps"));
    for known in [AUTHORITY, ISSUER] {
        let report = check_of(&whole, &[b"no certificate", known]);
        assert_eq!(report.outcome(Check::Authority), Outcome::Holds);
        assert!(!report.not_proven.contains(&"authority"));
    }
    let mut bare = whole.clone();
    bare.sections.pop();
    assert_eq!(
        check_of(&bare, &[ISSUER]).outcome(Check::Authority),
        Outcome::NotThere
    );
    let failing = |kept: super::timestamp::Kept| {
        let mut changed = whole.clone();
        changed.sections[2].bytes = kept.to_bytes();
        check_of(&changed, &[ISSUER]).failing()
    };
    let fails = [Check::Timestamp, Check::Authority];
    assert_eq!(
        failing(token(SheetHash([1; 32]), testing::at(9_110))),
        fails
    );
    let mut other = token(own.hash(), testing::at(9_110));
    other.nonce = NONCE + 1;
    assert_eq!(failing(other), fails, "it answers another request");
    // 2200: its certificate is over by then.
    assert_eq!(failing(token(own.hash(), Timestamp(7_258_118_400))), fails);
}

#[test]
fn sheets_of_a_device_are_a_chain() {
    let frozen = samples::frozen(testing::ticket(1), Language::Zh);
    let mut sheets: Vec<SignedSheet> = Vec::new();
    for n in 1..=4 {
        let previous = sheets.last().map_or(NONE, SignedSheet::hash);
        let sealed = samples::sheet(3, &frozen, &signing(SheetKind::Ink), n, previous);
        assert!(verify(&bytes(&sealed), &asked()).good);
        sheets.push(sealed);
    }
    let [a, b, c, d] = sheets.clone().try_into().unwrap();
    assert_eq!(chain(&sheets), []);
    assert_eq!(chain(&[a.clone(), c.clone()]), [(1, ChainFault::Gap)]);
    assert_eq!(chain(&[a.clone(), a.clone()]), [(1, ChainFault::Repeated)]);
    assert_eq!(chain(&[b.clone(), a.clone()]), [(1, ChainFault::Order)]);
    let new = samples::sheet(3, &frozen, &signing(SheetKind::Paper), 2, a.hash());
    assert_eq!(chain(&[a.clone(), new, c]), [(2, ChainFault::Exchanged)]);
    let other = samples::sheet(4, &frozen, &signing(SheetKind::Ink), 5, d.hash());
    assert_eq!(chain(&[d, other]), [(1, ChainFault::OtherDevice)]);
}

#[test]
fn personal_data_can_be_erased_and_the_rest_still_verifies() {
    let whole = sheet(SheetKind::Ink);
    let mut erased = whole.clone();
    assert!(erased.erase(&PERSONAL) > 8);
    assert_eq!(erased.erase(&PERSONAL), 0);
    let kept = erased.to_bytes();
    for secret in ["𠮷喆堃", "示例路", "谢谢", "设备科科长"] {
        let found = kept.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!found, "{secret} is gone");
    }
    assert_eq!(
        erased.hash(),
        whole.hash(),
        "the receipt's code stays what it was"
    );
    let report = verify(&bytes(&erased), &asked());
    assert!(report.good, "{:?}", report.failing());
    assert!(report.not_proven.contains(&"erased"));
    assert_eq!(SignedSheet::from_bytes(&kept).unwrap(), erased);
    // A commitment of something else in its place.
    let at = erased
        .leaves
        .iter()
        .position(|l| l.block().is_none())
        .unwrap();
    if let Leaf::Erased { commitment, .. } = &mut erased.leaves[at] {
        commitment[0] ^= 1;
    }
    assert!(
        verify(&bytes(&erased), &asked())
            .failing()
            .contains(&Check::Root)
    );
}

#[test]
fn what_differs_from_the_signed_sheet_is_shown_side_by_side() {
    let sheet = sheet(SheetKind::Ink);
    let id = testing::ticket(1);
    let same = samples::frozen(id, Language::Zh);
    assert_eq!(compare(&sheet, &same.blocks), []);
    let mut ticket = samples::ticket(id);
    ticket.fields.insert(Field::Model, Value::from("KFR-72LW"));
    ticket.fields.remove(&Field::Serial);
    ticket.parts_used[0].struck_out = true;
    ticket.fields.insert(Field::Batch, Value::from("B7"));
    let source = super::content::Source {
        ticket: &ticket,
        heads: &same.heads,
        waiting: &[],
        catalogue: None,
        person: &testing::person("W002"),
        language: Language::Zh,
        offset_minutes: 480,
    };
    let found = compare(&sheet, &super::content::blocks(&source));
    let said: Vec<_> = found
        .iter()
        .map(|d| {
            (
                d.path.rsplit('/').next().unwrap(),
                d.signed.as_deref(),
                d.ticket.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("model", Some("KFR-35GW"), Some("KFR-72LW")),
            ("serial", Some("SN20260001"), None),
            ("part_number", Some("FD-35-2"), None),
            ("name", Some("风扇电机"), None),
            ("quantity", Some("1"), None),
            ("batch", None, Some("B7")),
        ]
    );
}

#[test]
fn nothing_is_sealed_that_lacks_what_its_kind_needs() {
    let ink = |change: fn(&mut Ink)| {
        let mut s = signing(SheetKind::Ink);
        change(s.signers[0].ink.as_mut().unwrap());
        answers::check(&s)
    };
    assert_eq!(
        ink(|ink| ink.strokes.clear()),
        Err(Unfit::Ink(InkFault::Empty))
    );
    assert_eq!(
        ink(|ink| ink.strokes = vec![vec![InkPoint {
            x: 5,
            y: 5,
            millis: 0,
            pressure: None
        }]]),
        Err(Unfit::Ink(InkFault::Dot))
    );
    type Change = fn(&mut answers::Signing);
    let cases: [(SheetKind, Change, Unfit); 11] = [
        (SheetKind::Ink, |s| s.answers = None, Unfit::Answers),
        (SheetKind::Ink, |s| s.signers.clear(), Unfit::Signers),
        (SheetKind::Ink, |s| s.signers[0].ink = None, Unfit::Signers),
        (
            SheetKind::Ink,
            |s| s.reason = Some("x".to_owned()),
            Unfit::Reason,
        ),
        (
            SheetKind::Ink,
            |s| s.signers[0].name = " ".to_owned(),
            Unfit::Value,
        ),
        (
            SheetKind::Ink,
            |s| s.answers.as_mut().unwrap().professionalism = 11,
            Unfit::Value,
        ),
        (
            SheetKind::Paper,
            |s| s.attachments.clear(),
            Unfit::Attachment,
        ),
        (
            SheetKind::Reply,
            |s| s.attachments.clear(),
            Unfit::Attachment,
        ),
        (SheetKind::Refused, |s| s.reason = None, Unfit::Reason),
        (
            SheetKind::Refused,
            |s| (s.attachments.clear(), s.witness = None).1,
            Unfit::Attachment,
        ),
        (
            SheetKind::Absent,
            |s| s.signers = signing(SheetKind::Paper).signers,
            Unfit::Signers,
        ),
    ];
    for (n, (kind, change, why)) in cases.into_iter().enumerate() {
        let mut s = signing(kind);
        assert_eq!(answers::check(&s), Ok(()), "{n}");
        change(&mut s);
        assert_eq!(answers::check(&s), Err(why), "{n}");
    }
    let mut s = signing(SheetKind::Ink);
    let remarks = |s: &mut answers::Signing, n| {
        s.answers.as_mut().unwrap().comments = Some("好".repeat(n));
    };
    remarks(&mut s, 5_000);
    assert_eq!(answers::check(&s), Ok(()));
    remarks(&mut s, 5_001);
    assert_eq!(answers::check(&s), Err(Unfit::Value));
    for count in [8, 9] {
        let mut s = signing(SheetKind::Ink);
        s.signers = vec![s.signers[0].clone(); count];
        assert_eq!(answers::check(&s).is_ok(), count == 8);
    }
}

#[test]
fn the_hand_is_sealed_and_the_picture_is_not() {
    let sheet = sheet(SheetKind::Ink);
    let value = |path| match &sheet.block(path).unwrap().value {
        Scalar::Bytes(bytes) => bytes.clone(),
        _ => unreachable!("bytes"),
    };
    let picture = value("signer/1/picture");
    let (secret, _) = dynamics::key_pair(&[7; 32]);
    let ink = dynamics::open(&secret, &value("signer/1/dynamics"), &picture).unwrap();
    assert_eq!(ink, samples::ink(60), "without loss");
    assert_eq!(codec::encode(&super::ink::picture(&ink)), picture);
    assert_eq!(sheet.pictures().len(), 1);
}

#[test]
fn a_clock_is_believed_as_far_as_the_server_bears_it_out() {
    let of = |server, contact, at| {
        ClockTrust::of(
            Timestamp(at),
            Some(Anchor {
                server: Timestamp(server),
                contact: Timestamp(contact),
            }),
        )
    };
    let day = 86_400;
    assert_eq!(ClockTrust::of(Timestamp(0), None), ClockTrust::Unproven);
    assert_eq!(of(1_000, 1_300, 1_300 + day), ClockTrust::Fresh);
    assert_eq!(of(1_000, 1_301, 1_302), ClockTrust::Wrong);
    assert_eq!(
        of(1_000 + day, 1_000, 1_302),
        ClockTrust::Wrong,
        "a day behind"
    );
    assert_eq!(of(1_000, 1_000, 999), ClockTrust::Wrong, "put back since");
    assert_eq!(of(1_000, 1_000, 1_001 + day), ClockTrust::Recent);
    assert_eq!(of(1_000, 1_000, 1_000 + 7 * day), ClockTrust::Recent);
    assert_eq!(of(1_000, 1_000, 1_001 + 7 * day), ClockTrust::Old);
}

#[test]
fn a_sheet_has_one_encoding_and_what_is_no_file_is_told() {
    let sheet = sheet(SheetKind::Ink);
    assert_eq!(SignedSheet::from_bytes(&sheet.to_bytes()).unwrap(), sheet);
    let file = samples::file(3, &sheet);
    assert_eq!(EvidenceFile::from_bytes(&file.to_bytes()).unwrap(), file);
    let mut later = file;
    later.version = 2;
    for bytes in [&b""[..], b"PK", &later.to_bytes()] {
        let report = verify(bytes, &asked());
        assert_eq!(report.failing(), [Check::File]);
        assert_eq!(report.not_proven, ["anything"]);
        assert!(words(&report, Language::Zh).contains("不能作为证据"));
    }
}

#[test]
fn a_signed_file_without_photos_is_small() {
    let frozen = samples::frozen(testing::ticket(1), Language::Zh);
    let mut s = signing(SheetKind::Ink);
    s.signers[0].ink = Some(samples::ink(800));
    let sheet = samples::sheet(3, &frozen, &s, 1, NONE);
    let mut file = samples::file(3, &sheet);
    file.attachments[0].is_here = false;
    file.attachments[0].bytes.clear();
    let length = file.to_bytes().len();
    assert!(length <= 40_000, "{length} bytes");
}
