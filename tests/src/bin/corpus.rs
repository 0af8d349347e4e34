//! Writes evidence files, what was done to them, and what every check came to, for the second verifier to agree
//! with (`tests/evidence`).
//!
//! `evidence-corpus FOLDER [FILES]`: every byte of FILES files (1 unless given) is flipped.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::Path;

use gongdan_core::clock::Timestamp as Moment;
use gongdan_core::evidence::erase::PERSONAL;
use gongdan_core::evidence::file::EvidenceFile;
use gongdan_core::evidence::form::Language;
use gongdan_core::evidence::samples::{self, signing};
use gongdan_core::evidence::verify::{Asked, Check, Outcome, Report, chain, verify};
use gongdan_core::evidence::{Leaf, Scalar, SheetHash, SheetKind, SignedSheet, dynamics, log};
use gongdan_core::sync::codec;
use gongdan_core::testing;
use gongdan_web::golden::hex;
use serde_json::{Value, json};

const NONE: SheetHash = SheetHash([0; 32]);

struct Corpus<'a> {
    folder: &'a Path,
    cases: Vec<Value>,
}

fn letters(report: &Report) -> String {
    let letter = |(_, outcome): &(Check, Outcome)| match outcome {
        Outcome::Holds => 'h',
        Outcome::Fails => 'f',
        Outcome::NotAsked => 'n',
        Outcome::NotReached => 'r',
        Outcome::NotThere => 't',
    };
    report.checks.iter().map(letter).collect()
}

fn ours() -> Asked {
    Asked {
        organisation: Some(samples::organisation().public()),
        ..Asked::default()
    }
}

impl Corpus<'_> {
    /// A case; `meant` are the checks that are there for it.
    fn case(&mut self, name: &str, bytes: &[u8], asked: &Asked, meant: &[Check]) {
        let file = format!("{}.gds", self.cases.len());
        fs::write(self.folder.join(&file), bytes).unwrap();
        let report = verify(bytes, asked);
        for check in meant {
            assert_eq!(report.outcome(*check), Outcome::Fails, "{name}: {check:?}");
        }
        assert_eq!(
            report.good,
            meant.is_empty(),
            "{name}: {:?}",
            report.failing()
        );
        let mut said = serde_json::Map::new();
        if let Some(key) = asked.organisation {
            said.insert("org_key".to_owned(), json!(hex(key.as_bytes())));
        }
        let authorities: Vec<_> = asked.authorities.iter().map(|der| hex(der)).collect();
        if !authorities.is_empty() {
            said.insert("authorities".to_owned(), json!(authorities));
        }
        for (name, value) in [("ticket", &asked.ticket), ("receipt", &asked.receipt)] {
            if let Some(value) = value {
                said.insert(name.to_owned(), json!(value));
            }
        }
        self.cases.push(json!({
            "name": name, "file": file, "asked": said, "checks": letters(&report), "good": report.good,
            "level": report.level.code(), "meant": meant.iter().map(|c| c.code()).collect::<Vec<_>>(),
            "clock": report.told.as_ref().map(|told| told.clock),
            "sheet": report.told.as_ref().map(|told| told.sheet.to_string()),
        }));
    }
}

fn sheet(
    n: u8,
    ticket: u8,
    language: Language,
    kind: SheetKind,
    running: u64,
    previous: SheetHash,
) -> SignedSheet {
    let frozen = samples::frozen(testing::ticket(ticket), language);
    samples::sheet(n, &frozen, &signing(kind), running, previous)
}

fn from_server(sheet: &SignedSheet) -> EvidenceFile {
    samples::file_from_server(3, sheet)
}

