//! A hundred connections that say what they want byte by byte.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::attacks::Attacker;
use super::process::Process;
use super::world::World;
use super::{Failure, Options, Row, TURNS, http};

pub(super) const NAME: &str = "100 slow connections";
const CONNECTIONS: usize = 100;
/// What they say they will send.
const BODY_BYTES: usize = 1_000_000;
const EACH: Duration = Duration::from_millis(100);

/// Half of them never end their header, half their body.
fn open(server: &Process, attacker: &Attacker) -> Result<Vec<TcpStream>, Failure> {
    let head = http::head(server, &attacker.authorization(b"never"), BODY_BYTES);
    let mut all = Vec::new();
    for n in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(server.address())?;
        match n % 2 {
            0 => stream.write_all(head.as_bytes())?,
            _ => stream.write_all(b"POST /v1/sync HTTP/1.1\r\nx-slow: ")?,
        }
        all.push(stream);
    }
    Ok(all)
}

/// A byte on each, again and again; the server may have hung up.
fn dribble(all: &mut [TcpStream], seconds: u64) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        for stream in all.iter_mut() {
            let _hung_up = stream.write_all(b"a");
        }
        std::thread::sleep(EACH);
    }
}

/// The cost of one is a hundredth of what all took.
pub(super) fn run(options: &Options, world: &mut World) -> Result<Row, Failure> {
    let attacker = Attacker::bare(world)?;
    let mut phone = world.phone()?;
    let server = Process::start(&options.program, world.data())?;
    phone.exchange(&server)?;
    let seconds = options.window_seconds.clamp(1, 5);
    let (opened, mut cost) = server.measured(|| {
        let mut all = open(&server, &attacker)?;
        dribble(&mut all, seconds);
        Ok::<_, Failure>(())
    })?;
    opened?;
    cost.cpu /= CONNECTIONS as u32;
    cost.memory_bytes /= CONNECTIONS as u64;
    let mut honest = None;
    if options.window_seconds > 0 {
        let (mut alone, mut beside) = <(super::Latencies, super::Latencies)>::default();
        for _ in 0..TURNS {
            alone.extend(phone.window(&server, options.window_seconds, None)?);
            let mut all = open(&server, &attacker)?;
            let dribbling = std::thread::spawn({
                let seconds = options.window_seconds;
                move || dribble(&mut all, seconds)
            });
            beside.extend(phone.window(&server, options.window_seconds, None)?);
            dribbling.join().map_err(|_| "a connection panicked")?;
        }
        honest = Some((alone, beside));
    }
    Ok(Row {
        name: NAME,
        answer: format!("each, over {seconds} s"),
        bytes: seconds as usize * 10,
        costs: vec![cost],
        changesets: 0,
        honest,
    })
}
