//! The server's own program, killed at any moment under the syncs of phones: what it said it has it has, once.
//!
//! When a kill comes is seeded as a number of exchanges and of turns after them; where it hits is the machine's
//! doing. `GONGDAN_KILLS` asks for more.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};

use gongdan_core::ids::{Part, TicketId};
use gongdan_core::replica::{Identity, Replica, Seen};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_core::ticket::Command as Intent;
use gongdan_server::auth::enrolment::{self, Enrolment};
use gongdan_server::config::Config;
use gongdan_server::host::Host;
use gongdan_server::relay::{documents, tickets};
use gongdan_server::store::{Database, StoreError};
use gongdan_server::{AppState, verify};
use reqwest::Method;

use crate::cli::gongdan;
use crate::desk::{DISPATCHER, TECHNICIAN};
use crate::harness::TestDevice;
use crate::phone::{MEDIA_TYPE, PATH};

const KILLS: usize = 60;
const PHONES: u8 = 3;
/// Within the program's start a kill comes once in so many lives.
const AT_START: u64 = 6;

/// A phone on a ticket of its own.
struct Phone {
    device: TestDevice,
    replica: Replica,
    ticket: TicketId,
    /// Notes it wrote.
    written: Vec<String>,
    /// How many of them the server said it has.
    acknowledged: usize,
    /// Exchanges that got no answer.
    unanswered: usize,
}

impl Phone {
    /// One exchange; nothing where no answer came.
    fn exchange(&mut self, agent: &ureq::Agent, url: &str) -> Option<bool> {
        let body = self.replica.next_request().unwrap();
        let header = self.device.header(&Method::POST, PATH, &body);
        let answer = agent
            .post(format!("{url}{PATH}"))
            .header("authorization", header)
            .header("content-type", MEDIA_TYPE)
            .send(&body)
            .and_then(|mut answer| answer.body_mut().read_to_vec());
        let answer = match answer {
            Ok(answer) => answer,
            Err(ureq::Error::StatusCode(status)) => panic!("answered {status}"),
            Err(_) => {
                self.unanswered += 1;
                return None;
            }
        };
        let more = self.replica.receive(&answer).unwrap().more;
        if self.replica.outbox().unwrap().is_empty() {
            self.acknowledged = self.written.len();
        }
        Some(more)
    }

    /// Writes and syncs until the server is gone.
    fn work(&mut self, n: u8, url: &str, told: &Sender<()>) {
        let agent = ureq::Agent::new_with_defaults();
        // At first the ticket comes.
        while self.replica.ticket(self.ticket).unwrap().is_none() {
            let _ended = told.send(());
            if self.exchange(&agent, url).is_none() {
                return;
            }
        }
        loop {
            let text = format!("手机{n}第{}条", self.written.len());
            let command = Intent::WriteNote {
                part: Part::Service,
                text: text.clone(),
            };
            let now = testing::at(60 * i64::try_from(self.written.len()).unwrap());
            self.replica
                .execute(now, self.ticket, &Seen::new(), command)
                .unwrap();
            self.written.push(text);
            // The other end may have heard enough.
            let _ended = told.send(());
            if self.exchange(&agent, url).is_none() {
                return;
            }
        }
    }
}

/// A data folder with an organisation, and phones with an assigned ticket each.
fn set_up(data: &Path) -> Vec<Phone> {
    let organisation = concat!(env!("CARGO_MANIFEST_DIR"), "/sample/organisation.toml");
    assert!(
        gongdan(data, &["org", "load", organisation])
            .status
            .success()
    );
    let state = AppState::open(Config::new(data), Host::system()).unwrap();
    let (dispatcher, person) = (DISPATCHER.parse().unwrap(), TECHNICIAN.parse().unwrap());
    let phone = |n: u8| {
        let key = DeviceKey::from_bytes(&[n; 32]);
        let enrolled = state.db.write(|tx| {
            let (code, _) = enrolment::invite(tx, &person, 1, &state.host)?.unwrap();
            enrolment::enrol(tx, &code, &key.public(), "test", &state.host)
        });
        let Enrolment::Enrolled { device, person } = enrolled.unwrap() else {
            panic!("enrolled");
        };
        let identity = Identity {
            device,
            person: person.clone(),
            server_key: *state.keys.public().as_bytes(),
        };
        let execute = |ticket, command: Intent| {
            let (now, seen) = (state.host.now(), Seen::new());
            let relay = &state.relay;
            let done = relay.execute(now, &dispatcher, ticket, &seen, &command.into());
            done.unwrap().ticket
        };
        let ticket = execute(None, testing::open());
        let assign = Intent::Assign {
            crew: vec![person.clone()],
            lead: person,
            group: None,
        };
        execute(Some(ticket), assign);
        let mut store = MemoryStore::default();
        Replica::enrol(&mut store, &identity).unwrap();
        Phone {
            replica: Replica::open(Box::new(store), key.clone(), [n; 32]).unwrap(),
            device: TestDevice { id: device, key },
            ticket,
            written: Vec::new(),
            acknowledged: 0,
            unanswered: 0,
        }
    };
    (1..=PHONES).map(phone).collect()
}