fn file(sheet: &SignedSheet) -> Vec<u8> {
    samples::file(3, sheet).to_bytes()
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().expect("evidence-corpus FOLDER [FILES]");
    let folder = Path::new(&folder);
    let files = arguments
        .next()
        .map_or(1, |n| n.to_str().unwrap().parse::<u32>().unwrap());
    fs::create_dir_all(folder).unwrap();
    let mut corpus = Corpus {
        folder,
        cases: Vec::new(),
    };
    good(&mut corpus);
    changed_fields(&mut corpus);
    exchanged(&mut corpus);
    received(&mut corpus);
    damaged(&mut corpus);
    write(folder, "cases.jsonl", &corpus.cases);
    write(folder, "chains.jsonl", &chains(folder));
    write(folder, "flips.jsonl", &flips(folder, files));
    write(folder, "dynamics.jsonl", &[movement()]);
}

fn write(folder: &Path, name: &str, lines: &[Value]) {
    let mut out = fs::File::create(folder.join(name)).unwrap();
    for line in lines {
        writeln!(out, "{line}").unwrap();
    }
}

/// Sheets as they should be, of every kind and language, asked for in every way, erased and not.
fn good(corpus: &mut Corpus<'_>) {
    for kind in SheetKind::ALL {
        for language in [Language::Zh, Language::En] {
            let sheet = sheet(3, 1, language, kind, 1, NONE);
            let name = format!("good {} {}", kind.name(), language.code());
            corpus.case(&name, &file(&sheet), &ours(), &[]);
            let mut erased = sheet.clone();
            erased.erase(&PERSONAL);
            corpus.case(&format!("{name}, erased"), &file(&erased), &ours(), &[]);
            for prefix in ["answers/", "content/", "signer/1/picture", "basis/"] {
                let mut erased = sheet.clone();
                erased.erase(&[prefix]);
                corpus.case(
                    &format!("{name}, without {prefix}"),
                    &file(&erased),
                    &ours(),
                    &[],
                );
            }
        }
    }
    let sheet = sheet(3, 1, Language::Zh, SheetKind::Ink, 1, NONE);
    corpus.case("no key asked for", &file(&sheet), &Asked::default(), &[]);
    let code = verify(&file(&sheet), &ours()).told.unwrap().code;
    for (ticket, receipt) in [
        (Some(testing::ticket(1).to_string()), None),
        (
            sheet.block("content/number").map(|b| b.text.clone()),
            Some(code.clone()),
        ),
        (None, Some(code.to_lowercase().replace('-', " "))),
    ] {
        let asked = Asked {
            ticket,
            receipt,
            ..ours()
        };
        corpus.case("ticket and receipt asked for", &file(&sheet), &asked, &[]);
    }
    let mut bare = samples::file(3, &sheet);
    bare.addenda.clear();
    corpus.case("without addenda", &bare.to_bytes(), &ours(), &[]);
    bare.attachments[0].is_here = false;
    bare.attachments[0].bytes.clear();
    corpus.case("without the photo", &bare.to_bytes(), &ours(), &[]);
}

/// Every single field of a leaf: value, label, text; and each leaf left out.
fn changed_fields(corpus: &mut Corpus<'_>) {
    let sheet = sheet(3, 1, Language::Zh, SheetKind::Ink, 1, NONE);
    for at in 0..sheet.leaves.len() {
        let frozen = at < sheet.header.content_leaves as usize;
        let meant: &[Check] = if frozen {
            &[Check::Content, Check::Root]
        } else {
            &[Check::Root]
        };
        let path = sheet.leaves[at].path().to_owned();
        for part in ["value", "label", "text", "salt", "path"] {
            let mut changed = sheet.clone();
            let Leaf::Open { block, salt } = &mut changed.leaves[at] else {
                continue;
            };
            match part {
                "value" => block.value = Scalar::Number(424_242),
                "label" => block.label.push('x'),
                "text" => block.text.push('x'),
                "salt" => salt[0] ^= 1,
                _ => block.path.push('x'),
            }
            corpus.case(
                &format!("{part} of {path}"),
                &file(&changed),
                &ours(),
                meant,
            );
        }
        let mut without = sheet.clone();
        without.leaves.remove(at);
        corpus.case(
            &format!("without {path}"),
            &file(&without),
            &ours(),
            &[Check::Sheet],
        );
    }
}

