//! A phone that is killed at any moment loses nothing that it said was done, and keeps nothing by halves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};

use gongdan_core::ids::TicketId;
use gongdan_core::store::sqlite::SqliteStore;
use gongdan_tests::random::Random;
use gongdan_tests::whole;
use gongdan_tests::world::{On, World, note};
use gongdan_web::golden::{hex, unhex};

/// Kills of the random test; `GONGDAN_KILLS` asks for more.
const KILLS: u64 = 60;

struct Victim {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// What a line of a victim says.
enum Line {
    Doing(String),
    Done(String),
    Ask(Vec<u8>),
    Other,
    Gone,
}

impl Victim {
    fn start(arguments: &[String]) -> Self {
        let mut process = Process::new(env!("CARGO_BIN_EXE_gongdan-victim"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = process.stdin.take().unwrap();
        let from = BufReader::new(process.stdout.take().unwrap());
        Self { process, to, from }
    }

    fn line(&mut self) -> Line {
        let mut line = String::new();
        if self.from.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            return Line::Gone;
        }
        match line.trim_end().split_once(' ') {
            Some(("doing", text)) => Line::Doing(text.to_owned()),
            Some(("done", text)) => Line::Done(text.to_owned()),
            Some(("ask", bytes)) => Line::Ask(unhex(bytes).unwrap()),
            _ => Line::Other,
        }
    }

    fn answer(&mut self, bytes: &[u8]) {
        // It may be dead already.
        let _written = writeln!(self.to, "{}", hex(bytes)).and_then(|()| self.to.flush());
    }

    /// Kills it; what it had said before and nobody had read yet.
    fn kill(mut self) -> Vec<Line> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let mut said = Vec::new();
        loop {
            match self.line() {
                Line::Gone => return said,
                line => said.push(line),
            }
        }
    }
}

/// A world with one phone on SQLite that holds one accepted ticket; the phone is closed.
fn world(seed: u64) -> (World, TicketId, PathBuf) {
    let mut world = World::new(seed);
    let phone = world.phone("W001", On::Sqlite);
    world.run_until_quiescent();
    let ticket = world.accepted(phone, &["W001"]);
    world.phones[phone].close();
    let path = world.phones[phone].path().to_owned();
    (world, ticket, path)
}

fn arguments(
    world: &World,
    ticket: TicketId,
    entropy: [u8; 32],
    first: u64,
    count: u64,
) -> Vec<String> {
    let phone = &world.phones[0];
    vec![
        phone.path().display().to_string(),
        hex(&phone.secret),
        hex(&entropy),
        ticket.to_string(),
        world.now().seconds().to_string(),
        first.to_string(),
        count.to_string(),
    ]
}

/// The phone's file says the same in all its tables, and everything that was done is in it.
fn assert_whole(world: &mut World, ticket: TicketId, done: &[String]) {
    let phone = &world.phones[0];
    let mut store = SqliteStore::open(phone.path(), &phone.store_key()).unwrap();
    whole::assert_whole(&mut store, ticket, done);
}

/// After everything arrived, each note that was done is on the server, once, and nothing twice.
fn assert_arrives_once(mut world: World, ticket: TicketId, done: &[String]) {
    world.phones[0].reopen();
    world.settle();
    let mut texts: Vec<String> = world
        .office
        .ticket(ticket)
        .notes
        .into_iter()
        .map(|n| n.text)
        .collect();
    let all = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all, "a note came twice");
    for text in done {
        assert!(texts.contains(text), "{text} was done");
    }
    world.finish();
}

#[test]
fn a_phone_killed_at_random_moments_keeps_what_it_said_was_done() {
    let kills = std::env::var("GONGDAN_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(KILLS);
    let mut random = Random::new(7);
    let (mut world, ticket, _) = world(7);
    let (mut done, mut next) = (Vec::new(), 0);
    let mut in_the_middle = 0;
    for _ in 0..kills {
        let mut victim = Victim::start(&arguments(&world, ticket, random.bytes(), next, 1_000));
        let mut doing = None;
        // It lives for some lines and a part of the next step.
        let mut lines = 2 + random.below(14);
        loop {
            match victim.line() {
                Line::Doing(text) => {
                    next += 1;
                    doing = Some(text);
                }
                Line::Done(text) => {
                    doing = None;
                    done.push(text);
                }
                Line::Ask(request) => {
                    if random.one_in(3) {
                        world.desk(ticket, note("调度备注"));
                    }
                    let answer = world
                        .office
                        .sync(world.phones[0].device(), &request)
                        .unwrap();
                    victim.answer(&answer);
                }
                Line::Other => {}
                Line::Gone => panic!("the victim ended by itself"),
            }
            lines -= 1;
            if lines == 0 {
                break;
            }
        }
        for _ in 0..random.below(400_000) {
            std::hint::spin_loop();
        }
        for line in victim.kill() {
            match line {
                Line::Doing(text) => {
                    next += 1;
                    doing = Some(text);
                }
                Line::Done(text) => {
                    doing = None;
                    done.push(text);
                }
                Line::Ask(_) | Line::Other | Line::Gone => {}
            }
        }
        in_the_middle += u32::from(doing.is_some());
        assert_whole(&mut world, ticket, &done);
    }
    assert!(
        in_the_middle > 0,
        "no kill ever came between `doing` and `done`"
    );
    // The desk's notes are alike on purpose; they are not the phone's.
    done.retain(|text| text != "调度备注");
    world.phones[0].reopen();
    world.settle();
    let notes = world.office.ticket(ticket).notes;
    for text in &done {
        assert_eq!(
            notes.iter().filter(|note| note.text == *text).count(),
            1,
            "{text} was done"
        );
    }
    world.finish();
}

#[test]
fn a_phone_that_dies_between_any_two_statements_is_whole() {
    let mut at = 1;
    loop {
        let (mut world, ticket, _) = world(11);
        let mut arguments = arguments(&world, ticket, [42; 32], 2, 3);
        arguments.push(at.to_string());
        let mut victim = Victim::start(&arguments);
        let mut done = Vec::new();
        let ended = loop {
            match victim.line() {
                Line::Done(text) => done.push(text),
                Line::Ask(request) => {
                    world.desk(ticket, note(&format!("调度备注{at}-{}", done.len())));
                    let answer = world
                        .office
                        .sync(world.phones[0].device(), &request)
                        .unwrap();
                    victim.answer(&answer);
                }
                Line::Gone => break victim.process.wait().unwrap().success(),
                Line::Doing(_) | Line::Other => {}
            }
        };
        assert_whole(&mut world, ticket, &done);
        assert_arrives_once(world, ticket, &done);
        if ended {
            break;
        }
        at += 1;
    }
    assert!(
        at > 50,
        "only {at} operations: the session does not do what it is to be killed in"
    );
}
