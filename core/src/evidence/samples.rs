//! Sheets and evidence files for tests, of this crate and of others (feature `testing`): every kind, small.
#![expect(clippy::expect_used, reason = "tests alone call this")]

use super::addendum::{Addendum, AddendumKind, Note};
use super::answers::{Attachment, AttachmentRole, Identified, Place, SheetKind, Signer, Signing};
use super::content::{self, Frozen, Moment, Source};
use super::dynamics;
use super::file::{EvidenceFile, section};
use super::form::Language;
use super::log::{self, Checkpoint, Countersignature, Head, Inclusion, Receival, proof};
use super::seal::{Anchor, Sealer, SignedSheet, seal};
use crate::clock::Timestamp;
use crate::document::{TicketDoc, hydrate};
use crate::ids::{BlobHash, DeviceId, Part, PersonId, SheetHash, TicketId};
use crate::sync::certificate::{Algorithm, DeviceCertificate, Statement};
use crate::sync::keys::DeviceKey;
use crate::testing::{self, Author, at, person};
use crate::ticket::command::{FieldValue, InkPoint};
use crate::ticket::{Capacity, Command, Field, FourAnswers, Ink, Ticket, Value};

/// Bytes of the photo that samples name.
pub const PHOTO: &[u8] = b"not really a photo";

/// The organisation's key.
pub fn organisation() -> DeviceKey {
    DeviceKey::from_bytes(&[0x51; 32])
}

/// The `n`th device's key.
pub fn device_key(n: u8) -> DeviceKey {
    DeviceKey::from_bytes(&[n; 32])
}

/// The `n`th device.
pub fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 16])
}

/// The certificate of the `n`th device.
pub fn certificate(n: u8) -> DeviceCertificate {
    let statement = Statement {
        version: 1,
        serial: n.into(),
        device: device(n),
        algorithm: Algorithm::Ed25519,
        key: *device_key(n).public().as_bytes(),
        issued_at: at(0),
        person: Some(person("W001")),
        origin: None,
    };
    DeviceCertificate::issue(&organisation(), statement)
}

/// The server's key.
pub fn server_key() -> DeviceKey {
    DeviceKey::from_bytes(&[0x5e; 32])
}

/// The server's certificate: the organisation's own device, nobody's.
pub fn server_certificate() -> DeviceCertificate {
    let statement = Statement {
        version: 1,
        serial: 99,
        device: device(0x5e),
        algorithm: Algorithm::Ed25519,
        key: *server_key().public().as_bytes(),
        issued_at: at(0),
        person: None,
        origin: None,
    };
    DeviceCertificate::issue(&organisation(), statement)
}

/// A ticket whose work is done, with parts, a quote and a photo.
pub fn ticket(id: TicketId) -> Ticket {
    let (service, customer) = documents();
    hydrate(id, None, &[&service, &customer]).expect("an opened ticket")
}

fn documents() -> (TicketDoc, TicketDoc) {
    let mut author = Author::new(1);
    let mut service = TicketDoc::genesis(Part::Service);
    let crew = vec![person("W001"), person("W002")];
    for command in [
        testing::open(),
        Command::Assign {
            lead: crew[0].clone(),
            crew,
            group: None,
        },
        Command::Accept,
        Command::Arrive,
        Command::Diagnose {
            cause: "hardware".to_owned(),
            route: "on_site".to_owned(),
            conclusion: "室外机风扇电机卡死".to_owned(),
        },
        Command::UsePart {
            part_number: "FD-35-2".to_owned(),
            name: "风扇电机".to_owned(),
            quantity: 1,
        },
        Command::Quote {
            amount_fen: 30_000,
            explanation: "电机与人工".to_owned(),
        },
        Command::AttachPhoto {
            blob: photo(),
            media_type: "image/jpeg".to_owned(),
            bytes: PHOTO.len() as u64,
            caption: "更换后".to_owned(),
        },
        Command::Complete {
            summary: "更换风扇电机，试机正常".to_owned(),
        },
    ] {
        author.run(&mut service, command);
    }
    let mut customer = TicketDoc::genesis(Part::Customer);
    let fields = vec![
        FieldValue {
            field: Field::CustomerName,
            value: Value::from("𠮷喆堃"),
        },
        FieldValue {
            field: Field::Address,
            value: Value::from("示例路 1 号"),
        },
    ];
    author.run(&mut customer, Command::RecordCustomer { fields });
    (service, customer)
}

/// The ticket frozen.
pub fn frozen(id: TicketId, language: Language) -> Frozen {
    let ticket = ticket(id);
    let (service, customer) = documents();
    let heads = [
        (Part::Service, service.heads()),
        (Part::Customer, customer.heads()),
    ]
    .into();
    let source = Source {
        ticket: &ticket,
        heads: &heads,
        waiting: &[],
        catalogue: None,
        person: &person("W001"),
        language,
        offset_minutes: 480,
    };
    content::freeze(&source, [0x5e; 32])
}

/// Ink that is a signature, of about `points` points.
pub fn ink(points: u32) -> Ink {
    let point = |n: u32| {
        let n = i32::try_from(n).unwrap_or(i32::MAX);
        InkPoint {
            x: 1_000 + 60 * (n % 400),
            y: 8_000 + (n * n * 37) % 2_000,
            millis: n.unsigned_abs() * 8,
            pressure: Some(400),
        }
    };
    let half = points / 2;
    Ink {
        width: 32_000,
        height: 16_000,
        strokes: vec![
            (0..half).map(point).collect(),
            (half..points).map(point).collect(),
        ],
    }
}