/// Sheets that are genuine and not the one asked for, or signed by somebody else.
fn exchanged(corpus: &mut Corpus<'_>) {
    let own = sheet(3, 1, Language::Zh, SheetKind::Ink, 1, NONE);
    let told = verify(&file(&own), &ours()).told.unwrap();
    let other = sheet(3, 2, Language::Zh, SheetKind::Ink, 1, NONE);
    let asked = Asked {
        ticket: Some(told.ticket.to_string()),
        ..ours()
    };
    corpus.case(
        "replayed on another ticket",
        &file(&other),
        &asked,
        &[Check::Ticket],
    );
    let new = sheet(3, 1, Language::Zh, SheetKind::Paper, 1, NONE);
    let asked = Asked {
        receipt: Some(told.code.clone()),
        ..ours()
    };
    corpus.case(
        "a sheet signed anew in its place",
        &file(&new),
        &asked,
        &[Check::Receipt],
    );
    let mut mistyped = told.code.clone();
    mistyped.replace_range(0..1, if mistyped.starts_with('7') { "8" } else { "7" });
    let asked = Asked {
        receipt: Some(mistyped),
        ..ours()
    };
    corpus.case(
        "a receipt that was mistyped",
        &file(&own),
        &asked,
        &[Check::Receipt],
    );
    let foreign = sheet(4, 1, Language::Zh, SheetKind::Ink, 1, NONE);
    corpus.case(
        "a device without a certificate",
        &file(&foreign),
        &ours(),
        &[Check::Device],
    );
    let mut of_other = samples::file(3, &own);
    of_other.organisation_key = *samples::device_key(9).public().as_bytes();
    corpus.case(
        "another organisation",
        &of_other.to_bytes(),
        &ours(),
        &[Check::Organisation],
    );
    let mut moved = samples::file(3, &own);
    moved.addenda = samples::file(3, &other).addenda;
    corpus.case(
        "an addendum of another sheet",
        &moved.to_bytes(),
        &ours(),
        &[Check::Addenda],
    );
    let mut photo = samples::file(3, &own);
    photo.attachments[0].bytes = b"another photo".to_vec();
    corpus.case(
        "another photo",
        &photo.to_bytes(),
        &ours(),
        &[Check::Attachments],
    );
    let mut fewer = samples::file(3, &own);
    fewer.attachments.clear();
    corpus.case(
        "an attachment left out",
        &fewer.to_bytes(),
        &ours(),
        &[Check::Attachments],
    );
    for (name, path, text) in [
        ("shown otherwise than signed", "content/quotes/", "¥3.00"),
        ("another label than the form's", "content/model", "x"),
    ] {
        let mut frozen = samples::frozen(testing::ticket(1), Language::En);
        let block = frozen
            .blocks
            .iter_mut()
            .find(|b| b.path.starts_with(path))
            .unwrap();
        if text == "x" {
            block.label.push('x')
        } else {
            block.text = text.to_owned()
        }
        let lying = samples::sheet(3, &frozen, &signing(SheetKind::Ink), 1, NONE);
        corpus.case(name, &file(&lying), &ours(), &[Check::Form]);
    }
    let mut frozen = samples::frozen(testing::ticket(1), Language::En);
    frozen
        .blocks
        .iter_mut()
        .find(|b| b.path == "content/number")
        .unwrap()
        .path = "content/batch".to_owned();
    let lacking = samples::sheet(3, &frozen, &signing(SheetKind::Ink), 1, NONE);
    corpus.case(
        "without a number",
        &file(&lacking),
        &ours(),
        &[Check::Complete],
    );
    let mut frozen = samples::frozen(testing::ticket(1), Language::En);
    frozen
        .blocks
        .iter_mut()
        .find(|b| b.path == "content/model")
        .unwrap()
        .path = "signer/1/title".to_owned();
    let late = samples::sheet(3, &frozen, &signing(SheetKind::Ink), 1, NONE);
    corpus.case(
        "an answer before the customer had read",
        &file(&late),
        &ours(),
        &[Check::Paths],
    );
}

