//! A phone to be killed: it executes and syncs on a SQLite file and says what is done, line by line.
//!
//! ```text
//! gongdan-victim STORE SECRET ENTROPY TICKET NOW FIRST COUNT [ABORT_AT]
//! out: doing TEXT · done TEXT · ask HEX · received
//! in:  HEX (the answer)
//! ```
//! Invariant: `done` and `received` are printed after the call has returned, never before. With `ABORT_AT`
//! the process aborts itself before that operation of its store, counted from 1 over transactions' beginnings,
//! operations and ends.
#![expect(clippy::print_stdout, reason = "it is a program that talks by lines")]

use std::io::Write;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::TicketId;
use gongdan_core::replica::{Replica, Seen};
use gongdan_core::store::Store;
use gongdan_core::store::sqlite::{SqliteStore, StoreKey};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_tests::aborting::Aborting;
use gongdan_tests::world::note;
use gongdan_web::golden::{hex, unhex};

/// How many commands are executed between two syncs.
const BETWEEN_SYNCS: u64 = 3;

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("the parent listens");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, secret, entropy, ticket, now, first, count, rest @ ..] = &arguments[..] else {
        panic!("usage: gongdan-victim STORE SECRET ENTROPY TICKET NOW FIRST COUNT [ABORT_AT]");
    };
    let bytes = |text: &str| -> [u8; 32] {
        unhex(text)
            .and_then(|bytes| bytes.try_into().ok())
            .expect("64 hexadecimal digits")
    };
    let number = |text: &str| -> u64 { text.parse().expect("a number") };
    let ticket: TicketId = ticket.parse().expect("a ticket's id");
    let now = Timestamp(i64::try_from(number(now)).expect("seconds"));
    let store =
        SqliteStore::open(store, &StoreKey::from_bytes(bytes(secret))).expect("the phone's file");
    let store: Box<dyn Store> = match rest.first() {
        Some(at) => Box::new(Aborting::new(store, number(at))),
        None => Box::new(store),
    };
    let key = DeviceKey::from_bytes(&bytes(secret));
    let mut replica = Replica::open(store, key, bytes(entropy)).expect("an enrolled store");
    say("open");
    for n in number(first)..number(first) + number(count) {
        let text = format!("第{n}条");
        say(&format!("doing {text}"));
        let at = now.plus(i64::try_from(n).expect("a small number"));
        replica
            .execute(at, ticket, &Seen::new(), note(&text))
            .expect("a note is always lawful");
        say(&format!("done {text}"));
        if n % BETWEEN_SYNCS == 0 {
            sync(&mut replica);
        }
    }
    say("end");
}

fn sync(replica: &mut Replica) {
    loop {
        let request = replica.next_request().expect("the phone's store works");
        say(&format!("ask {}", hex(&request)));
        let mut line = String::new();
        std::io::stdin()
            .read_line(&mut line)
            .expect("the parent answers");
        let answer = unhex(line.trim()).expect("hexadecimal digits");
        let outcome = replica
            .receive(&answer)
            .expect("the answer to the last request");
        say("received");
        if !outcome.more {
            return;
        }
    }
}
