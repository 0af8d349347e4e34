//! Whatever the disk does at a write, nothing that was acknowledged is lost, and work goes on to the same end.
//!
//! A session of the phone and one of the server are recorded, each on a disk in memory (`gongdan-disk`), and run again
//! once for each write, sync, truncation and deletion in it, and each kind of fault: the power goes there, the operation
//! fails, the disk is full. `GONGDAN_POWER` runs so many seeds of each at every point; without it the power is cut at
//! every point once, and the others come at every third.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod phone;
mod server;

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gongdan_disk::{Disk, Fault, Points};

/// Points between two that the faults beside power cuts come at, unless more was asked for.
const STRIDE: usize = 3;

/// A kind of fault: its name, and how a seed makes one.
type Kind = (&'static str, fn(u64) -> Fault);

const FAULTS: [Kind; 3] = [
    ("power cut", Fault::PowerCut),
    ("failing operation", Fault::Error),
    ("full disk", |_| Fault::Full),
];

/// What a run of a session came to.
#[derive(Debug, PartialEq, Eq)]
struct Ran<End> {
    points: Points,
    /// The fault happened.
    struck: bool,
    /// Power came back, or somebody tried again, so many times.
    retries: u32,
    end: End,
}

/// The store failed.
struct Failed;

/// A session on a disk that may fail.
trait Session {
    type Step: Copy + std::fmt::Debug;
    fn disk(&self) -> &Disk;
    /// Does a step, or what of it is not there yet; somebody who was told of a failure looks first.
    fn step(&mut self, step: Self::Step) -> Result<(), Failed>;
    /// A step is behind us: what it made was acknowledged.
    fn done(&mut self, step: Self::Step);
    /// The power comes back: everything that was acknowledged is there.
    fn recover(&mut self);
}

/// Does all steps of a session, a fault at one of its points; how often somebody had to try again.
fn through<S: Session>(session: &mut S, steps: &[S::Step], at: u64, fault: Fault) -> u32 {
    session.disk().arm(at, fault);
    let mut retries = 0;
    for step in steps {
        let mut result = session.step(*step);
        if session.disk().is_off() {
            retries += 1;
            if result.is_ok() {
                session.done(*step);
            }
            session.recover();
            if result.is_err() {
                result = session.step(*step);
            }
        } else if result.is_err() {
            // Somebody makes room, and tries again.
            retries += 1;
            if fault == Fault::Full {
                session.disk().disarm();
            }
            result = session.step(*step);
        }
        assert!(result.is_ok(), "{step:?} is not possible any more");
        session.done(*step);
    }
    retries
}

/// Runs `session` with a fault of each kind at each of its points, and prints how many there were.
fn every_point<End: PartialEq + std::fmt::Debug + Sync>(
    name: &str,
    session: impl Fn(u64, Fault) -> Ran<End> + Sync,
) {
    let started = Instant::now();
    let undisturbed = session(u64::MAX, Fault::Full);
    assert!(!undisturbed.struck && undisturbed.retries == 0);
    let points = undisturbed.points.all();
    // Past the test harness, which keeps what a test prints to itself.
    let tell = |line: String| {
        let line = format!("{name}: {line}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    };
    tell(format!(
        "{points} points, {:.2} s each",
        started.elapsed().as_secs_f64()
    ));
    let asked = std::env::var("GONGDAN_POWER").ok();
    let asked: Option<u64> = asked.and_then(|n| n.parse().ok());
    let seeds = asked.unwrap_or(1);
    let mut told = Vec::new();
    for (kind, fault) in FAULTS {
        let stride = match asked {
            None if kind != FAULTS[0].0 => STRIDE,
            _ => 1,
        };
        let at: Vec<u64> = (1..=points).step_by(stride).collect();
        let runs = at.len() as u64 * seeds;
        let (next, struck, retried) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let run = next.fetch_add(1, Ordering::Relaxed);
                        if run >= runs {
                            return;
                        }
                        let (at, seed) = (at[run as usize % at.len()], run);
                        let ran = session(at, fault(seed));
                        assert_eq!(ran.end, undisturbed.end, "{kind} at {at}, seed {seed}");
                        struck.fetch_add(u64::from(ran.struck), Ordering::Relaxed);
                        retried.fetch_add(u64::from(ran.retries > 0), Ordering::Relaxed);
                    }
                });
            }
        });
        let (struck, retried) = (struck.into_inner(), retried.into_inner());
        assert!(retried > 0, "{kind}: nobody ever noticed");
        if kind != "full disk" {
            assert_eq!(struck, runs, "{kind}: points were missed");
        }
        told.push(format!("{kind} {struck} (noticed {retried})"));
    }
    let of = undisturbed.points;
    tell(format!(
        "{points} points ({} writes, {} syncs, {} truncations, {} deletions), {seeds} seeds; struck: {}; {:.0} s",
        of.writes,
        of.syncs,
        of.truncations,
        of.deletions,
        told.join(", "),
        started.elapsed().as_secs_f64()
    ));
}

/// `PRAGMA integrity_check` and `foreign_key_check` say that all is well.
fn assert_sound(connection: &rusqlite::Connection) {
    let said: String = connection
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(said, "ok");
    let broken = connection
        .prepare("PRAGMA foreign_key_check")
        .unwrap()
        .exists([])
        .unwrap();
    assert!(!broken, "a reference leads nowhere");
}