/// What the server added: as it should be, of another sheet, of another signatory, and with every field changed.
fn received(corpus: &mut Corpus<'_>) {
    use Check::{Authority, Countersignature as Own, Log, Sections, Timestamp};
    use gongdan_core::evidence::timestamp::samples::{AUTHORITY, ISSUER, NONCE, token};
    for kind in SheetKind::ALL {
        let own = sheet(3, 1, Language::Zh, kind, 1, NONE);
        let name = format!("from the server, {}", kind.name());
        corpus.case(&name, &from_server(&own).to_bytes(), &ours(), &[]);
    }
    let own = sheet(3, 1, Language::Zh, SheetKind::Ink, 1, NONE);
    let whole = from_server(&own);
    let other = from_server(&sheet(3, 2, Language::Zh, SheetKind::Ink, 1, NONE));
    let (receival, inclusion) = samples::received(&own);
    type Change<'a> = &'a dyn Fn(&mut EvidenceFile);
    let mut case = |name: &str, meant: &[Check], change: Change<'_>| {
        let mut changed = whole.clone();
        change(&mut changed);
        corpus.case(name, &changed.to_bytes(), &ours(), meant);
    };
    case("not in the log", &[], &|f| drop(f.sections.remove(1)));
    case("a log's proof alone", &[Log], &|f| {
        drop(f.sections.remove(0));
    });
    case("sections exchanged", &[Sections], &|f| {
        f.sections.swap(0, 1);
    });
    case("a section twice", &[Sections], &|f| {
        f.sections.insert(0, f.sections[0].clone());
    });
    case("a section of another kind", &[Sections], &|f| {
        f.sections[1].kind = 1_000;
    });
    case("another sheet's countersignature", &[Own, Log], &|f| {
        f.sections[0] = other.sections[0].clone();
    });
    case("another sheet's place in the log", &[Log], &|f| {
        f.sections[1] = other.sections[1].clone();
    });
    case("no certificate of the server", &[Own, Log], &|f| {
        drop(f.certificates.pop());
    });
    let technician = samples::device_key(3);
    case("countersigned by a technician", &[Own, Log], &|f| {
        let forged = log::Countersignature::sign(&technician, receival.receival.clone());
        f.sections[0].bytes = forged.to_bytes();
    });
    case("a checkpoint by a technician", &[Log], &|f| {
        let mut forged = inclusion.clone();
        forged.checkpoint = log::Checkpoint::sign(&technician, forged.checkpoint.head);
        f.sections[1].bytes = forged.to_bytes();
    });
    // Whatever else is signed by the right key, and is not so.
    type Forge<T> = fn(&mut T);
    let heads: [(&str, Forge<log::Head>); 6] = [
        ("version", |h| h.version = 2),
        ("size", |h| h.size = 6),
        ("a greater size", |h| h.size = 9),
        ("root", |h| h.root[3] ^= 1),
        ("a time before", |h| h.at = h.at.plus(-3)),
        ("size 0", |h| h.size = 0),
    ];
    for (name, change) in heads {
        case(&format!("checkpoint with another {name}"), &[Log], &|f| {
            let mut forged = inclusion.clone();
            change(&mut forged.checkpoint.head);
            let head = forged.checkpoint.head;
            forged.checkpoint = log::Checkpoint::sign(&samples::server_key(), head);
            f.sections[1].bytes = forged.to_bytes();
        });
    }
    let receivals: [(&str, &[Check], Forge<log::Receival>); 6] = [
        ("version", &[Own, Log], |r| r.version = 2),
        ("sheet", &[Own, Log], |r| r.sheet = SheetHash([1; 32])),
        ("epoch", &[Log], |r| r.epoch += 1),
        ("serial", &[Log], |r| r.serial += 1),
        ("serial 0", &[Log], |r| r.serial = 0),
        ("time", &[Log], |r| r.at = r.at.plus(1)),
    ];
    for (name, meant, change) in receivals {
        case(&format!("countersigned with another {name}"), meant, &|f| {
            let mut forged = receival.receival.clone();
            change(&mut forged);
            let forged = log::Countersignature::sign(&samples::server_key(), forged);
            f.sections[0].bytes = forged.to_bytes();
        });
    }
    for at in 0..inclusion.path.len() {
        case(&format!("step {at} of the path changed"), &[Log], &|f| {
            let mut changed = inclusion.clone();
            changed.path[at].0[0] ^= 1;
            f.sections[1].bytes = changed.to_bytes();
        });
        case(&format!("step {at} of the path left out"), &[Log], &|f| {
            let mut changed = inclusion.clone();
            changed.path.remove(at);
            f.sections[1].bytes = changed.to_bytes();
        });
    }
    let at = testing::at(9_110);
    case("another sheet's time-stamp", &[Timestamp], &|f| {
        f.sections[2] = other.sections[2].clone();
    });
    case("a time-stamp of another request", &[Timestamp], &|f| {
        let mut changed = token(own.hash(), at);
        changed.nonce = NONCE - 1;
        f.sections[2].bytes = changed.to_bytes();
    });
    case("a time-stamp after its certificate", &[Timestamp], &|f| {
        f.sections[2].bytes = token(own.hash(), Moment(7_258_118_400)).to_bytes();
    });
    case("a token cut off", &[Timestamp], &|f| {
        let mut changed = token(own.hash(), at);
        changed.token.pop();
        f.sections[2].bytes = changed.to_bytes();
    });
    case("a step more", &[Log], &|f| {
        let mut changed = inclusion.clone();
        changed.path.push(changed.path[0]);
        f.sections[1].bytes = changed.to_bytes();
    });
    let asks = |authority: &[u8]| Asked {
        authorities: vec![authority.to_vec()],
        ..ours()
    };
    for known in [AUTHORITY, ISSUER] {
        corpus.case("an authority given", &whole.to_bytes(), &asks(known), &[]);
    }
    let unknown = &asks(&AUTHORITY[1..]);
    corpus.case(
        "another authority given",
        &whole.to_bytes(),
        unknown,
        &[Authority],
    );
    corpus.case(
        "an authority given for nothing",
        &file(&own),
        &asks(ISSUER),
        &[],
    );
}

