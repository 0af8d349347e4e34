//! A phone that lives through days full of markers, on a file of its own, and tells what it asks the server.
//!
//! ```text
//! gongdan-scribe STORE encrypted|plain SECRET IDENTITY NOW
//! out: ask HEX · ready
//! in:  HEX (the answer) · end, or crash: in the middle of a transaction
//! ```
//! What fails is written to the standard error, as an app writes it to its log.
#![expect(clippy::print_stdout, reason = "it is a program that talks by lines")]
#![expect(clippy::print_stderr, reason = "what fails is logged")]

use std::io::Write;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{BlobHash, ChangeHash, Part, TicketId};
use gongdan_core::replica::{Identity, Replica, Seen};
use gongdan_core::store::sqlite::{SqliteStore, StoreKey};
use gongdan_core::store::{BlobRow, BlobState, Filter, Store};
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_core::ticket::command::ChecklistEntry;
use gongdan_core::ticket::{Act, Answer, Command, Field, FourAnswers};
use gongdan_tests::aborting::Aborting;
use gongdan_tests::forensic::{MARKERS, encoded, marker};
use gongdan_web::golden::{hex, unhex};

/// Copies of each encoding in a photo, so that the end of a page splits one at most.
const COPIES: usize = 8;
/// Markers written by commands; the desk wrote those before them.
const WRITTEN: std::ops::Range<usize> = 40..110;
/// Markers in photos.
const PHOTOGRAPHED: std::ops::Range<usize> = 110..190;
/// Bytes of the photo in whose transaction the process dies: more than SQLite keeps in memory.
const UNCOMMITTED_BYTES: usize = 6 * 1024 * 1024;

struct Scribe {
    replica: Replica,
    now: Timestamp,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, kind, secret, identity, now] = &arguments[..] else {
        panic!("usage: gongdan-scribe STORE encrypted|plain SECRET IDENTITY NOW");
    };
    let secret: [u8; 32] = unhex(secret)
        .and_then(|bytes| bytes.try_into().ok())
        .expect("64 hexadecimal digits");
    let identity: Identity =
        codec::decode(&unhex(identity).expect("hexadecimal digits")).expect("an identity");
    let open = || {
        match kind.as_str() {
            "encrypted" => SqliteStore::open(path, &StoreKey::from_bytes(secret)),
            _ => SqliteStore::open_unencrypted(path),
        }
        .expect("the phone's file")
    };
    let mut store = open();
    Replica::enrol(&mut store, &identity).expect("a fresh store");
    let key = DeviceKey::from_bytes(&secret);
    let mut scribe = Scribe {
        replica: Replica::open(Box::new(store), key, [4; 32]).expect("an enrolled store"),
        now: Timestamp(now.parse().expect("seconds")),
    };
    scribe.live();
    println!("ready");
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .expect("the parent answers");
    if line.trim() == "crash" {
        let ticket = scribe.tickets()[0];
        // The log stays hot: the first opening is never closed.
        crash(open(), ticket);
    }
}

impl Scribe {
    fn live(&mut self) {
        self.sync();
        let tickets = self.tickets();
        assert_eq!(tickets.len(), 10, "what the desk assigned");
        let found = self
            .replica
            .list(&Filter {
                query: Some(marker(1)),
                ..Filter::default()
            })
            .expect("the phone's store works");
        assert_eq!(found.len(), 1, "the desk's markers are on the phone");
        for ticket in &tickets {
            for command in [Command::Accept, Command::Depart, Command::Arrive] {
                self.act(*ticket, command);
            }
        }
        let (sent, unsent) = tickets.split_at(5);
        self.write(sent, WRITTEN.start..70);
        self.photograph(sent, PHOTOGRAPHED.start..150);
        self.finish(sent[0], 100);
        self.sync();
        self.write(unsent, 70..100);
        self.photograph(unsent, 150..PHOTOGRAPHED.end);
        self.finish(unsent[0], 105);
        // Sealed, and never answered.
        self.replica.next_request().expect("the store works");
        self.write(&unsent[1..], 106..110);
        self.fail(unsent[0]);
    }

    fn tickets(&mut self) -> Vec<TicketId> {
        let rows = self.replica.list(&Filter::default());
        let rows = rows.expect("the phone's store works");
        rows.iter().map(|row| row.id).collect()
    }

    fn sync(&mut self) {
        loop {
            let request = self.replica.next_request().expect("the store works");
            println!("ask {}", hex(&request));
            std::io::stdout().flush().expect("the parent listens");
            let mut line = String::new();
            std::io::stdin()
                .read_line(&mut line)
                .expect("the parent answers");
            let answer = unhex(line.trim()).expect("hexadecimal digits");
            let outcome = self.replica.receive(&answer).expect("an answer");
            if !outcome.more {
                return;
            }
        }
    }

    fn act(&mut self, ticket: TicketId, act: impl Into<Act>) {
        self.now = self.now.plus(60);
        let done = self.replica.execute(self.now, ticket, &Seen::new(), act);
        done.expect("lawful on an assigned ticket");
    }