/// What was done with a sheet, for every kind.
pub fn signing(kind: SheetKind) -> Signing {
    let confirms = kind.method().is_some();
    let attached = |role| Attachment {
        role,
        hash: BlobHash([role as u8 + 1; 32]),
        media_type: "image/jpeg".to_owned(),
        bytes: 1_234,
    };
    let attachments = match kind {
        SheetKind::Ink => Vec::new(),
        SheetKind::Paper => vec![attached(AttachmentRole::Paper)],
        SheetKind::Reply => vec![attached(AttachmentRole::Reply)],
        SheetKind::Receipt => vec![attached(AttachmentRole::Report)],
        SheetKind::Absent | SheetKind::Refused => vec![attached(AttachmentRole::Scene)],
    };
    let signer = Signer {
        name: "𠮷喆堃".to_owned(),
        capacity: Capacity::Employee,
        title: Some("设备科科长".to_owned()),
        identified: Identified::Document,
        ink: (kind == SheetKind::Ink).then(|| ink(60)),
    };
    Signing {
        kind,
        answers: confirms.then(|| FourAnswers {
            solved: true,
            satisfied: true,
            professionalism: 9,
            comments: Some("谢谢".to_owned()),
        }),
        signers: if confirms { vec![signer] } else { Vec::new() },
        attachments,
        reason: (!confirms).then(|| "家中无人".to_owned()),
        witness: (!confirms).then(|| person("W002")),
        place: Some(Place {
            latitude_e7: 312_304_000,
            longitude_e7: -1_214_737,
            accuracy_metres: 12,
        }),
        corrects: None,
    }
}

/// The moment of a signing.
pub fn moment(at: Timestamp) -> Moment {
    Moment {
        at,
        zone: "Asia/Shanghai".to_owned(),
        offset_minutes: 480,
        monotonic_millis: 123_456,
    }
}

/// Seals on the `n`th device as its sheet number `running` after `previous`.
pub fn sheet(
    n: u8,
    frozen: &Frozen,
    signing: &Signing,
    running: u64,
    previous: SheetHash,
) -> SignedSheet {
    let own: PersonId = person("W001");
    let sealer = Sealer {
        device: device(n),
        person: &own,
        key: &device_key(n),
        moment: &moment(at(9_000)),
        anchor: Some(Anchor {
            server: at(3_590),
            contact: at(3_600),
        }),
        running,
        previous,
        edition: 1,
        evidence_key: Some(dynamics::key_pair(&[7; 32]).1),
        random: [running as u8; 32],
    };
    seal(frozen, signing, &sealer).expect("a sheet that can be sealed")
}

/// An evidence file of a sheet of the `n`th device, its photo enclosed, with an addendum.
pub fn file(n: u8, sheet: &SignedSheet) -> EvidenceFile {
    let note = Note {
        version: 1,
        sheet: sheet.hash(),
        kind: AddendumKind::ReceiptTaken,
        text: String::new(),
        device: device(n),
        person: person("W001"),
        at: at(9_060),
    };
    let addendum = Addendum::sign(&device_key(n), note);
    EvidenceFile::new(
        *organisation().public().as_bytes(),
        &[certificate(n)],
        sheet,
        &[addendum],
        |hash| (hash == photo()).then(|| PHOTO.to_vec()),
    )
}

/// What the server says of a sheet that is the fifth of seven in its log.
pub fn received(sheet: &SignedSheet) -> (Countersignature, Inclusion) {
    let receival = |serial: u64| Receival {
        version: log::VERSION,
        epoch: 77,
        serial,
        sheet: if serial == 5 {
            sheet.hash()
        } else {
            SheetHash([serial as u8; 32])
        },
        at: at(9_100 + serial as i64),
    };
    let tree = proof::Leaves((1..=7).map(|serial| receival(serial).leaf()).collect());
    let head = Head {
        version: log::VERSION,
        epoch: 77,
        size: 7,
        root: proof::root(&tree, 7).0,
        at: at(9_107),
    };
    let inclusion = Inclusion {
        path: proof::inclusion(&tree, 4, 7),
        checkpoint: Checkpoint::sign(&server_key(), head),
    };
    (
        Countersignature::sign(&server_key(), receival(5)),
        inclusion,
    )
}

/// [`file`] with what the server adds.
pub fn file_from_server(n: u8, sheet: &SignedSheet) -> EvidenceFile {
    let mut file = file(n, sheet);
    let (countersignature, inclusion) = received(sheet);
    file.certificates
        .push(server_certificate().to_bytes().into());
    file.add_section(section::COUNTERSIGNATURE, countersignature.to_bytes());
    file.add_section(section::INCLUSION, inclusion.to_bytes());
    #[cfg(feature = "timestamp")]
    {
        use super::timestamp::samples::token;
        let kept = token(sheet.hash(), at(9_110));
        file.add_section(section::TIMESTAMP, kept.to_bytes());
    }
    file
}

fn photo() -> BlobHash {
    use sha2::Digest;
    BlobHash(sha2::Sha256::digest(PHOTO).into())
}