/// Bytes that are no file, or no sheet.
fn damaged(corpus: &mut Corpus<'_>) {
    let own = samples::file(3, &sheet(3, 1, Language::Zh, SheetKind::Ink, 1, NONE));
    let bytes = own.to_bytes();
    corpus.case("nothing", &[], &ours(), &[Check::File]);
    corpus.case(
        "cut off",
        &bytes[..bytes.len() / 2],
        &ours(),
        &[Check::File],
    );
    corpus.case(
        "one byte more",
        &[&bytes[..], &[0]].concat(),
        &ours(),
        &[Check::File],
    );
    let versions: [fn(&mut EvidenceFile); 2] = [|f| f.version = 2, |f| f.magic.push('x')];
    for version in versions {
        let mut file = own.clone();
        version(&mut file);
        corpus.case(
            "of another version",
            &file.to_bytes(),
            &ours(),
            &[Check::File],
        );
    }
    let mut file = own.clone();
    file.sheet = vec![0x80].into();
    corpus.case("no sheet", &file.to_bytes(), &ours(), &[Check::Sheet]);
    let mut file = own;
    file.certificates.clear();
    corpus.case(
        "no certificate",
        &file.to_bytes(),
        &ours(),
        &[Check::Certificate, Check::Device],
    );
}

/// Chains with something left out, repeated, in another order, exchanged, or of another device.
fn chains(folder: &Path) -> Vec<Value> {
    let mut sheets: Vec<SignedSheet> = Vec::new();
    for n in 1..=4u8 {
        let previous = sheets.last().map_or(NONE, SignedSheet::hash);
        sheets.push(sheet(
            3,
            n,
            Language::Zh,
            SheetKind::Ink,
            n.into(),
            previous,
        ));
    }
    let new = sheet(3, 2, Language::Zh, SheetKind::Paper, 2, sheets[0].hash());
    let other = sheet(4, 1, Language::Zh, SheetKind::Ink, 5, sheets[3].hash());
    sheets.extend([new, other]);
    for (n, sheet) in sheets.iter().enumerate() {
        fs::write(folder.join(format!("chain-{n}.gds")), file(sheet)).unwrap();
    }
    let orders: [(&str, &[usize]); 6] = [
        ("whole", &[0, 1, 2, 3]),
        ("one left out", &[0, 2, 3]),
        ("one repeated", &[0, 1, 1, 2]),
        ("two exchanged", &[0, 2, 1, 3]),
        ("one signed anew", &[0, 4, 2, 3]),
        ("another device's", &[2, 3, 5]),
    ];
    orders
        .into_iter()
        .map(|(name, order)| {
            let of: Vec<SignedSheet> = order.iter().map(|n| sheets[*n].clone()).collect();
            let faults = chain(&of);
            assert_eq!(faults.is_empty(), name == "whole", "{name}");
            let faults: Vec<_> = faults
                .iter()
                .map(|(at, fault)| json!([at, fault.code()]))
                .collect();
            let files: Vec<_> = order.iter().map(|n| format!("chain-{n}.gds")).collect();
            json!({ "name": name, "files": files, "faults": faults })
        })
        .collect()
}