    /// Everything a person can type.
    fn write(&mut self, tickets: &[TicketId], markers: std::ops::Range<usize>) {
        for (n, ticket) in markers.zip(tickets.iter().cycle()) {
            let text = marker(n);
            self.act(
                *ticket,
                match n % 7 {
                    0 => Command::Correct {
                        field: Field::ContactName,
                        value: text.as_str().into(),
                    },
                    1 => Command::RecordStep {
                        operation: text,
                        result: "正常".to_owned(),
                    },
                    2 => Command::Diagnose {
                        cause: "hardware".to_owned(),
                        route: "on_site".to_owned(),
                        conclusion: text,
                    },
                    3 => Command::AnswerChecklist {
                        answers: vec![ChecklistEntry {
                            item: "pressure".to_owned(),
                            answer: Answer::Reading { text },
                        }],
                    },
                    4 => Command::UsePart {
                        part_number: "AC-CAP-35".to_owned(),
                        name: text,
                        quantity: 1,
                    },
                    5 => Command::Correct {
                        field: Field::Address,
                        value: text.as_str().into(),
                    },
                    _ => Command::WriteNote {
                        part: Part::Service,
                        text,
                    },
                },
            );
        }
    }

    /// Photos and their thumbnails, some of which have gone and are dropped.
    fn photograph(&mut self, tickets: &[TicketId], markers: std::ops::Range<usize>) {
        for (n, ticket) in markers.zip(tickets.iter().cycle()) {
            let hash = self.keep(*ticket, &photo(n, 300));
            self.act(
                *ticket,
                Command::AttachPhoto {
                    blob: hash,
                    media_type: "image/jpeg".to_owned(),
                    bytes: photo(n, 300).len() as u64,
                    caption: marker(n),
                },
            );
            let thumbnail = self.keep(*ticket, &photo(n, 20));
            if n % 4 == 0 {
                for blob in [hash, thumbnail] {
                    self.replica.mark_blob_sent(blob).expect("the store works");
                    assert!(self.replica.drop_blob(blob).expect("the store works"));
                }
            }
        }
    }

    fn keep(&mut self, ticket: TicketId, photo: &[u8]) -> BlobHash {
        let kept = self.replica.add_blob(ticket, "image/jpeg", photo);
        kept.expect("room for a photo")
    }

    /// The job ends by a signature.
    fn finish(&mut self, ticket: TicketId, n: usize) {
        self.act(ticket, Command::Complete { summary: marker(n) });
        let shown = ChangeHash([7; 32]);
        let answers = FourAnswers {
            solved: true,
            satisfied: true,
            professionalism: 9,
            comments: Some(marker(n)),
        };
        let signed = testing::signed(&marker(n + 1), answers, shown);
        self.act(ticket, Act(signed.into()));
    }

    /// What an app logs of what could not be done.
    fn fail(&mut self, ticket: TicketId) {
        let value = (0..MARKERS).map(marker).collect::<String>();
        for (ticket, command) in [
            (ticket, Command::Complete { summary: marker(0) }),
            (
                TicketId::from_bytes([9; 16]),
                Command::WriteNote {
                    part: Part::Service,
                    text: marker(1),
                },
            ),
            (
                ticket,
                Command::Correct {
                    field: Field::CustomerName,
                    value: value.as_str().into(),
                },
            ),
            (ticket, Command::Cancel { reason: marker(2) }),
        ] {
            let done = self
                .replica
                .execute(self.now, ticket, &Seen::new(), command);
            let error = done.expect_err("it cannot be done");
            eprintln!("{error}: {error:?}");
        }
        let counts = self.replica.outbox_counts().expect("the store works");
        eprintln!("outbox: {counts:?}");
    }
}

fn photo(n: usize, filling: usize) -> Vec<u8> {
    let mut photo = vec![0xff, 0xd8];
    for _ in 0..COPIES {
        for bytes in encoded(&marker(n)) {
            photo.extend(std::iter::repeat_n((n % 64) as u8, filling));
            photo.extend(bytes);
        }
    }
    photo
}

/// Dies with everything of a large photo written and nothing committed.
fn crash(store: SqliteStore, ticket: TicketId) {
    let mut bytes = Vec::with_capacity(UNCOMMITTED_BYTES + 64 * 1024);
    while bytes.len() < UNCOMMITTED_BYTES {
        for n in PHOTOGRAPHED.end..MARKERS {
            bytes.extend(photo(n, 300));
        }
    }
    let row = BlobRow {
        hash: BlobHash([1; 32]),
        ticket,
        media_type: "image/jpeg".to_owned(),
        bytes: bytes.len() as u64,
        state: BlobState::Unsent,
    };
    // Begin, write, and not the third.
    let mut store = Aborting::new(store, 3);
    let written = store.write(&mut |txn| txn.put_blob(&row, &bytes));
    panic!("it is past its end: {written:?}");
}