/// Starts the program; with the address that it tells, or before it tells one.
fn start(data: &Path) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gongdan"))
        .arg("--data")
        .arg(data)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("RUST_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    (child, said)
}

fn address(said: &mut BufReader<std::process::ChildStdout>) -> String {
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let at = line.find("http://").unwrap();
    line[at..].trim_end().to_owned()
}

/// What was acknowledged is in the documents, nothing is there twice, and they are what the log makes.
fn assert_kept(data: &Path, phones: &[Phone]) {
    let db = Database::open(data.join("gongdan.db")).unwrap();
    assert_eq!(db.read(verify::different_documents).unwrap(), 0);
    for phone in phones {
        let document = db.read(|c| {
            let index = tickets::by_id(c, phone.ticket)?.unwrap().index;
            Ok::<_, StoreError>(documents::load(c, index, Part::Service)?.unwrap())
        });
        let document = document.unwrap();
        let ticket = gongdan_core::document::hydrate(phone.ticket, None, &[&document]).unwrap();
        let mut there: Vec<&str> = ticket.notes.iter().map(|note| note.text.as_str()).collect();
        there.sort_unstable();
        let all = there.len();
        there.dedup();
        assert_eq!(there.len(), all, "a note is there twice");
        for text in &phone.written[..phone.acknowledged] {
            let found = there.binary_search(&text.as_str());
            assert!(found.is_ok(), "{text} was acknowledged");
        }
    }
}

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[test]
fn a_server_killed_at_any_moment_has_what_it_said_it_has() {
    let kills = std::env::var("GONGDAN_KILLS").ok();
    let kills = kills.and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut phones = set_up(&data);
    let mut random = Random(5);
    for _ in 0..kills {
        let (mut child, mut said) = start(&data);
        if random.below(AT_START) == 0 {
            for _ in 0..random.below(40_000_000) {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            let url = address(&mut said);
            let (told, heard) = channel();
            std::thread::scope(|scope| {
                for (n, phone) in (1..).zip(&mut phones) {
                    let (url, told) = (url.as_str(), told.clone());
                    scope.spawn(move || phone.work(n, url, &told));
                }
                drop(told);
                for _ in 0..=random.below(20) {
                    heard.recv().expect("phones work until the server is gone");
                }
                for _ in 0..random.below(4_000_000) {
                    std::hint::spin_loop();
                }
                child.kill().unwrap();
                child.wait().unwrap();
            });
        }
        assert_kept(&data, &phones);
    }
    let unanswered: usize = phones.iter().map(|phone| phone.unanswered).sum();
    let (mut child, mut said) = start(&data);
    let url = address(&mut said);
    let agent = ureq::Agent::new_with_defaults();
    for phone in &mut phones {
        while phone.exchange(&agent, &url).unwrap() {}
        assert_eq!(phone.acknowledged, phone.written.len());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_kept(&data, &phones);
    // Every entry executed again gives the heads that the log has; a command id that came twice fails there.
    for arguments in [&["rebuild"][..], &["verify", "log"]] {
        let output = gongdan(&data, arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
    let written: usize = phones.iter().map(|phone| phone.written.len()).sum();
    assert!(unanswered >= kills / 2, "{unanswered} exchanges were cut");
    // Past the test harness, which keeps what a test prints to itself.
    let line = format!(
        "server killed {kills} times, {unanswered} exchanges cut: {written} commands arrived once\n"
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