/// Every byte of a number of files, one bit each.
fn flips(folder: &Path, files: u32) -> Vec<Value> {
    let asked = ours();
    (0..files)
        .map(|n| {
            let kind = SheetKind::ALL[n as usize % SheetKind::ALL.len()];
            let language = if n % 2 == 0 { Language::Zh } else { Language::En };
            let ticket = u8::try_from(n % 251).unwrap();
            let previous = [NONE, SheetHash([9; 32])][usize::from(n >= 251)];
            let sheet = sheet(3, ticket, language, kind, 1 + u64::from(n / 251), previous);
            let bytes = from_server(&sheet).to_bytes();
            assert!(verify(&bytes, &asked).good);
            let name = format!("flips-{n}.gds");
            fs::write(folder.join(&name), &bytes).unwrap();
            let flips: Vec<_> = (0..bytes.len())
                .map(|at| {
                    let mask = 1u8 << ((at + n as usize) % 8);
                    let mut changed = bytes.clone();
                    changed[at] ^= mask;
                    let report = verify(&changed, &asked);
                    assert!(!report.good, "{name}: byte {at} ^ {mask}");
                    json!([at, mask, letters(&report)])
                })
                .collect();
            json!({ "file": name, "org_key": hex(samples::organisation().public().as_bytes()), "flips": flips })
        })
        .collect()
}

fn movement() -> Value {
    let sheet = sheet(3, 1, Language::Zh, SheetKind::Ink, 1, NONE);
    let bytes = |path: &str| match &sheet.block(path).unwrap().value {
        Scalar::Bytes(bytes) => hex(bytes),
        _ => unreachable!("bytes"),
    };
    json!({
        "secret": hex(&dynamics::key_pair(&[7; 32]).0), "picture": bytes("signer/1/picture"),
        "sealed": bytes("signer/1/dynamics"), "ink": hex(&codec::encode(&samples::ink(60))),
    })
}
